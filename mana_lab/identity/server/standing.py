"""What somebody is in a space, looked up in the transaction that acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, select

from mana_lab.errors import ForbiddenError, LastOwnerError, NotAMemberError, PersonalSpaceError
from mana_lab.identity.server.schema import MEMBERS, ORGANIZATIONS, USERS
from mana_lab.identity.wire import Member, MemberUser, SpaceMetadata, SpaceRole

MOST_MEMBERS: Final = 100
"""How many members a space may have."""


@dataclass(frozen=True)
class Standing:
    """Somebody's place in a space.

    Attributes:
        space_id: The space.
        personal: Whether it is somebody's personal space.
        member_id: Their membership.
        user_id: Who they are.
        role: What they are there.
    """

    space_id: str
    personal: bool
    member_id: str
    user_id: str
    role: SpaceRole

    def require(self, *roles: SpaceRole) -> None:
        """Let those with one of these roles pass.

        Raises:
            ForbiddenError: They have another one.
        """
        if self.role not in roles:
            raise ForbiddenError(
                f"only {' and '.join(f'{role}s' for role in roles)} of the space may do that, "
                f"and you are {'an' if self.role[0] in 'ao' else 'a'} {self.role}"
            )

    def require_shared(self) -> None:
        """Let what only shared spaces know pass.

        Raises:
            PersonalSpaceError: The space is a personal one.
        """
        if self.personal:
            raise PersonalSpaceError("a personal space is neither shared nor left nor deleted")


def standing_of(
    connection: Connection, space_id: str, user_id: str, *, acting: bool = False
) -> Standing:
    """Return what somebody is in a space.

    Args:
        connection: Of the identity store.
        space_id: The space.
        user_id: Who.
        acting: Whether the transaction goes on to change the space; others who do then wait.

    Raises:
        NotAMemberError: They are none, or there is no such space; the answer is the same.
    """
    if acting:
        lock_space(connection, space_id)
    query = (
        select(MEMBERS, ORGANIZATIONS.c.metadata.label("kind_of_space"))
        .join(ORGANIZATIONS, ORGANIZATIONS.c.id == MEMBERS.c.organization_id)
        .where(MEMBERS.c.organization_id == space_id, MEMBERS.c.user_id == user_id)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotAMemberError("you are not a member of that space, or there is none")
    return Standing(space_id, is_personal(row.kind_of_space), row.id, user_id, row.role)


def lock_space(connection: Connection, space_id: str) -> None:
    """Have others who would change a space wait until the transaction is over."""
    connection.execute(
        select(ORGANIZATIONS.c.id).where(ORGANIZATIONS.c.id == space_id).with_for_update()
    ).all()


def is_personal(metadata: Any) -> bool:
    """Return whether the metadata of a space is that of a personal one."""
    if isinstance(metadata, SpaceMetadata):
        return metadata.type == "personal"
    try:
        if isinstance(metadata, str):
            return SpaceMetadata.model_validate_json(metadata).type == "personal"
        return SpaceMetadata.model_validate(metadata).type == "personal"
    except ValidationError:
        return False


def check_not_last_owner(connection: Connection, space_id: str, role: SpaceRole) -> None:
    """Let a member with that role go, or lose it.

    Raises:
        LastOwnerError: The space would have no owner.
    """
    if role == "owner" and count_members(connection, space_id, "owner") == 1:
        raise LastOwnerError(
            "a space needs an owner; make somebody else one first, or delete the space"
        )


def count_members(connection: Connection, space_id: str, role: SpaceRole | None = None) -> int:
    """Return how many members a space has, or how many of that role."""
    query = select(func.count()).where(MEMBERS.c.organization_id == space_id)
    if role is not None:
        query = query.where(MEMBERS.c.role == role)
    return connection.execute(query).scalar_one()


def members_of(connection: Connection, space_id: str) -> list[Member]:
    """Return the members of a space with their accounts, those who came first first."""
    query = (
        select(MEMBERS, USERS.c.name, USERS.c.email)
        .join(USERS, USERS.c.id == MEMBERS.c.user_id)
        .where(MEMBERS.c.organization_id == space_id)
        .order_by(MEMBERS.c.created_at, MEMBERS.c.id)
    )
    return [as_member(row) for row in connection.execute(query)]


def as_member(row: Row[Any]) -> Member:
    """Return a row of ``members``, joined with its account, as it goes over the wire."""
    created_at: datetime = row.created_at
    return Member(
        id=row.id,
        organization_id=row.organization_id,
        user_id=row.user_id,
        role=row.role,
        created_at=created_at,
        user=MemberUser(id=row.user_id, name=row.name, email=row.email),
    )
