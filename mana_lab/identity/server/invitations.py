"""Invitations: how somebody comes into a space."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, Select, func, select, update

from mana_lab.clock import Clock
from mana_lab.errors import ConflictError, InvitationClosedError, NotFoundError
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import INVITATIONS, MEMBERS, ORGANIZATIONS, USERS
from mana_lab.identity.server.spaces import add_member
from mana_lab.identity.server.standing import (
    MOST_MEMBERS,
    count_members,
    lock_space,
    members_of,
    standing_of,
)
from mana_lab.identity.wire import (
    Answered,
    Invitation,
    InvitationDetail,
    InvitationStatus,
    InviteRequest,
    User,
)
from mana_lab.storage import Store, insert_or_ignore

GOOD_FOR: Final = timedelta(hours=48)
"""How long an invitation can be accepted, by the lab's clock."""
MOST_PENDING: Final = 100
"""How many invitations of one space may wait for an answer."""


class Invitations:
    """Asks people into spaces, and takes their answers.

    An invitation is for one address: only the account that has it sees it.

    Args:
        store: The identity store.
        clock: The lab's time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def invite(self, user: User, wanted: InviteRequest) -> Invitation:
        """Invite an address into a space; whether it has an account is not told.

        Raises:
            NotAMemberError: The account is not in such a space.
            PersonalSpaceError: It is a personal one.
            ForbiddenError: The account is neither owner nor admin, or an admin who would make an
                owner.
            ConflictError: The address is a member's or was invited, or there are too many.
        """
        now = self._clock.now()

        def work(connection: Connection) -> Invitation:
            standing = standing_of(connection, wanted.organization_id, user.id, acting=True)
            standing.require_shared()
            standing.require("owner", "admin")
            if wanted.role == "owner":
                standing.require("owner")
            return _invite(connection, user, wanted, now)

        return await self._store.write(work)

    async def of_space(self, user: User, space_id: str) -> list[Invitation]:
        """Return the invitations to a space, the latest first.

        Raises:
            NotAMemberError: The account is not in such a space.
        """

        def work(connection: Connection) -> list[Invitation]:
            standing_of(connection, space_id, user.id)
            query = select(INVITATIONS).where(INVITATIONS.c.organization_id == space_id)
            return _newest_first(connection, query)

        return await self._store.read(work)

    async def of_user(self, user: User) -> list[Invitation]:
        """Return the invitations to the account's address that it can accept now."""
        query = select(INVITATIONS).where(
            INVITATIONS.c.email == user.email,
            INVITATIONS.c.status == "pending",
            INVITATIONS.c.expires_at > self._clock.now(),
        )
        return await self._store.read(lambda connection: _newest_first(connection, query))

    async def detail(self, user: User, invitation_id: str) -> InvitationDetail:
        """Return one invitation to the account's address.

        Raises:
            NotFoundError: There is none.
        """
        query = (
            select(
                INVITATIONS,
                ORGANIZATIONS.c.name.label("organization_name"),
                ORGANIZATIONS.c.slug.label("organization_slug"),
                USERS.c.email.label("inviter_email"),
            )
            .join(ORGANIZATIONS, ORGANIZATIONS.c.id == INVITATIONS.c.organization_id)
            .join(USERS, USERS.c.id == INVITATIONS.c.inviter_id)
            .where(INVITATIONS.c.id == invitation_id, INVITATIONS.c.email == user.email)
        )
        row = await self._store.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise _no_such()
        return InvitationDetail.model_validate(_as_dict(row))

    async def accept(self, user: User, invitation_id: str) -> Answered:
        """Come into the space that the account's address was invited to.

        Raises:
            NotFoundError: There is no such invitation to the address.
            InvitationClosedError: It was answered or taken back, or is too old.
            ConflictError: The account is a member already, or the space is full.
        """
        now = self._clock.now()

        def work(connection: Connection) -> Answered:
            invitation = _answer(connection, user, invitation_id, "accepted", now)
            space_id = invitation.organization_id
            if count_members(connection, space_id) >= MOST_MEMBERS:
                raise ConflictError(f"the space has {MOST_MEMBERS} members, and no room for more")
            if not add_member(connection, space_id, user.id, invitation.role, now):
                raise ConflictError("you are a member of the space already")
            members = members_of(connection, space_id)
            member = next(each for each in members if each.user_id == user.id)
            return Answered(invitation=invitation, member=member)

        return await self._store.write(work)

    async def reject(self, user: User, invitation_id: str) -> Answered:
        """Turn an invitation down.

        Raises:
            NotFoundError: There is no such invitation to the account's address.
            InvitationClosedError: It was answered or taken back, or is too old.
        """
        now = self._clock.now()
        return await self._store.write(
            lambda connection: Answered(
                invitation=_answer(connection, user, invitation_id, "rejected", now)
            )
        )

    async def cancel(self, user: User, invitation_id: str) -> Invitation:
        """Take an invitation to a space of the account back.

        Raises:
            NotFoundError: There is no such invitation to a space that the account is in.
            ForbiddenError: The account is neither owner nor admin there.
            InvitationClosedError: It was answered already.
        """

        def work(connection: Connection) -> Invitation:
            invitation = _find(connection, INVITATIONS.c.id == invitation_id, _is_in(user))
            standing_of(connection, invitation.organization_id, user.id, acting=True).require(
                "owner", "admin"
            )
            return _close(connection, invitation, "canceled")

        return await self._store.write(work)


