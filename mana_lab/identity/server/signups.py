"""How many people may sign up a day; a day is one of UTC, by the lab's clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, update

from mana_lab.clock import iso_millis
from mana_lab.errors import SignupsClosedError
from mana_lab.identity.server.schema import SIGNUP_DAYS
from mana_lab.identity.wire import SignupStatus
from mana_lab.storage import insert_or_ignore


def signup_status(connection: Connection, limit: int, now: datetime) -> SignupStatus:
    """Return whether signing up is possible.

    Args:
        connection: Of the identity store.
        limit: How many may a day; 0 for any number.
        now: The lab's time.
    """
    query = select(SIGNUP_DAYS.c.signups).where(SIGNUP_DAYS.c.day == _day(now))
    total = connection.scalar(query) or 0
    left = max(0, limit - total) if limit else None
    return SignupStatus(
        registration_open=left != 0,
        spots_remaining=left,
        total_today=total,
        limit=limit,
        resets_at=_next_day(now),
    )


def check_open(connection: Connection, limit: int, now: datetime) -> None:
    """Let a sign-up pass while there are places.

    Raises:
        SignupsClosedError: There are none left today.
    """
    if not signup_status(connection, limit, now).registration_open:
        raise _closed(now)


def count_signup(connection: Connection, limit: int, now: datetime) -> None:
    """Take one of today's places, in the transaction that makes the account.

    Raises:
        SignupsClosedError: There are none left today.
    """
    insert_or_ignore(connection, SIGNUP_DAYS, [{"day": _day(now), "signups": 0}])
    place = update(SIGNUP_DAYS).where(SIGNUP_DAYS.c.day == _day(now))
    if limit:
        place = place.where(SIGNUP_DAYS.c.signups < limit)
    if connection.execute(place.values(signups=SIGNUP_DAYS.c.signups + 1)).rowcount == 0:
        raise _closed(now)


def _closed(now: datetime) -> SignupsClosedError:
    resets_at = _next_day(now)
    return SignupsClosedError(
        "as many people signed up today as may; try again tomorrow (UTC)",
        retry_after_s=math.ceil((resets_at - now).total_seconds()),
        resets_at=iso_millis(resets_at),
    )


def _day(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y-%m-%d}"


def _next_day(now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)
