"""The brain that played a run, to play it again without its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mana_lab.errors import InvalidInputError
from mana_lab.runner.brain import Brain
from mana_lab.runner.playing.limits import ModelLimits
from mana_lab.runner.scripted import ScriptedBrain

_NO_KEY = {"ANTHROPIC_API_KEY": "none, because a replay asks nobody"}


def brain_on_tape(name: str, model: str | None, recorded: Mapping[str, Any]) -> Brain:
    """Return a brain that does again what one of that name did; it asks no model.

    Args:
        name: The brain's name.
        model: The model behind it.
        recorded: What the brain said of itself when it was recorded.

    Raises:
        InvalidInputError: Nobody but the caller can make such a brain.
        SettingsError: A library is missing that it needs.
    """
    if name == ScriptedBrain.name:
        return ScriptedBrain()
    if name == "model":
        from mana_lab.runner.models.taped import taped_brain

        return taped_brain(model or "", recorded)
    if name == "claude":
        from mana_lab.runner.claude import ClaudeBrain

        limits = _limits(recorded)
        return ClaudeBrain(model or "", limits=limits, environment=_NO_KEY)
    if name == "human":
        raise InvalidInputError(
            "a person played this run, and what a person decides is not on tape; it can be read, "
            "not replayed"
        )
    raise InvalidInputError(f"a brain called {name!r} played this run; give it: replay(…, brain=…)")


def _limits(recorded: Mapping[str, Any]) -> ModelLimits | None:
    try:
        return ModelLimits(**recorded["limits"]) if recorded.get("limits") else None
    except TypeError:
        raise InvalidInputError("what is recorded of the brain is not that of Claude") from None
