"""The terms of a run: who plays, how many at a time, and for how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from mana_lab.errors import InvalidInputError
from mana_lab.runner.brain import Brain, Priced
from mana_lab.runner.budget import Budget
from mana_lab.runner.claims import OpenTick
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

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise InvalidInputError(f"concurrency must be at least 1, got {self.concurrency}")
        if self.budget.limits_money and isinstance(self.brain, Priced):
            self.brain.require_price()
