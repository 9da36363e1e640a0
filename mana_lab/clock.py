"""Clocks: the one place where time is read.

``now`` is the lab's time, which may be simulated; ``monotonic`` measures durations, timeouts and
the age of caches, and is real except in tests.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

SIMULATION_EPOCH = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
"""Where simulated time starts in a new lab: a Monday, midnight UTC."""


class Clock(Protocol):
    """What everything in mana_lab asks for the time."""

    def now(self) -> datetime:
        """Return the lab's time as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)  # noqa: TID251

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class SimulatedClock:
    """Time that stands still until a run moves it; durations stay real.

    Args:
        start: Where time starts; aware.
    """

    def __init__(self, start: datetime = SIMULATION_EPOCH) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the simulated time in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    def move_to(self, moment: datetime) -> None:
        """Move time forward to *moment*; a moment in the past leaves it where it is."""
        self._now = max(self._now, moment.astimezone(UTC))


class ShiftedClock:
    """The machine's own time, and always as much later or earlier: simulated time that passes.

    Processes of one machine that are told the same shift have the same time.

    Args:
        by: How much later; below zero for earlier.
    """

    def __init__(self, by: timedelta) -> None:
        self._by = by
        self._real = SystemClock()

    @classmethod
    def starting_at(cls, moment: datetime) -> ShiftedClock:
        """Return a clock that shows *moment* now."""
        return cls(moment - SystemClock().now())

    @property
    def by(self) -> timedelta:
        """How much later than the machine's it is."""
        return self._by

    def now(self) -> datetime:
        """Return the shifted time in UTC."""
        return self._real.now() + self._by

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return self._real.monotonic()


class PinnedClock:
    """Time as it was at one moment, for what is done again; durations stay real.

    Args:
        moment: Where time stands; aware.
    """

    def __init__(self, moment: datetime) -> None:
        self._now = moment.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class ManualClock:
    """A clock for tests: both kinds of time move only by ``advance``.

    Args:
        start: Where time starts; aware.
    """

    def __init__(self, start: datetime = SIMULATION_EPOCH) -> None:
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._monotonic

    def advance(self, delta: timedelta | float) -> None:
        """Move both kinds of time forward by *delta* (a timedelta, or seconds)."""
        step = delta if isinstance(delta, timedelta) else timedelta(seconds=delta)
        self._now += step
        self._monotonic += step.total_seconds()


def iso_millis(moment: datetime) -> str:
    """Return *moment* as ``YYYY-MM-DDTHH:MM:SS.mmmZ``, which is what JavaScript writes."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
