"""Routes for people: their spaces, who is in them and who may come in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Parts, Visiting, Visitor

router = APIRouter(prefix="/api/auth/organization", responses=REFUSALS)

InSpace = Annotated[wire.SpaceId, Query(alias="organizationId")]


@router.post("/create")
async def create(request: wire.SpaceCreate, user: Visitor, parts: Parts) -> wire.SpaceCreated:
    """Make a shared space."""
    return await parts.spaces.create(user, request)


@router.get("/list")
async def spaces(asker: Visiting, parts: Parts) -> list[wire.Organization]:
    """List the spaces that the caller is in."""
    known = await parts.spaces.list(asker.user)
    return [space for space in known if asker.space_id in ("", space.id)]


@router.post("/delete")
async def delete(request: wire.SpaceChoice, user: Visitor, parts: Parts) -> wire.Organization:
    """Delete a shared space."""
    return await parts.spaces.delete(user, request.organization_id)


@router.get("/list-members")
async def members(space_id: InSpace, user: Visitor, parts: Parts) -> wire.MemberList:
    """List who is in a space."""
    return await parts.members.list(user, space_id)


@router.post("/remove-member")
async def remove(request: wire.MemberRemoval, user: Visitor, parts: Parts) -> wire.Removed:
    """Take somebody out of a space."""
    member = await parts.members.remove(user, request.organization_id, request.member_id_or_email)
    return wire.Removed(member=member)


@router.post("/update-member-role")
async def change_role(request: wire.RoleChange, user: Visitor, parts: Parts) -> wire.Member:
    """Make a member something else."""
    return await parts.members.change_role(
        user, request.organization_id, request.member_id, request.role
    )


@router.post("/leave")
async def leave(request: wire.SpaceChoice, user: Visitor, parts: Parts) -> wire.Member:
    """Leave a space."""
    return await parts.members.leave(user, request.organization_id)


@router.post("/invite-member")
async def invite(request: wire.InviteRequest, user: Visitor, parts: Parts) -> wire.Invitation:
    """Invite an address into a space."""
    return await parts.invitations.invite(user, request)


@router.get("/list-invitations")
async def invitations(space_id: InSpace, user: Visitor, parts: Parts) -> list[wire.Invitation]:
    """List the invitations to a space."""
    return await parts.invitations.of_space(user, space_id)


@router.get("/list-user-invitations")
async def own_invitations(user: Visitor, parts: Parts) -> list[wire.Invitation]:
    """List the invitations that the caller can accept."""
    return await parts.invitations.of_user(user)


@router.get("/get-invitation")
async def invitation(
    invitation_id: Annotated[wire.SpaceId, Query(alias="id")], user: Visitor, parts: Parts
) -> wire.InvitationDetail:
    """Show one invitation to the caller."""
    return await parts.invitations.detail(user, invitation_id)


@router.post("/accept-invitation")
async def accept(request: wire.InvitationChoice, user: Visitor, parts: Parts) -> wire.Answered:
    """Come into the space that the caller was invited to."""
    return await parts.invitations.accept(user, request.invitation_id)


@router.post("/reject-invitation")
async def reject(request: wire.InvitationChoice, user: Visitor, parts: Parts) -> wire.Answered:
    """Turn an invitation down."""
    return await parts.invitations.reject(user, request.invitation_id)


@router.post("/cancel-invitation")
async def cancel(request: wire.InvitationChoice, user: Visitor, parts: Parts) -> wire.Invitation:
    """Take an invitation back."""
    return await parts.invitations.cancel(user, request.invitation_id)
