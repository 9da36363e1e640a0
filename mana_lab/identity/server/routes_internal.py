"""Routes for other services, which show the service key."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Parts, service
from mana_lab.identity.server.sessions import is_active
from mana_lab.identity.server.spaces import memberships_of

router = APIRouter(prefix="/api/v1/internal", responses=REFUSALS, dependencies=[Depends(service)])


@router.get("/users/{user_id}/memberships")
async def memberships(user_id: str, parts: Parts, sid: str | None = None) -> wire.Memberships:
    """Tell where a user is a member, and whether the session *sid* of theirs lives."""
    now = parts.clock.now()

    def work(connection: Connection) -> wire.Memberships:
        return wire.Memberships(
            user_id=user_id,
            memberships=memberships_of(connection, user_id),
            session_active=is_active(connection, user_id, sid, now),
        )

    return await parts.store.read(work)


@router.get("/spaces/{space_id}/policy")
async def policy(space_id: wire.SpaceId, parts: Parts) -> wire.SpacePolicy:
    """Tell which destructive tools may be used in a space."""
    return await parts.policies.get_for_service(space_id)


@router.get("/personas")
async def personas(parts: Parts) -> wire.DuePersonas:
    """Tell who the personas are, whether their tick is due or not."""
    everybody = await parts.personas.everybody()
    return wire.DuePersonas(personas=everybody, server_time=parts.personas.now())


@router.get("/personas/due")
async def due(parts: Parts) -> wire.DuePersonas:
    """Tell whose tick is due."""
    return wire.DuePersonas(personas=await parts.personas.due(), server_time=parts.personas.now())


@router.post("/personas/{user_id}/actions")
async def actions(user_id: str, batch: wire.ActionBatch, parts: Parts) -> wire.Written:
    """Store audited calls."""
    return wire.Written(written=await parts.activity.record_actions(user_id, batch.actions))


@router.post("/personas/{user_id}/feedback")
async def feedback(user_id: str, batch: wire.FeedbackBatch, parts: Parts) -> wire.Written:
    """Store ratings."""
    return wire.Written(written=await parts.activity.record_feedback(user_id, batch.feedback))


@router.post("/personas/{user_id}/ticks")
async def ticks(user_id: str, tick: wire.TickRecord, parts: Parts) -> wire.Done:
    """Note that a tick has ended, whatever became of it."""
    await parts.activity.record_tick(user_id, tick.occurred_at)
    return wire.Done()


@router.post("/keys/rotate")
async def rotate_keys(wanted: wire.KeyRotation, parts: Parts) -> wire.RotatedKeys:
    """Make a new signing key; earlier ones verify on until their tokens have ended."""
    made = await parts.tokens.keys.rotate(withdraw=wanted.withdraw)
    return wire.RotatedKeys(kid=made.kid, signs_from=made.signs_from, kids=list(made.kids))
