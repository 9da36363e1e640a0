"""Reading accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from mana_lab.identity.server.schema import USERS
from mana_lab.identity.wire import User


def find_user(connection: Connection, email: str) -> User | None:
    """Return the account with that address."""
    row = connection.execute(select(USERS).where(USERS.c.email == email)).first()
    return as_user(row) if row else None


def get_user(connection: Connection, user_id: str) -> User | None:
    """Return the account with that id."""
    row = connection.execute(select(USERS).where(USERS.c.id == user_id)).first()
    return as_user(row) if row else None


def as_user(row: Row[Any]) -> User:
    """Return a row of ``users`` as its owner sees it."""
    return User.model_validate({name: getattr(row, name) for name in User.model_fields})
