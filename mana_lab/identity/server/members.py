"""Members of spaces: who is there, what they may do, and how they go."""

from __future__ import annotations

from sqlalchemy import Connection, delete, or_, select, update

from mana_lab.errors import ForbiddenError, NotFoundError
from mana_lab.identity.server.schema import INVITATIONS, MEMBERS, USERS
from mana_lab.identity.server.standing import (
    Standing,
    as_member,
    check_not_last_owner,
    members_of,
    standing_of,
)
from mana_lab.identity.wire import Member, MemberList, SpaceRole, User, normalise_email
from mana_lab.storage import Store


class Members:
    """Lists the members of spaces, changes their roles and takes them out.

    Args:
        store: The identity store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, user: User, space_id: str) -> MemberList:
        """Return who is in a space.

        Raises:
            NotAMemberError: The account is not in such a space.
        """

        def work(connection: Connection) -> MemberList:
            standing_of(connection, space_id, user.id)
            members = members_of(connection, space_id)
            return MemberList(members=members, total=len(members))

        return await self._store.read(work)

    async def remove(self, user: User, space_id: str, member_id_or_email: str) -> Member:
        """Take somebody out of a space; who takes themselves out leaves.

        Raises:
            NotAMemberError: The account is not in such a space.
            NotFoundError: The other one is not.
            ForbiddenError: The account's role does not reach so far.
            LastOwnerError: The space would have no owner.
            PersonalSpaceError: It is a personal one.
        """

        def work(connection: Connection) -> Member:
            standing = standing_of(connection, space_id, user.id, acting=True)
            standing.require_shared()
            member = _find(connection, space_id, member_id_or_email)
            if member.user_id != user.id:
                _check_reach(standing, member)
            return _take_out(connection, member)

        return await self._store.write(work)

    async def leave(self, user: User, space_id: str) -> Member:
        """Take the account out of a space.

        Raises:
            NotAMemberError: The account is not in such a space.
            LastOwnerError: The space would have no owner.
            PersonalSpaceError: It is a personal one.
        """

        def work(connection: Connection) -> Member:
            standing = standing_of(connection, space_id, user.id, acting=True)
            standing.require_shared()
            return _take_out(connection, _find(connection, space_id, standing.member_id))

        return await self._store.write(work)

    async def change_role(
        self, user: User, space_id: str, member_id: str, role: SpaceRole
    ) -> Member:
        """Make a member something else.

        Raises:
            NotAMemberError: The account is not in such a space.
            NotFoundError: The other one is not.
            ForbiddenError: The account's role does not reach so far; only owners make owners.
            LastOwnerError: The space would have no owner.
            PersonalSpaceError: It is a personal one.
        """

        def work(connection: Connection) -> Member:
            standing = standing_of(connection, space_id, user.id, acting=True)
            standing.require_shared()
            member = _find(connection, space_id, member_id)
            _check_reach(standing, member)
            if role == "owner":
                standing.require("owner")
            else:
                check_not_last_owner(connection, space_id, member.role)
            connection.execute(update(MEMBERS).where(MEMBERS.c.id == member.id).values(role=role))
            if role == "member":
                _take_back_invitations(connection, member)
            return member.model_copy(update={"role": role})

        return await self._store.write(work)


def _check_reach(standing: Standing, member: Member) -> None:
    standing.require("owner", "admin")
    if member.role == "owner" and standing.role != "owner":
        raise ForbiddenError("an admin cannot remove or demote an owner")


def _find(connection: Connection, space_id: str, member_id_or_email: str) -> Member:
    address = normalise_email(member_id_or_email)
    query = (
        select(MEMBERS, USERS.c.name, USERS.c.email)
        .join(USERS, USERS.c.id == MEMBERS.c.user_id)
        .where(
            MEMBERS.c.organization_id == space_id,
            or_(MEMBERS.c.id == member_id_or_email, USERS.c.email == address),
        )
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError("the space has no such member")
    return as_member(row)


def _take_out(connection: Connection, member: Member) -> Member:
    check_not_last_owner(connection, member.organization_id, member.role)
    connection.execute(delete(MEMBERS).where(MEMBERS.c.id == member.id))
    _take_back_invitations(connection, member)
    return member


def _take_back_invitations(connection: Connection, member: Member) -> None:
    """Close what somebody asked others into who may do so no more."""
    connection.execute(
        update(INVITATIONS)
        .where(
            INVITATIONS.c.organization_id == member.organization_id,
            INVITATIONS.c.inviter_id == member.user_id,
            INVITATIONS.c.status == "pending",
        )
        .values(status="canceled")
    )
