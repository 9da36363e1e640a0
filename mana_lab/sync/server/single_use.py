"""Tokens that are good for one push: used again, they are refused, in whatever process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, literal
from sqlalchemy.dialects import postgresql, sqlite

from mana_lab.crypto import Claims
from mana_lab.errors import InvalidTokenError
from mana_lab.sync.server.tables import sync_spent

_KEPT_LONGER = timedelta(minutes=5)
"""More than verifiers let clocks differ: until then a token might be taken."""


@dataclass(frozen=True)
class SingleUse:
    """A token that is good for one push.

    Attributes:
        jti: Its own id.
        ends_at: When no verifier takes it any more.
    """

    jti: str
    ends_at: datetime

    @classmethod
    def of(cls, claims: Claims) -> SingleUse:
        """Return the token that says this.

        Raises:
            InvalidTokenError: It has no id, so nobody would know it again.
        """
        if not claims.jti:
            raise InvalidTokenError
        return cls(claims.jti, claims.expires_at + _KEPT_LONGER)

    def spend(self, connection: Connection) -> None:
        """Use the token up, if the transaction is committed.

        Raises:
            InvalidTokenError: It was used before.
        """
        known = {"jti": self.jti, "ends_at": self.ends_at}
        if connection.execute(_SPEND[connection.dialect.name], known).first() is None:
            raise InvalidTokenError


def forget_ended(connection: Connection, now: datetime) -> None:
    """Forget the tokens that nobody takes any more."""
    connection.execute(_FORGET, {"now": now})


def _spending(dialect: Any) -> Any:
    """Return the statement that writes a token down, and nothing where it stands already."""
    return (
        dialect.insert(sync_spent)
        .on_conflict_do_nothing(index_elements=[sync_spent.c.jti])
        .returning(literal(1))
    )


# Built once: building a statement takes longer than running it.
_SPEND = {"postgresql": _spending(postgresql), "sqlite": _spending(sqlite)}
_FORGET = delete(sync_spent).where(sync_spent.c.ends_at <= bindparam("now"))
