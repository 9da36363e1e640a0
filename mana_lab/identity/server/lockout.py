"""Lock-out: after five wrong passwords nobody signs in with an address for half an hour.

An address without an account is counted and locked like any other, so that a lock tells nothing.
The functions work inside a transaction of the caller's; whoever decides about a password decides in
the same transaction whether it is still looked at.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, update

from mana_lab.errors import AccountLockedError
from mana_lab.identity.server.schema import LOGIN_ATTEMPTS
from mana_lab.storage import insert_or_ignore

MOST_FAILURES: Final = 5
"""The failure that locks."""
WINDOW: Final = timedelta(minutes=15)
"""How long after the last failure the count starts anew."""
LOCKED_FOR: Final = timedelta(minutes=30)
"""How long a lock lasts, from the failure that made it; more tries do not make it longer."""


def check_unlocked(
    connection: Connection, address: str, now: datetime, *, deciding: bool = False
) -> None:
    """Let an address that is not locked pass.

    Args:
        connection: Of the identity store.
        address: As it was given, normalised.
        now: The lab's time.
        deciding: Whether the transaction goes on to decide; nobody else then counts meanwhile.

    Raises:
        AccountLockedError: It is locked; the error says for how many seconds more.
    """
    query = select(LOGIN_ATTEMPTS.c.locked_until).where(
        LOGIN_ATTEMPTS.c.address_hash == _hash(address)
    )
    if deciding:
        query = query.with_for_update()
    until: datetime | None = connection.scalar(query)
    if until is not None and until > now:
        seconds = math.ceil((until - now).total_seconds())
        raise AccountLockedError(
            f"too many wrong passwords; signing in is possible again in {seconds} seconds",
            retry_after_s=seconds,
        )


def count_failure(connection: Connection, address: str, now: datetime) -> None:
    """Count a wrong password, and lock the address if it was one too many.

    Raises:
        AccountLockedError: The address is locked already.
    """
    _forget_old(connection, now)
    key = _hash(address)
    fresh = {"address_hash": key, "failures": 0, "failed_at": now, "locked_until": None}
    insert_or_ignore(connection, LOGIN_ATTEMPTS, [fresh])
    check_unlocked(connection, address, now, deciding=True)
    row = connection.execute(
        select(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.address_hash == key)
    ).one()
    over = row.locked_until is not None or now - row.failed_at >= WINDOW
    failures = 1 if over else row.failures + 1
    connection.execute(
        update(LOGIN_ATTEMPTS)
        .where(LOGIN_ATTEMPTS.c.address_hash == key)
        .values(
            failures=failures,
            failed_at=now,
            locked_until=now + LOCKED_FOR if failures >= MOST_FAILURES else None,
        )
    )


def forget_failures(connection: Connection, address: str) -> None:
    """Start counting anew: somebody has signed in."""
    connection.execute(
        delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.address_hash == _hash(address))
    )


def _forget_old(connection: Connection, now: datetime) -> None:
    connection.execute(
        delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.failed_at <= now - WINDOW - LOCKED_FOR)
    )


def _hash(address: str) -> str:
    return hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
