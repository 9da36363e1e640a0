"""Routes for people: signing up and in, published keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from mana_lab.identity import wire
from mana_lab.identity.server.access import Parts
from mana_lab.identity.server.accounts import SESSION_LIFETIME

router = APIRouter()
_COOKIE = "mana.session_token"


@router.post("/api/v1/auth/register")
async def register(request: wire.RegisterRequest, parts: Parts) -> wire.Registered:
    """Make an account with its personal space."""
    user = await parts.accounts.register(request.email, request.password, request.name)
    return wire.Registered(user=user)


@router.post("/api/v1/auth/login")
async def login(request: wire.LoginRequest, parts: Parts, response: Response) -> wire.Login:
    """Sign in: an access token for the services, a session cookie for the browser."""
    signed_in = await parts.accounts.sign_in(request.email, request.password)
    response.set_cookie(
        _COOKIE,
        _signed(signed_in.token, parts.config.kek),
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        path="/",
        samesite="lax",
        secure=parts.config.issuer.startswith("https:"),
    )
    return signed_in


@router.get("/api/auth/jwks")
@router.get("/api/v1/auth/jwks")
async def jwks(parts: Parts) -> dict[str, Any]:
    """Publish the public keys (RFC 7517)."""
    return await parts.tokens.jwks()


def _signed(token: str, kek: bytes) -> str:
    key = hmac.digest(kek, b"session cookie", hashlib.sha256)
    mark = base64.b64encode(hmac.digest(key, token.encode(), hashlib.sha256)).decode()
    return quote(f"{token}.{mark}", safe="")
