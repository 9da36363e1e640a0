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
    "Who plays the personas: scripted, or a model such as anthropic:NAME, openai:NAME "
    "or ollama:NAME (pip install 'mana-lab[llm]')."
)
"""What commands say of their option ``--brain``."""


@asynccontextmanager
async def brain_of(name: str) -> AsyncIterator[Brain]:
    """Hold the brain that an option names.

    Args:
        name: ``scripted``, or a provider and a model: ``anthropic:…``.

    Raises:
        SettingsError: There is no such brain, or something is missing that it needs.
    """
    if name == SCRIPTED:
        yield ScriptedBrain()
    elif ":" not in name:
        raise SettingsError(
            f"--brain: got {name!r}; need {SCRIPTED}, or a provider and a model such as "
            "anthropic:NAME"
        )
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
    from mana_lab.runner.models import estimate

    return str(estimate(name, ticks))
