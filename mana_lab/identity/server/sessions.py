"""Sessions: what a sign-in opens, what an access token names, and what signing out ends.

The session token itself is not kept, only its hash.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from mana_lab.clock import Clock
from mana_lab.errors import SessionEndedError, UnauthenticatedError
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import SESSIONS, USERS
from mana_lab.identity.server.tokens import LIFETIME, Tokens
from mana_lab.identity.server.users import as_user, get_user
from mana_lab.identity.wire import TokenPair, User
from mana_lab.storage import Store

SESSION_LIFETIME: Final = timedelta(days=7)
"""How long a session, and with it the session token, is good for without being used."""

_RENEWED_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class NewSession:
    """A session to be opened.

    Attributes:
        id: What its access tokens name as ``sid``.
        token: The session token.
    """

    id: str = field(default_factory=new_id)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class Sessions:
    """Finds, renews and ends sessions.

    Args:
        store: The identity store.
        tokens: Mints access tokens.
        clock: The lab's time.
    """

    def __init__(self, store: Store, tokens: Tokens, clock: Clock) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock

    async def refresh(self, token: str, lifetime: timedelta = LIFETIME) -> TokenPair:
        """Return a fresh access token; a session that is in use goes on for another week.

        Args:
            token: The session token.
            lifetime: How long the access token is to be good for.

        Raises:
            SessionEndedError: No session has that token, any more or at all.
        """
        now = self._clock.now()
        user, session_id, expires_at = await self._find(token)
        if expires_at - now < SESSION_LIFETIME - _RENEWED_AFTER:
            renewed = (
                update(SESSIONS)
                .where(SESSIONS.c.id == session_id)
                .values(expires_at=now + SESSION_LIFETIME)
            )
            await self._store.write(lambda connection: connection.execute(renewed).rowcount)
        access = await self._tokens.mint(user, session_id, lifetime)
        return TokenPair(access_token=access, refresh_token=token)

    async def user_of(self, token: str) -> User:
        """Return whose session it is.

        Raises:
            SessionEndedError: No session has that token, any more or at all.
        """
        return (await self._find(token))[0]

    async def end(self, token: str) -> None:
        """End the session that has this token; one that is over stays over."""
        gone = delete(SESSIONS).where(SESSIONS.c.token_hash == _hash(token))
        await self._store.write(lambda connection: connection.execute(gone).rowcount)

    async def end_named(self, session_id: str) -> None:
        """End the session with this id; one that is over stays over."""
        gone = delete(SESSIONS).where(SESSIONS.c.id == session_id)
        await self._store.write(lambda connection: connection.execute(gone).rowcount)

    async def _find(self, token: str) -> tuple[User, str, datetime]:
        now = self._clock.now()
        query = (
            select(USERS, SESSIONS.c.id.label("session_id"), SESSIONS.c.expires_at)
            .join(SESSIONS, SESSIONS.c.user_id == USERS.c.id)
            .where(SESSIONS.c.token_hash == _hash(token), SESSIONS.c.expires_at > now)
        )
        row = await self._store.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise SessionEndedError("there is no such session any more; sign in again")
        return as_user(row), row.session_id, row.expires_at


def open_session(connection: Connection, user_id: str, session: NewSession, now: datetime) -> None:
    """Open a session, and clear the account's old ones away."""
    connection.execute(
        delete(SESSIONS).where(SESSIONS.c.user_id == user_id, SESSIONS.c.expires_at <= now)
    )
    connection.execute(
        insert(SESSIONS).values(
            id=session.id,
            user_id=user_id,
            token_hash=_hash(session.token),
            expires_at=now + SESSION_LIFETIME,
            created_at=now,
        )
    )


def user_in_session(connection: Connection, user_id: str, session_id: str, now: datetime) -> User:
    """Return an account as it is now, if the session that its token names lives.

    Raises:
        UnauthenticatedError: The account was deleted.
        SessionEndedError: The session was signed out, or is over.
    """
    query = (
        select(USERS)
        .join(SESSIONS, SESSIONS.c.user_id == USERS.c.id)
        .where(SESSIONS.c.id == session_id, USERS.c.id == user_id, SESSIONS.c.expires_at > now)
    )
    row: Row[tuple[object, ...]] | None = connection.execute(query).first()
    if row is not None:
        return as_user(row)
    if get_user(connection, user_id) is None:
        raise UnauthenticatedError("the account does not exist any more")
    raise SessionEndedError("the session was signed out; sign in again")


def is_active(connection: Connection, user_id: str, session_id: str | None, now: datetime) -> bool:
    """Return whether an account has that session, and it lives; without one, whether it exists."""
    try:
        if session_id is not None:
            user_in_session(connection, user_id, session_id, now)
    except UnauthenticatedError:
        return False
    return get_user(connection, user_id) is not None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
