"""When a persona's next tick is due, in the persona's own time zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mana_lab.identity.wire import Cadence

DEFAULT_ZONE = "Europe/Berlin"
FIRST_HOUR = 8
"""The local hour from which a day's tick may happen."""

_SATURDAY = 5


def is_due(
    cadence: Cadence, zone: str | None, last_active_at: datetime | None, now: datetime
) -> bool:
    """Return whether a persona has a tick to do.

    ``hourly``: an hour has passed. ``daily``: it is eight in the morning or later, and today they
    were not active yet. ``weekdays``: the same, from Monday to Friday.

    Args:
        cadence: How often the persona uses the app.
        zone: The persona's time zone (IANA); Berlin when None, or where nobody knows that one.
        last_active_at: When their last tick was; None before the first.
        now: The lab's time.
    """
    if cadence == "hourly":
        return last_active_at is None or now - last_active_at >= timedelta(hours=1)
    where = _zone(zone)
    here = now.astimezone(where)
    if here.hour < FIRST_HOUR or (cadence == "weekdays" and here.weekday() >= _SATURDAY):
        return False
    return last_active_at is None or here.date() > last_active_at.astimezone(where).date()


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # one bad record is not everybody's
        return ZoneInfo(DEFAULT_ZONE)
