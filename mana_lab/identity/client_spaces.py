"""The part of the identity client that speaks about spaces."""

from __future__ import annotations

from collections.abc import Sequence

from mana_lab.errors import ProtocolError
from mana_lab.identity import wire
from mana_lab.identity.transport import M, Transport, bearer, parse, parse_list, segment, service

_SPACES = "/api/auth/organization"


class SpaceCalls(Transport):
    """What a member of spaces may ask."""

    async def spaces(self, token: str) -> list[wire.Space]:
        """Return the spaces that the token's user is in.

        Raises:
            UnauthenticatedError: The token is not taken.
        """
        response = await self._send("GET", "/api/auth/organization/list", bearer(token))
        try:
            return [_space(wire.Organization.model_validate(item)) for item in response.json()]
        except (ValueError, TypeError):
            raise ProtocolError("the identity service answered with no list of spaces") from None

    async def create_space(
        self, token: str, name: str, slug: str, kind: wire.SharedSpaceType
    ) -> wire.Space:
        """Make a shared space that the token's user owns.

        Raises:
            SpaceExistsError: Another space has the slug.
        """
        body = {"name": name, "slug": slug, "metadata": {"type": kind}}
        made = await self._post(f"{_SPACES}/create", body, wire.SpaceCreated, bearer(token))
        return _space(made)

    async def delete_space(self, token: str, space_id: str) -> None:
        """Delete a shared space.

        Raises:
            PersonalSpaceError: It is a personal one.
            ForbiddenError: The token's user is not an owner.
        """
        await self._choose(token, "delete", wire.Organization, organizationId=space_id)

    async def members(self, token: str, space_id: str) -> list[wire.Member]:
        """Return who is in a space, those who came first first.

        Raises:
            NotAMemberError: The token's user is not.
        """
        path = f"{_SPACES}/list-members?organizationId={segment(space_id)}"
        return (await self._get(path, wire.MemberList, bearer(token))).members

    async def remove_member(self, token: str, space_id: str, member_id_or_email: str) -> None:
        """Take somebody out of a space.

        Raises:
            NotFoundError: The space has no such member.
            ForbiddenError: The role of the token's user does not reach so far.
            LastOwnerError: The space would have no owner.
        """
        who = {"organizationId": space_id, "memberIdOrEmail": member_id_or_email}
        await self._choose(token, "remove-member", wire.Removed, **who)

    async def change_role(
        self, token: str, space_id: str, member_id: str, role: wire.SpaceRole
    ) -> wire.Member:
        """Make a member of a space something else.

        Raises:
            NotFoundError: The space has no such member.
            ForbiddenError: The role of the token's user does not reach so far.
            LastOwnerError: The space would have no owner.
        """
        what = {"organizationId": space_id, "memberId": member_id, "role": role}
        return await self._choose(token, "update-member-role", wire.Member, **what)

    async def leave_space(self, token: str, space_id: str) -> None:
        """Leave a space.

        Raises:
            LastOwnerError: The space would have no owner.
        """
        await self._choose(token, "leave", wire.Member, organizationId=space_id)

    async def invite(
        self, token: str, space_id: str, email: str, role: wire.SpaceRole = "member"
    ) -> wire.Invitation:
        """Invite an address into a space.

        Raises:
            ForbiddenError: The role of the token's user does not reach so far.
            ConflictError: The address is a member's, or was invited and has not answered.
        """
        what = {"organizationId": space_id, "email": email, "role": role}
        return await self._choose(token, "invite-member", wire.Invitation, **what)

    async def invitations(self, token: str, space_id: str) -> list[wire.Invitation]:
        """Return the invitations to a space, the latest first.

        Raises:
            NotAMemberError: The token's user is not in it.
        """
        path = f"{_SPACES}/list-invitations?organizationId={segment(space_id)}"
        return await self._get_list(path, wire.Invitation, token)

    async def own_invitations(self, token: str) -> list[wire.Invitation]:
        """Return the invitations that the token's user can accept now."""
        return await self._get_list(f"{_SPACES}/list-user-invitations", wire.Invitation, token)

    async def invitation(self, token: str, invitation_id: str) -> wire.InvitationDetail:
        """Return an invitation to the token's user.

        Raises:
            NotFoundError: There is none.
        """
        path = f"{_SPACES}/get-invitation?id={segment(invitation_id)}"
        return await self._get(path, wire.InvitationDetail, bearer(token))

    async def accept_invitation(self, token: str, invitation_id: str) -> wire.Answered:
        """Come into the space that the token's user was invited to.

        Raises:
            NotFoundError: There is no such invitation to them.
            InvitationClosedError: It was answered or taken back, or is too old.
        """
        answer = "accept-invitation"
        return await self._choose(token, answer, wire.Answered, invitationId=invitation_id)

    async def reject_invitation(self, token: str, invitation_id: str) -> wire.Answered:
        """Turn an invitation down; the errors are those of accepting it."""
        answer = "reject-invitation"
        return await self._choose(token, answer, wire.Answered, invitationId=invitation_id)

    async def cancel_invitation(self, token: str, invitation_id: str) -> wire.Invitation:
        """Take an invitation back.

        Raises:
            NotFoundError: There is no such invitation to a space of the token's user.
            InvitationClosedError: It was answered already.
        """
        answer = "cancel-invitation"
        return await self._choose(token, answer, wire.Invitation, invitationId=invitation_id)

    async def space_policy(self, token: str, space_id: str) -> wire.SpacePolicy:
        """Return which destructive tools may be used in a space.

        Raises:
            NotAMemberError: The token's user is not in it.
        """
        return await self._get(_policy_of(space_id), wire.SpacePolicy, bearer(token))

    async def set_space_policy(
        self, token: str, space_id: str, tools: Sequence[str], *, acknowledged: bool = False
    ) -> wire.SpacePolicy:
        """Say which destructive tools may be used in a space.

        Args:
            token: An owner's or an admin's access token.
            space_id: The space.
            tools: All of them, at most 50.
            acknowledged: That it is known what they may destroy; needed when one is added.

        Raises:
            ForbiddenError: The token's user is neither owner nor admin.
            InvalidInputError: A name is none of a tool, or it was not acknowledged.
        """
        body = {"allowDestructive": list(tools), "acknowledged": acknowledged}
        response = await self._send("PUT", _policy_of(space_id), bearer(token), body)
        return parse(response, wire.SpacePolicy)

    async def space_policy_audit(self, token: str, space_id: str) -> list[wire.PolicyAuditEntry]:
        """Return who changed the policy of a space, the latest changes first."""
        path = f"{_policy_of(space_id)}/audit"
        return (await self._get(path, wire.PolicyAudit, bearer(token))).entries

    async def policy_for_service(self, service_key: str, space_id: str) -> wire.SpacePolicy:
        """Return the policy of any space, to another service.

        Raises:
            NotFoundError: There is no such space.
        """
        path = f"/api/v1/internal/spaces/{segment(space_id)}/policy"
        return await self._get(path, wire.SpacePolicy, service(service_key))

    async def _choose(self, token: str, action: str, answer: type[M], **body: str) -> M:
        return await self._post(f"{_SPACES}/{action}", body, answer, bearer(token))

    async def _get_list(self, path: str, item: type[M], token: str) -> list[M]:
        return parse_list(await self._send("GET", path, bearer(token)), item)


def _space(organization: wire.Organization) -> wire.Space:
    metadata = organization.metadata
    known = (
        wire.SpaceMetadata.model_validate_json(metadata) if isinstance(metadata, str) else metadata
    )
    return wire.Space(
        id=organization.id,
        name=organization.name,
        slug=organization.slug,
        type=known.type,
        role=organization.role,
    )


def _policy_of(space_id: str) -> str:
    return f"/api/v1/spaces/{segment(space_id)}/policy"
