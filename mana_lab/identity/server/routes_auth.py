"""Routes for people: signing up and in, published keys, spaces, vaults."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response

from mana_lab.identity import wire
from mana_lab.identity.server.access import Parts, SignedIn, caller
from mana_lab.identity.server.accounts import SESSION_LIFETIME
from mana_lab.identity.server.spaces import spaces_of
from mana_lab.identity.server.vaults import Caller

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


@router.get("/api/auth/organization/list")
async def spaces(user: SignedIn, parts: Parts) -> list[wire.Organization]:
    """List the spaces that the caller is in."""
    return await parts.store.read(lambda connection: spaces_of(connection, user.id))


@router.get("/api/v1/me/encryption-vault/status")
async def vault_status(user: SignedIn, parts: Parts) -> wire.VaultStatus:
    """Tell what the caller's vault is like."""
    return await parts.vaults.status(user.id)


@router.post("/api/v1/me/encryption-vault/init", response_model_exclude_none=True)
async def vault_init(asking: Annotated[Caller, Depends(caller)], parts: Parts) -> wire.VaultKey:
    """Make the caller's vault if there is none; return its key."""
    return await parts.vaults.init(asking)


@router.get("/api/v1/me/encryption-vault/key", response_model_exclude_none=True)
async def vault_key(asking: Annotated[Caller, Depends(caller)], parts: Parts) -> wire.VaultKey:
    """Return the key of the caller's vault."""
    return await parts.vaults.key(asking)


def _signed(token: str, kek: bytes) -> str:
    key = hmac.digest(kek, b"session cookie", hashlib.sha256)
    mark = base64.b64encode(hmac.digest(key, token.encode(), hashlib.sha256)).decode()
    return quote(f"{token}.{mark}", safe="")
