"""When ticks may happen, and the ids that follow from a run's seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from mana_lab.checks import got, is_number
from mana_lab.clock import iso_millis
from mana_lab.errors import InvalidInputError

NAMESPACE = UUID("5d1f9a4e-6c1b-5d53-9b1e-0a8f2c7f6e31")
"""What the ids of runs and ticks derive from (RFC 9562, version 5)."""

_HOUR = timedelta(hours=1)


def end_of(starts_at: datetime, days: float | None, until: datetime | None = None) -> datetime:
    """Return the moment *until*, or the one *days* after *starts_at*.

    Raises:
        InvalidInputError: Both are given or none; *days* is not above zero, or leads beyond the
            calendar; *until* is not after *starts_at*, or has no time zone.
    """
    if (days is None) == (until is None):
        raise InvalidInputError("a run takes either days or until")
    if until is not None:
        return _ahead(starts_at, until)
    if not is_number(days) or not days > 0:
        raise InvalidInputError(f"a run takes more than 0 days, got {got(days)}")
    try:
        return starts_at + timedelta(days=days)
    except OverflowError:
        raise InvalidInputError(f"the calendar does not reach {days} days ahead") from None


def _ahead(starts_at: datetime, until: datetime) -> datetime:
    if not isinstance(until, datetime):
        raise InvalidInputError(f"until: got {got(until)}, allowed: a datetime with a time zone")
    if until.tzinfo is None:
        raise InvalidInputError(f"until needs a time zone, such as UTC; got {until.isoformat()}")
    if until <= starts_at:
        raise InvalidInputError(
            f"until must be after the lab's time, {starts_at:%Y-%m-%d %H:%M} UTC; "
            f"got {until.isoformat()}"
        )
    return until


def check_seed(seed: int) -> None:
    """Check that *seed* is one that the ledger can keep.

    Raises:
        InvalidInputError: It is not a whole number of 64 bits.
    """
    if type(seed) is not int or not -(2**63) <= seed < 2**63:
        raise InvalidInputError(f"a seed is a whole number of 64 bits, got {seed!r}")


def instants(starts_at: datetime, ends_at: datetime) -> Iterator[datetime]:
    """Yield the start and then every full hour before the end."""
    moment = starts_at
    while moment < ends_at:
        yield moment
        moment = moment.replace(minute=0, second=0, microsecond=0) + _HOUR


def run_id(ordinal: int, seed: int, starts_at: datetime) -> str:
    """Return the id of a lab's *ordinal*-th run; the same run has the same id everywhere."""
    return str(uuid5(NAMESPACE, f"{ordinal}/{seed}/{iso_millis(starts_at)}"))


def tick_id(run: str, email: str, number: int) -> str:
    """Return the id of a persona's tick of that *number* in *run*."""
    return str(uuid5(NAMESPACE, f"{run}/{email}/{number}"))


def scene_seed(seed: int, email: str, number: int) -> str:
    """Return what the randomness of one tick is seeded with."""
    return f"{seed}/{email}/{number}"
