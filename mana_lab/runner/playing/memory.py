"""What a persona that a model plays remembers from one tick to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mana_lab.runner.brain import Scene
from mana_lab.runner.playing.wording import as_json, sendable

LONGEST_NOTE = 1_000
"""How many characters of a visit's own note are kept."""

_MOST_VISITS = 6
_MOST_TOOLS = 20
_LONGEST_MEMORY = 5_000


def visit_of(scene: Scene, note: str) -> dict[str, Any]:
    """Return what is kept of a visit: when it was, what was called, and the persona's own note.

    Args:
        scene: The situation, after the visit.
        note: What the persona wants to remember.
    """
    outcomes = scene.memory.outcomes.values()
    called = Counter(outcome.tool for outcome in outcomes)
    worked = Counter(outcome.tool for outcome in outcomes if outcome.ok)
    visit: dict[str, Any] = {
        "date": f"{scene.now:%Y-%m-%d}",
        "note": sendable(note)[:LONGEST_NOTE],
        "calls": {
            tool: f"worked {worked[tool]} of {times}"
            for tool, times in called.most_common(_MOST_TOOLS)
        },
    }
    if scene.memory.gave_up is not None:
        visit["gave_up"] = scene.memory.gave_up
    return visit


def kept_with(past: Mapping[str, Any], visit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the persona's memory with one more visit: the latest ones, of bounded size.

    Args:
        past: The memory before.
        visit: From :func:`visit_of`.
    """
    earlier = past.get("visits")
    visits = [*(earlier if isinstance(earlier, list) else []), dict(visit)][-_MOST_VISITS:]
    while len(visits) > 1 and len(as_json(visits)) > _LONGEST_MEMORY:
        del visits[0]
    return {"visits": visits}


def note_of(memory: Mapping[str, Any]) -> str:
    """Return what the persona noted at the end of the last visit of a memory; may be empty."""
    visits = memory.get("visits")
    return str(visits[-1].get("note", "")) if visits else ""


def rated(memory: dict[str, Any], ratings: Mapping[str, int]) -> None:
    """Add to the memory's last visit what the persona thought of it."""
    if memory.get("visits"):
        memory["visits"][-1]["ratings"] = dict(ratings)
