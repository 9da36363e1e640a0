"""Routes for administrators: the personas."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Parts, administrator

router = APIRouter(
    prefix="/api/v1/admin/personas", responses=REFUSALS, dependencies=[Depends(administrator)]
)


@router.post("")
async def upsert(request: wire.PersonaUpsert, parts: Parts) -> wire.PersonaCreated:
    """Make a persona's account, or bring its record up to date."""
    return await parts.personas.upsert(request)


@router.get("")
async def list_personas(parts: Parts) -> wire.PersonaList:
    """List the personas, the newest first."""
    return wire.PersonaList(personas=await parts.personas.summaries())


@router.get("/{user_id}")
async def detail(user_id: str, parts: Parts) -> wire.PersonaDetail:
    """Show one persona with their latest calls and mean ratings."""
    return await parts.personas.detail(user_id)


@router.delete("/{user_id}")
async def delete(user_id: str, parts: Parts) -> wire.Deleted:
    """Delete a persona and all that is theirs."""
    await parts.personas.delete(user_id)
    return wire.Deleted(deleted=user_id)
