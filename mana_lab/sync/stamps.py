"""Stamps: the ISO-8601 instants by which writes are ordered.

Stamps are compared as instants, never as text: ``…00Z`` sorts after ``…00.500Z`` as text although
it is earlier.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from mana_lab.clock import iso_millis
from mana_lab.errors import InvalidInputError

NEVER = datetime.min.replace(tzinfo=UTC)
"""The instant of a write that says no time; every other write wins over it."""

START = "1970-01-01T00:00:00.000Z"
"""The stamp that is before every change; as ``since``, the beginning of the log."""

_MILLISECOND = timedelta(milliseconds=1)
_FORM = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


@lru_cache(maxsize=16_384)
def parse_stamp(text: str) -> datetime:
    """Return the instant that *text* names, in UTC; digits below a microsecond are dropped.

    Raises:
        InvalidInputError: It is not a date and time with seconds and a zone (RFC 3339 §5.6).
    """
    if not _FORM.fullmatch(text):
        raise InvalidInputError(_message(text))
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(_message(text)) from None


def instant_of(stamp: object) -> datetime:
    """Return the instant of *stamp*, or :data:`NEVER` for whatever is not a stamp."""
    if not isinstance(stamp, str):
        return NEVER
    try:
        return parse_stamp(stamp)
    except InvalidInputError:
        return NEVER


def canonical_stamp(moment: datetime) -> str:
    """Return the one text of an instant: milliseconds, or microseconds where it has them.

    :data:`NEVER` is the empty text.
    """
    if moment == NEVER:
        return ""
    if moment.microsecond % 1000 == 0:
        return iso_millis(moment)
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def stamp_after(latest: datetime, now: datetime) -> datetime:
    """Return *now* in whole milliseconds, or the millisecond after *latest* if that is later."""
    if latest == NEVER:
        return _floor(now)
    return max(_floor(now), _floor(latest) + _MILLISECOND)


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _message(text: str) -> str:
    return f"{text[:40]!r} is not an ISO-8601 time with seconds and a zone, such as {START}"
