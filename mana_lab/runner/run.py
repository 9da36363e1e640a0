"""A run: some days of simulated use, and what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias

from mana_lab.display import BLUE, VERMILLION, Html, columns, facts_table, facts_text, sparkline
from mana_lab.runner.meter import Usage

_DAY = timedelta(days=1)

RunStatus: TypeAlias = Literal["running", "done", "failed", "stopped"]


class Day(NamedTuple):
    """What happened in one day of a run.

    Attributes:
        calls: How many tool calls there were.
        errors: How many of them failed.
    """

    calls: int
    errors: int


def days_of(
    starts_at: datetime, ends_at: datetime, ticks: Iterable[tuple[datetime, int, int]]
) -> tuple[Day, ...]:
    """Return what happened in each 24 hours of a run; the last ones may be fewer.

    Args:
        starts_at: Its first moment.
        ends_at: When it was to end.
        ticks: When each was due, its calls, and how many of them failed.
    """
    count = -((starts_at - ends_at) // _DAY)
    calls, errors = [0] * count, [0] * count
    for due_at, called, failed in ticks:
        place = min(max((due_at - starts_at) // _DAY, 0), count - 1)
        calls[place] += called
        errors[place] += failed
    return tuple(map(Day, calls, errors))


@dataclass(frozen=True)
class RunPlan:
    """What a run sets out to do.

    Attributes:
        seed: What all randomness of the run derives from.
        brain: The brain that plays the personas.
        model: The model behind it, where there is one.
        starts_at: The first moment, in UTC.
        ends_at: The moment at which the run is to end, in UTC.
        participants: The e-mail addresses of those who take part; all personas when None.
        recording: What decides what the run comes to besides, such as versions, as JSON; None
            where nobody noted it.
        app_on_tape: Whether what the app answers is recorded.
        design: What is varied and how, as JSON; None where the app is the same in all ticks.
    """

    seed: int
    brain: str
    model: str | None
    starts_at: datetime
    ends_at: datetime
    participants: frozenset[str] | None = None
    recording: Mapping[str, Any] | None = None
    app_on_tape: bool = False
    design: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Run:
    """Some days of simulated use.

    Attributes:
        id: The run's id, which follows from the lab's run count, the seed and the start.
        seed: What all randomness of the run derives from.
        brain: The brain that played the personas.
        model: The model behind it, where there is one.
        starts_at: The first moment, in UTC.
        ends_at: The moment at which the run was to end, in UTC.
        ticks: How many ticks there were.
        failed_ticks: How many of them failed.
        abandoned_ticks: How many of them the persona gave up.
        open_ticks: How many of them have not ended.
        calls: How many tool calls there were.
        errors: How many of them failed.
        skipped_modules: How often a persona wanted a module that offers no tool.
        usage: What models took.
        status: ``running`` while it lasts, then ``done``; ``stopped`` or ``failed`` if it ended
            early, and can go on.
        reason: Why it ended early.
        by_day: What happened in each 24 hours from its first moment; empty where that is not known.
    """

    id: str = field(repr=False)
    seed: int
    brain: str
    model: str | None
    starts_at: datetime
    ends_at: datetime
    ticks: int
    failed_ticks: int
    abandoned_ticks: int
    open_ticks: int
    calls: int
    errors: int
    skipped_modules: Counter[str]
    usage: Usage
    status: RunStatus
    reason: str | None = None
    by_day: tuple[Day, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self._facts().items())
        return f"<Run: {facts}>"

    def __str__(self) -> str:
        shown: dict[str, object] = dict(self._facts())
        if self._was_used:
            line = sparkline([day.calls for day in self.by_day])
            shown["calls by day"] = f"{line} {self._said()}"
        return facts_text(shown)

    def _repr_html_(self) -> str:
        shown: dict[str, object] = dict(self._facts())
        if self._was_used:
            shown["calls by day"] = self._picture() + Html.of(f" {self._said()}")
        return facts_table(shown)

    @property
    def _was_used(self) -> bool:
        return any(day.calls for day in self.by_day)

    def _said(self) -> str:
        calls, errors = zip(*self.by_day, strict=True)
        return f"{_range(calls)} calls a day, {_range(errors)} of them failed"

    def _picture(self) -> Html:
        errors = [day.errors for day in self.by_day]
        worked = [day.calls - day.errors for day in self.by_day]
        return columns({VERMILLION: errors, BLUE: worked}, self._said())

    def _facts(self) -> dict[str, str | int]:
        brain = f"{self.brain} ({self.model})" if self.model else self.brain
        skipped = ", ".join(
            f"{module} ({count})" for module, count in sorted(self.skipped_modules.items())
        )
        facts: dict[str, str | int] = {
            "seed": self.seed,
            "brain": brain,
            "from": f"{self.starts_at:%Y-%m-%d %H:%M}",
            "to": f"{self.ends_at:%Y-%m-%d %H:%M} UTC",
            "ticks": self.ticks,
            "failed ticks": self.failed_ticks,
            "given up": self.abandoned_ticks,
            "calls": self.calls,
            "errors": self.errors,
            "modules without tools": skipped or "none",
        }
        if self.open_ticks:
            facts["to be finished"] = self.open_ticks
        if self.usage.requests:
            facts["tokens"] = self.usage.tokens
            facts["cost"] = f"{self.usage.cost_usd:.4f} USD"
        return facts | {"status": f"{self.status}: {self.reason}" if self.reason else self.status}


def _range(numbers: Sequence[int]) -> str:
    least, most = min(numbers), max(numbers)
    return str(most) if least == most else f"{least} to {most}"
