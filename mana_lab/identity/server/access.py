"""Who may call: dependencies of the routes."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer

from mana_lab.clock import Clock
from mana_lab.crypto import bearer_token
from mana_lab.crypto.exchanged import IDENTITY_AUDIENCE, SPACES_READ
from mana_lab.errors import ForbiddenError, InsufficientScopeError, UnauthenticatedError
from mana_lab.identity.server.accounts import Accounts
from mana_lab.identity.server.activity import Activity
from mana_lab.identity.server.config import IdentityConfig
from mana_lab.identity.server.cookies import COOKIE, session_token_of
from mana_lab.identity.server.exchange import Exchange
from mana_lab.identity.server.invitations import Invitations
from mana_lab.identity.server.members import Members
from mana_lab.identity.server.personas import Personas
from mana_lab.identity.server.policies import Policies
from mana_lab.identity.server.sessions import Sessions, user_in_session
from mana_lab.identity.server.spaces import Spaces
from mana_lab.identity.server.tokens import Tokens
from mana_lab.identity.server.vaults import Caller, Vaults
from mana_lab.identity.wire import ErrorBody, User
from mana_lab.storage import Store

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {"4XX": {"model": ErrorBody}}
"""What is documented of the answers to requests that are refused."""


@dataclass(frozen=True)
class Rooms:
    """What the routes work with; one set an application."""

    config: IdentityConfig
    clock: Clock
    store: Store
    tokens: Tokens
    accounts: Accounts
    sessions: Sessions
    exchange: Exchange
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


@dataclass(frozen=True)
class Asker:
    """Somebody who asks, for themselves or by a service that exchanged their token.

    Attributes:
        user: Their account, as it is now.
        space_id: The only space that the token opens; empty for all of theirs.
    """

    user: User
    space_id: str = ""

    def require(self, space_id: str) -> None:
        """Let what is of one space pass.

        Raises:
            ForbiddenError: The token is for another one.
        """
        if self.space_id not in ("", space_id):
            raise ForbiddenError("the token is for another space")


async def _asker(request: Request, parts: Rooms, scope: str) -> Asker:
    token = bearer_token(request.scope["headers"])
    claims = await parts.tokens.verify(token, IDENTITY_AUDIENCE)
    exchanged = IDENTITY_AUDIENCE in claims.aud
    if exchanged and claims.scope != scope:
        raise InsufficientScopeError(f"the token was not given for {scope}", scope)
    now = parts.clock.now()
    user = await parts.store.read(
        lambda connection: user_in_session(connection, claims.sub, claims.sid, now)
    )
    return Asker(user, claims.space if exchanged else "")


async def visitor_or_delegate(request: Request, parts: Parts, _: Bearer, __: Cookie) -> Asker:
    """Return who asks about spaces: as :func:`visitor`, or with a token exchanged for that.

    Raises:
        UnauthenticatedError: There is neither, or it is not good any more.
        InsufficientScopeError: The token was exchanged for something else.
        ForeignOriginError: The cookie comes from somebody else's page.
    """
    if "authorization" not in request.headers:
        return Asker(await visitor(request, parts, _, __))
    return await _asker(request, parts, SPACES_READ)


Visiting = Annotated[Asker, Depends(visitor_or_delegate)]


def vault_caller(scope: str) -> Callable[..., Awaitable[Caller]]:
    """Return the dependency of a vault's route that takes also tokens exchanged for *scope*.

    A vault is of no space, so a token that is for one does not open it.
    """

    async def asking(request: Request, parts: Parts, _: Bearer) -> Caller:
        asker = await _asker(request, parts, scope)
        asker.require("")
        return caller(request, asker.user)

    return asking


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
