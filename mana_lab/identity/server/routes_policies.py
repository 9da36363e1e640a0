"""Routes for people: what agents may do in a space."""

from __future__ import annotations

from fastapi import APIRouter

from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Parts, Visiting, Visitor

router = APIRouter(prefix="/api/v1/spaces/{space_id}/policy", responses=REFUSALS)


@router.get("")
async def policy(space_id: wire.SpaceId, asker: Visiting, parts: Parts) -> wire.SpacePolicy:
    """Show which destructive tools may be used in a space."""
    asker.require(space_id)
    return await parts.policies.get(asker.user, space_id)


@router.put("")
async def change_policy(
    space_id: wire.SpaceId, change: wire.PolicyChange, user: Visitor, parts: Parts
) -> wire.SpacePolicy:
    """Say which destructive tools may be used in a space."""
    return await parts.policies.change(user, space_id, change)


@router.get("/audit")
async def policy_audit(space_id: wire.SpaceId, user: Visitor, parts: Parts) -> wire.PolicyAudit:
    """Show who changed that, and when."""
    return await parts.policies.audit(user, space_id)
