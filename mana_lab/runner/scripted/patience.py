"""Patience: errors consume it, success restores it, and so do days without the app."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from mana_lab.runner.scripted.archetypes import Behavior
from mana_lab.runner.scripted.memory import Memory

_DAY = timedelta(days=1)
_LONGEST = 128
"""Of the name of a tool, which is the app's."""


class Patience:
    """How much more a persona bears in one tick.

    Args:
        behavior: How much its archetype bears at all.
        memory: How much was left at the end of the last tick, and when that was.
        now: When this tick is.

    Attributes:
        level: How many more failed calls it bears.
        reason: Why the persona leaves for good; None as long as it bears more.
    """

    def __init__(self, behavior: Behavior, memory: Memory, now: datetime) -> None:
        self.level = self._most = behavior.endurance
        self.reason: str | None = None
        self._relief = behavior.relief
        self._failed: Counter[str] = Counter()
        if memory.left_at is not None:
            away = max(0.0, (now - memory.left_at) / _DAY)
            self._restore(memory.patience - self._most + behavior.rest * away)

    def succeeded(self) -> None:
        """Take heart from a call that worked."""
        self._restore(self._relief)

    def failed(self, tool: str) -> None:
        """Bear one more failed call, of *tool*, or no longer."""
        self.level -= 1
        self._failed[tool] += 1
        if self.level <= 0:
            self.level = 0.0
            shown = tool if tool.isprintable() else ascii(tool)
            others = self._failed.total() - self._failed[tool]
            besides = f" and other tools {times(others)}" if others else ""
            self.reason = (
                f"{shown[:_LONGEST]} failed {times(self._failed[tool])}{besides}: "
                "the patience was used up"
            )

    def _restore(self, gain: float) -> None:
        self.level = min(self._most, self.level + gain)


def times(count: int) -> str:
    """Return how often, in words: ``1 time``, ``2 times``."""
    return "1 time" if count == 1 else f"{count} times"
