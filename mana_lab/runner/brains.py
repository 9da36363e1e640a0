"""Brains by name: who plays the personas, and what that will about cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mana_lab.errors import SettingsError
from mana_lab.runner.brain import Brain
from mana_lab.runner.scripted import ScriptedBrain

SCRIPTED: Final = "scripted"
CHOICE: Final = (
    "Who plays the personas: scripted, or a model such as anthropic:NAME, openai:NAME or "
    "ollama:NAME (pip install 'mana-lab[llm]'), or claude:NAME ('mana-lab[claude-agent]')."
)
"""What commands say of their option ``--brain``."""
_CLAUDE = "claude:"


@asynccontextmanager
async def brain_of(name: str) -> AsyncIterator[Brain]:
    """Hold the brain of a name.

    Args:
        name: ``scripted``, or a provider and a model: ``anthropic:…``; ``claude:…`` is the Claude
            Agent SDK.

    Raises:
        SettingsError: There is no such brain, or something is missing that it needs.
    """
    if name == SCRIPTED:
        yield ScriptedBrain()
    elif ":" not in name:
        raise SettingsError(
            f"there is no brain {name!r}; give {SCRIPTED}, or a provider and a model such as "
            "anthropic:NAME"
        )
    elif name.startswith(_CLAUDE):
        from mana_lab.runner.claude import ClaudeBrain

        async with ClaudeBrain(name.removeprefix(_CLAUDE)) as claude:
            yield claude
    else:
        from mana_lab.runner.models import model_brain

        async with model_brain(name) as brain:
            yield brain


def foreseen(name: str, ticks: int) -> str | None:
    """Return what so many ticks will about take; None for a brain that takes nothing.

    Args:
        name: As for :func:`brain_of`.
        ticks: How many.
    """
    if name == SCRIPTED:
        return None
    if name.startswith(_CLAUDE):
        from mana_lab.runner.claude import DOLLARS_PER_TICK

        most = DOLLARS_PER_TICK * ticks
        return f"{ticks} ticks with Claude take at most {most} USD, {DOLLARS_PER_TICK} USD each"
    from mana_lab.runner.models import estimate

    return str(estimate(name, ticks))
