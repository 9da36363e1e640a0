"""Routes for people: their own vault."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from mana_lab.identity import wire
from mana_lab.identity.server.access import Parts, SignedIn, caller
from mana_lab.identity.server.vaults import Caller

router = APIRouter(prefix="/api/v1/me/encryption-vault")


@router.get("/status")
async def vault_status(user: SignedIn, parts: Parts) -> wire.VaultStatus:
    """Tell what the caller's vault is like."""
    return await parts.vaults.status(user.id)


@router.post("/init", response_model_exclude_none=True)
async def vault_init(asking: Annotated[Caller, Depends(caller)], parts: Parts) -> wire.VaultKey:
    """Make the caller's vault if there is none; return its key."""
    return await parts.vaults.init(asking)


@router.get("/key", response_model_exclude_none=True)
async def vault_key(asking: Annotated[Caller, Depends(caller)], parts: Parts) -> wire.VaultKey:
    """Return the key of the caller's vault."""
    return await parts.vaults.key(asking)
