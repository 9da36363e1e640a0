"""Routes for people: the spaces that they are in."""

from __future__ import annotations

from fastapi import APIRouter

from mana_lab.identity import wire
from mana_lab.identity.server.access import Parts, Visitor
from mana_lab.identity.server.spaces import spaces_of

router = APIRouter(prefix="/api/auth/organization")


@router.get("/list")
async def spaces(user: Visitor, parts: Parts) -> list[wire.Organization]:
    """List the spaces that the caller is in."""
    return await parts.store.read(lambda connection: spaces_of(connection, user.id))
