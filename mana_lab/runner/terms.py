"""The terms of a run: who plays, how many at a time, and for how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from mana_lab.checks import check_count
from mana_lab.runner.arms import Arms
from mana_lab.runner.brain import Brain, Priced
from mana_lab.runner.budget import Budget
from mana_lab.runner.claims import OpenTick
from mana_lab.runner.run import RunPlan
from mana_lab.runner.tape import Tape

Progress: TypeAlias = Callable[[int, datetime], None]
"""Told after each tick how many are done, and the lab's time."""
Release: TypeAlias = Callable[[int, int], None]
"""Told, when a part of a run is cancelled, how many of its ticks have ended, and how many wait."""

DEFAULT_CONCURRENCY = 4


@dataclass(frozen=True)
class Terms:
    """How a run is lived.

    Attributes:
        brain: Who plays the personas.
        concurrency: How many personas use the app at the same time.
        budget: What models may take.
        on_progress: Told after each tick how many are done, and the lab's time.
        recording: What decides what the run comes to besides, such as versions, as JSON.
        app_on_tape: Whether what the app answers is recorded.
        new_tape: Gives the tape of a tick's model; by default what the ledger keeps of it.
        on_release: Told, when a part of a run is cancelled, how many of its ticks have ended, and
            how many had begun and wait to be done again.
        arms: What is varied; None for nothing.

    Raises:
        InvalidInputError: *concurrency* is below 1.
        SettingsError: The budget limits money, and nobody knows what the model costs.
    """

    brain: Brain
    concurrency: int = DEFAULT_CONCURRENCY
    budget: Budget = field(default_factory=Budget)
    on_progress: Progress | None = None
    recording: Mapping[str, Any] | None = None
    app_on_tape: bool = False
    new_tape: Callable[[OpenTick], Tape] | None = None
    on_release: Release | None = None
    arms: Arms | None = None

    def __post_init__(self) -> None:
        check_count(self.concurrency, "concurrency")
        if self.budget.limits_money:
            for brain in (self.brain, *(self.arms.brains.values() if self.arms else ())):
                if isinstance(brain, Priced):
                    brain.require_price()

    @property
    def design(self) -> Mapping[str, Any] | None:
        """What is varied, as the ledger keeps it."""
        return None if self.arms is None else self.arms.design

    def plays(self, plan: RunPlan) -> bool:
        """Tell whether a run goes on so: played by the same, and varied in the same way."""
        here = (self.brain.name, self.brain.model, self.design)
        return (plan.brain, plan.model, plan.design) == here

    def brain_of(self, tick: OpenTick) -> Brain:
        """Return who plays a tick."""
        return self.brain if self.arms is None else self.arms.brain_of(tick.variant, self.brain)

    def applied(self, tick: OpenTick) -> AbstractContextManager[object]:
        """Return what makes a tick's variant of the app so, for as long as it is held."""
        if self.arms is None or tick.variant is None:
            return nullcontext()
        return self.arms.applied(tick.persona_id, tick.variant)
