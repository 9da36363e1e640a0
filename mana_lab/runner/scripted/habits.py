"""Habits: what has worked is reached for more, and what was given up is left alone for a while."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence

from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.archetypes import Behavior
from mana_lab.runner.scripted.memory import Memory

_FORMED = 8
"""After so many successes a habit is as strong as it gets."""
_LESSON = 4
"""To so many ticks of practice one blunder is worth that was understood."""


class Habits:
    """What a persona has learned about the tools.

    Args:
        behavior: How its archetype learns.
        memory: What it learned in earlier ticks.
        tick_number: How many ticks it has had, with this one.

    Attributes:
        successes: How often each tool worked of late.
        lessons: How many blunders with each tool it has understood.
    """

    def __init__(self, behavior: Behavior, memory: Memory, tick_number: int) -> None:
        self._behavior = behavior
        self._ticks = tick_number - 1
        self._avoided = memory.avoided
        self._given_up: set[str] = set()
        self.successes = Counter(memory.worked)
        self.lessons = Counter(memory.understood)

    def worked(self, tool: str) -> None:
        """Note that a call of *tool* worked."""
        self.successes[tool] = min(self.successes[tool] + 1, _FORMED)

    def gave_up(self, tool: str) -> None:
        """Note that *tool* was given up; half of the habit is lost."""
        self.successes[tool] //= 2
        self._given_up.add(tool)

    def understood(self, tool: str) -> None:
        """Note that a blunder with *tool* was understood."""
        self.lessons[tool] += 1

    def fondness(self, tools: Iterable[ToolInfo]) -> float:
        """Return how much more the persona reaches for a module than if it had no habits.

        Args:
            tools: What the module offers.
        """
        return max((self._weight(tool.name) for tool in tools), default=1.0)

    def choose(
        self, ways: Iterable[tuple[Sequence[ToolInfo], float]], dice: random.Random
    ) -> ToolInfo | None:
        """Choose a tool: first a way, then what has worked best; None if there is none.

        Args:
            ways: Tools that are good for the same, each with how much the persona wants that.
            dice: The randomness.
        """
        open_ways = [
            (willing, weight)
            for tools, weight in ways
            if weight and (willing := [tool for tool in tools if tool.name not in self._avoided])
        ]
        if not open_ways:
            return None
        tools, _weight = dice.choices(open_ways, [weight for _tools, weight in open_ways])[0]
        return dice.choices(tools, [self._weight(tool.name) for tool in tools])[0]

    def clumsiness(self, tool: str) -> float:
        """Return the chance of a blunder with *tool*."""
        practice = self._ticks + _LESSON * self.lessons[tool]
        return self._behavior.blunder / (1 + self._behavior.learns * practice)

    def avoided(self) -> dict[str, int]:
        """Return for how many ticks to come which tools are left alone."""
        still = {tool: ticks - 1 for tool, ticks in self._avoided.items()}
        return still | dict.fromkeys(self._given_up, self._behavior.avoids)

    def _weight(self, tool: str) -> float:
        return 1 + self._behavior.habit * self.successes[tool] / _FORMED
