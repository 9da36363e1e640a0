"""Routes for people: signing up, in and out, fresh tokens, published keys."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from mana_lab.crypto import Claims, bearer_token
from mana_lab.errors import UnauthenticatedError
from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Bearer, Cookie, Parts
from mana_lab.identity.server.cookies import (
    forget_session_cookie,
    session_token_of,
    set_session_cookie,
)
from mana_lab.identity.server.sessions import user_in_session

router = APIRouter(responses=REFUSALS)
_OPTIONAL_COOKIE: Final[dict[str, Any]] = {"security": [{}]}
"""In the description: a session token in the body does as well as what a header shows."""


@router.get("/api/v1/auth/signup-status")
async def signup_status(parts: Parts) -> wire.SignupStatus:
    """Tell whether signing up is possible."""
    return await parts.accounts.signup_status()


@router.post("/api/v1/auth/register")
async def register(request: wire.RegisterRequest, parts: Parts) -> wire.Registered:
    """Make an account with its personal space."""
    user = await parts.accounts.register(request.email, request.password, request.name)
    return wire.Registered(user=user)


@router.post("/api/v1/auth/login")
async def login(request: wire.LoginRequest, parts: Parts, response: Response) -> wire.Login:
    """Sign in: an access token for the services, a session cookie for the browser."""
    signed_in = await parts.accounts.sign_in(request.email, request.password)
    set_session_cookie(response, signed_in.token, parts.config)
    return signed_in


def _session_token(
    request: Request, parts: Parts, _: Cookie, body: wire.SessionToken | None = None
) -> str | None:
    given = None if body is None else body.refresh_token
    return session_token_of(request, parts.config) if given is None else given


Token = Annotated[str | None, Depends(_session_token)]


@router.post("/api/v1/auth/refresh", openapi_extra=_OPTIONAL_COOKIE)
@router.post("/api/v1/auth/session-to-token", openapi_extra=_OPTIONAL_COOKIE)
async def refresh(token: Token, parts: Parts, response: Response) -> wire.TokenPair:
    """Exchange a session token, from the body or the cookie, for a fresh access token."""
    if token is None:
        raise UnauthenticatedError("send the session's cookie, or refreshToken in the body")
    pair = await parts.sessions.refresh(token)
    set_session_cookie(response, token, parts.config)
    return pair


@router.post("/api/v1/auth/logout", openapi_extra=_OPTIONAL_COOKIE)
async def logout(
    request: Request, token: Token, parts: Parts, response: Response, _: Bearer
) -> wire.Success:
    """End a session: the one of the session token, or the one that the access token names."""
    if token is not None:
        await parts.sessions.end(token)
    else:
        claims = await parts.tokens.verify(bearer_token(request.scope["headers"]))
        await parts.sessions.end_named(claims.sid)
    forget_session_cookie(response)
    return wire.Success()


@router.post("/api/v1/auth/validate")
async def validate(request: wire.TokenToValidate, parts: Parts) -> wire.Validated:
    """Tell whether an access token is good now, its session included."""
    try:
        claims = await parts.tokens.verify(request.token or "")
        await _check_session(claims, parts)
    except UnauthenticatedError:
        return wire.Validated(valid=False)
    return wire.Validated(valid=True, payload=_payload(claims))


def _payload(claims: Claims) -> dict[str, Any]:
    claimed = claims.model_dump(exclude_none=True)
    said = {name: value for name, value in claimed.items() if value not in ("", 0)}
    return said | {"aud": claims.aud[0] if len(claims.aud) == 1 else list(claims.aud)}


async def _check_session(claims: Claims, parts: Parts) -> None:
    now = parts.clock.now()
    await parts.store.read(
        lambda connection: user_in_session(connection, claims.sub, claims.sid, now)
    )


@router.get("/api/auth/jwks")
@router.get("/api/v1/auth/jwks")
async def jwks(parts: Parts) -> dict[str, Any]:
    """Publish the public keys (RFC 7517)."""
    return await parts.tokens.jwks()
