"""Who may call: dependencies of the routes."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer

from mana_lab.clock import Clock
from mana_lab.crypto import bearer_token
from mana_lab.errors import ForbiddenError, UnauthenticatedError
from mana_lab.identity.server.accounts import Accounts
from mana_lab.identity.server.activity import Activity
from mana_lab.identity.server.config import IdentityConfig
from mana_lab.identity.server.cookies import COOKIE, session_token_of
from mana_lab.identity.server.invitations import Invitations
from mana_lab.identity.server.members import Members
from mana_lab.identity.server.personas import Personas
from mana_lab.identity.server.policies import Policies
from mana_lab.identity.server.sessions import Sessions, user_in_session
from mana_lab.identity.server.spaces import Spaces
from mana_lab.identity.server.tokens import Tokens
from mana_lab.identity.server.vaults import Caller, Vaults
from mana_lab.identity.wire import User
from mana_lab.storage import Store


@dataclass(frozen=True)
class Rooms:
    """What the routes work with; one set an application."""

    config: IdentityConfig
    clock: Clock
    store: Store
    tokens: Tokens
    accounts: Accounts
    sessions: Sessions
    spaces: Spaces
    members: Members
    invitations: Invitations
    policies: Policies
    vaults: Vaults
    personas: Personas
    activity: Activity


def rooms(request: Request) -> Rooms:
    """Return the application's own parts."""
    found: Rooms = request.app.state.rooms
    return found


Parts = Annotated[Rooms, Depends(rooms)]
Bearer = Annotated[object, Depends(HTTPBearer(bearerFormat="JWT", auto_error=False))]
Cookie = Annotated[str | None, Depends(APIKeyCookie(name=COOKIE, auto_error=False))]
ServiceKey = Annotated[str | None, Depends(APIKeyHeader(name="X-Service-Key", auto_error=False))]


async def signed_in(request: Request, parts: Parts, _: Bearer) -> User:
    """Return the caller's account, as it is now.

    Raises:
        UnauthenticatedError: There is no good token, or its account was deleted.
        SessionEndedError: The token's session was signed out.
    """
    claims = await parts.tokens.verify(bearer_token(request.scope["headers"]))
    now = parts.clock.now()
    return await parts.store.read(
        lambda connection: user_in_session(connection, claims.sub, claims.sid, now)
    )


SignedIn = Annotated[User, Depends(signed_in)]


async def visitor(request: Request, parts: Parts, _: Bearer, __: Cookie) -> User:
    """Return the caller's account, known by an access token or else by a browser's cookie.

    Raises:
        UnauthenticatedError: There is neither, or it is not good any more.
        ForeignOriginError: The cookie comes from somebody else's page.
    """
    if "authorization" not in request.headers:
        token = session_token_of(request, parts.config)
        if token is not None:
            return await parts.sessions.user_of(token)
    return await signed_in(request, parts, _)


Visitor = Annotated[User, Depends(visitor)]


def administrator(user: SignedIn) -> User:
    """Return the caller's account if it is an administrator's, and still is.

    Raises:
        ForbiddenError: The caller is not an administrator.
    """
    if user.role != "admin":
        raise ForbiddenError("Admin access required")
    return user


def service(parts: Parts, key: ServiceKey) -> None:
    """Let only services in, which show the service key; compared in constant time.

    Raises:
        UnauthenticatedError: The key is missing or wrong.
    """
    expected = parts.config.service_key.encode()
    if not hmac.compare_digest((key or "").encode(), expected):
        raise UnauthenticatedError("Invalid or missing service key")


def caller(request: Request, user: SignedIn) -> Caller:
    """Return who asks, for the vault's audit."""
    host = request.client.host if request.client else None
    return Caller(user.id, host, request.headers.get("user-agent"))