def _invite(connection: Connection, user: User, wanted: InviteRequest, now: datetime) -> Invitation:
    space_id = wanted.organization_id
    known = {each.user.email for each in members_of(connection, space_id) if each.user}
    if wanted.email in known:
        raise ConflictError("the address is a member's already")
    waiting = (INVITATIONS.c.organization_id == space_id, INVITATIONS.c.status == "pending")
    connection.execute(
        update(INVITATIONS)
        .where(*waiting, INVITATIONS.c.expires_at <= now)
        .values(status="canceled")
    )
    if connection.execute(select(func.count()).where(*waiting)).scalar_one() >= MOST_PENDING:
        raise ConflictError(f"{MOST_PENDING} invitations wait for an answer; take some back first")
    row = wanted.model_dump() | {
        "id": new_id(),
        "status": "pending",
        "inviter_id": user.id,
        "expires_at": now + GOOD_FOR,
        "created_at": now,
    }
    if not insert_or_ignore(connection, INVITATIONS, [row]):
        raise ConflictError("the address was invited already, and has not answered yet")
    return Invitation.model_validate(row)


def _answer(
    connection: Connection,
    user: User,
    invitation_id: str,
    status: Literal["accepted", "rejected"],
    now: datetime,
) -> Invitation:
    theirs = INVITATIONS.c.email == user.email
    invitation = _find(connection, INVITATIONS.c.id == invitation_id, theirs)
    lock_space(connection, invitation.organization_id)
    if invitation.status == "pending" and invitation.expires_at <= now:
        raise InvitationClosedError("the invitation is more than 48 hours old; ask for another one")
    return _close(connection, invitation, status)


def _close(connection: Connection, invitation: Invitation, status: InvitationStatus) -> Invitation:
    """Give a pending invitation its end; of several at the same time one does."""
    changed = connection.execute(
        update(INVITATIONS)
        .where(INVITATIONS.c.id == invitation.id, INVITATIONS.c.status == "pending")
        .values(status=status)
    )
    if changed.rowcount == 0:
        raise InvitationClosedError("the invitation was answered or taken back already")
    return invitation.model_copy(update={"status": status})


def _find(connection: Connection, *conditions: Any) -> Invitation:
    row = connection.execute(select(INVITATIONS).where(*conditions)).first()
    if row is None:
        raise _no_such()
    return Invitation.model_validate(_as_dict(row))


def _is_in(user: User) -> Any:
    theirs = select(MEMBERS.c.organization_id).where(MEMBERS.c.user_id == user.id)
    return INVITATIONS.c.organization_id.in_(theirs)


def _newest_first(connection: Connection, query: Select[Any]) -> list[Invitation]:
    rows = connection.execute(query.order_by(INVITATIONS.c.created_at.desc(), INVITATIONS.c.id))
    return [Invitation.model_validate(_as_dict(row)) for row in rows]


def _as_dict(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def _no_such() -> NotFoundError:
    return NotFoundError("there is no such invitation, or it is not for you")
