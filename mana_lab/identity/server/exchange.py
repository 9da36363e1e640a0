"""Exchanging access tokens: for one service, one purpose and a minute (RFC 8693)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, select

from mana_lab.clock import Clock
from mana_lab.crypto import Claims, sign
from mana_lab.crypto.exchanged import (
    ACCESS_TOKEN_TYPE,
    EXCHANGED_LIFETIME_S,
    SYNC_AUDIENCE,
    covers,
)
from mana_lab.errors import (
    InsufficientScopeError,
    InvalidTokenError,
    NotAMemberError,
    SessionEndedError,
)
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import MEMBERS, SESSIONS, USERS
from mana_lab.identity.server.sessions import user_in_session
from mana_lab.identity.server.tokens import Tokens
from mana_lab.identity.wire import ExchangedToken, TokenExchange
from mana_lab.identity.wire.exchange import PERSONAL_PREFIX
from mana_lab.storage import Store


def _standing() -> Select[Any]:
    """Select whether a session lives, and a membership of its user."""
    membership = and_(
        MEMBERS.c.user_id == SESSIONS.c.user_id, MEMBERS.c.organization_id == bindparam("space")
    )
    return (
        select(MEMBERS.c.id.label("member"))
        .select_from(SESSIONS)
        .join(USERS, USERS.c.id == SESSIONS.c.user_id)
        .outerjoin(MEMBERS, membership)
        .where(
            SESSIONS.c.id == bindparam("session"),
            SESSIONS.c.user_id == bindparam("user"),
            SESSIONS.c.expires_at > bindparam("now"),
        )
    )


# Built once: building a statement takes longer than running it.
_STANDING = _standing()


class Exchange:
    """Gives tokens for tokens.

    What it gives says of its user what the caller's own token says, opens less, ends no later, and
    cannot be exchanged again.

    Args:
        store: The identity store.
        tokens: Judges the callers' tokens, and has the key to sign with.
        audience: The only one that a caller's token may be for.
        clock: The lab's time.
    """

    def __init__(self, store: Store, tokens: Tokens, audience: str, clock: Clock) -> None:
        self._store = store
        self._tokens = tokens
        self._audience = audience
        self._clock = clock

    async def exchange(self, wanted: TokenExchange) -> ExchangedToken:
        """Return another token for the caller's.

        Raises:
            UnauthenticatedError: The caller's token is not a good one of this Mana, was exchanged
                already, or its account was deleted.
            SessionEndedError: Its session was signed out, or is over.
            InsufficientScopeError: It was given for less.
            NotAMemberError: Its user is not in the space.
        """
        held = await self._tokens.verify(wanted.subject_token)
        if held.aud != (self._audience,):
            raise InvalidTokenError
        if not covers(held.scope, wanted.wanted):
            raise InsufficientScopeError(
                f"the token was not given for {wanted.wanted}", wanted.wanted
            )
        await self._store.read(lambda connection: self._check(connection, held, wanted))
        return await self._made(held, wanted)

    def _check(self, connection: Connection, held: Claims, wanted: TokenExchange) -> None:
        asked = {"session": held.sid, "user": held.sub, "space": wanted.space}
        now = self._clock.now()
        row = connection.execute(_STANDING, {**asked, "now": now}).first()
        if row is None:
            user_in_session(connection, held.sub, held.sid, now)
            raise SessionEndedError("the session was signed out; sign in again")
        own = f"{PERSONAL_PREFIX}{held.sub}"
        is_own = wanted.audience == SYNC_AUDIENCE and wanted.space == own
        if wanted.space is not None and row.member is None and not is_own:
            raise NotAMemberError("you are not a member of that space, or there is none")

    async def _made(self, held: Claims, wanted: TokenExchange) -> ExchangedToken:
        now = int(self._clock.now().timestamp())
        ends = min(now + EXCHANGED_LIFETIME_S, held.exp)
        # A token that is past its end, within what clocks may differ, is not given more time.
        begins = min(now, ends - 1)
        said = {
            "sub": held.sub,
            "email": held.email,
            "role": held.role,
            "tier": held.tier,
            "kind": held.kind,
            "sid": held.sid,
            "zoneinfo": held.zoneinfo,
            "space": wanted.space,
            "tool": wanted.tool,
            "nbf": held.nbf,
        }
        claims = {name: value for name, value in said.items() if value} | {
            "iss": held.iss,
            "aud": wanted.audience,
            "scope": wanted.wanted,
            "iat": begins,
            "exp": ends,
            "jti": new_id(),
        }
        return ExchangedToken(
            access_token=sign(claims, await self._tokens.signing_key()),
            issued_token_type=ACCESS_TOKEN_TYPE,
            token_type="Bearer",  # noqa: S106 - the kind of token
            expires_in=max(0, ends - now),
            scope=wanted.wanted,
        )
