"""Brains by name: who plays the personas, and what that will about cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from mana_lab.errors import SettingsError
from mana_lab.runner.brain import Brain
from mana_lab.runner.scripted import ScriptedBrain
from mana_lab.storage import Store

SCRIPTED: Final = "scripted"
CHOICE: Final = (
    "Who plays the personas: scripted, or a model such as anthropic:NAME, openai:NAME or "
    "ollama:NAME (pip install 'mana-lab\\[llm]'), or claude:NAME ('mana-lab\\[claude-agent]')."
)
"""What commands say of their option ``--brain``; a bracket would be markup there."""
_CLAUDE = "claude:"


@dataclass(frozen=True)
class Sharing:
    """What processes share that live parts of one run.

    Attributes:
        store: The ledger's.
        holder: The name of this one, which no other has.
    """

    store: Store
    holder: str


@asynccontextmanager
async def brain_of(name: str, sharing: Sharing | None = None) -> AsyncIterator[Brain]:
    """Hold the brain of a name.

    Args:
        name: ``scripted``, or a provider and a model: ``anthropic:…``; ``claude:…`` is the Claude
            Agent SDK.
        sharing: Where the processes of a run share how many requests the provider takes; None for
            a process that is alone.

    Raises:
        SettingsError: There is no such brain, or something is missing that it needs.
    """
    _check(name)
    if name == SCRIPTED:
        yield ScriptedBrain()
    elif name.startswith(_CLAUDE):
        from mana_lab.runner.claude import ClaudeBrain

        async with ClaudeBrain(name.removeprefix(_CLAUDE)) as claude:
            yield claude
    else:
        from mana_lab.runner.models import SharedFlow, model_brain

        provider = name.partition(":")[0]
        flow = None if sharing is None else SharedFlow(sharing.store, provider, sharing.holder)
        async with model_brain(name, flow=flow) as brain:
            yield brain


def foreseen(name: str, ticks: int) -> str | None:
    """Return what so many ticks will about take; None for a brain that takes nothing.

    Args:
        name: As for :func:`brain_of`.
        ticks: How many.

    Raises:
        SettingsError: There is no such brain.
    """
    _check(name)
    if name == SCRIPTED:
        return None
    if name.startswith(_CLAUDE):
        from mana_lab.runner.claude import DOLLARS_PER_TICK

        most = DOLLARS_PER_TICK * ticks
        return f"{ticks} ticks with Claude take at most {most} USD, {DOLLARS_PER_TICK} USD each"
    from mana_lab.runner.models import estimate

    return str(estimate(name, ticks))


def _check(name: str) -> None:
    provider, _, model = name.partition(":")
    if name != SCRIPTED and not (provider and model):
        raise SettingsError(
            f"there is no brain {name[:80]!r}; give {SCRIPTED}, or a provider and a model such as "
            "anthropic:NAME"
        )
