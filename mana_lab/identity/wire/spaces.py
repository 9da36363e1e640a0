"""Spaces, who is in them, and who was asked to come in (Better Auth's organizations)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, StringConstraints, TypeAdapter, WithJsonSchema

from mana_lab.identity.wire.base import (
    Email,
    InvitationStatus,
    Name,
    RequestModel,
    SharedSpaceType,
    SpaceRole,
    SpaceType,
    Tier,
    WireModel,
    without_controls,
)

SpaceId: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(without_controls)
]
Slug: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
]


class SpaceMetadata(WireModel):
    """What a space is."""

    type: SpaceType
    tier: Tier = "public"


class Organization(WireModel):
    """A space as ``GET /api/auth/organization/list`` writes it."""

    id: str
    name: str
    slug: str
    logo: str | None = None
    created_at: datetime
    metadata: SpaceMetadata | str
    role: SpaceRole | None = None


class Space(WireModel):
    """A space that a user is in."""

    id: str
    name: str
    slug: str | None = None
    type: SpaceType = "personal"
    role: SpaceRole | None = None


class SharedSpaceMetadata(RequestModel):
    """What a new space is to be; everybody's personal one is there from the start."""

    type: SharedSpaceType


class SpaceCreate(RequestModel):
    """``POST /api/auth/organization/create``.

    Attributes:
        name: What to call the space.
        slug: Its name in addresses; no two spaces have the same.
        metadata: A :class:`SharedSpaceMetadata`.
    """

    name: Name
    slug: Slug
    metadata: Annotated[
        dict[str, Any], WithJsonSchema(TypeAdapter(SharedSpaceMetadata).json_schema())
    ]


class MemberUser(WireModel):
    """A member's account as the other members see it."""

    id: str
    name: str
    email: str


class Member(WireModel):
    """Somebody's place in a space."""

    id: str
    organization_id: str
    user_id: str
    role: SpaceRole
    created_at: datetime
    user: MemberUser | None = None


class SpaceCreated(Organization):
    """The answer to a new space: the space with its one member."""

    members: list[Member]


class MemberList(WireModel):
    """``GET /api/auth/organization/list-members``."""

    members: list[Member]
    total: int


class SpaceChoice(RequestModel):
    """The space that a request is about."""

    organization_id: SpaceId


class MemberRemoval(SpaceChoice):
    """``POST /api/auth/organization/remove-member``."""

    member_id_or_email: Annotated[
        str, StringConstraints(min_length=1, max_length=320), AfterValidator(without_controls)
    ]


class Removed(WireModel):
    """The member that is none any more."""

    member: Member


class RoleChange(SpaceChoice):
    """``POST /api/auth/organization/update-member-role``."""

    member_id: SpaceId
    role: SpaceRole


class InviteRequest(SpaceChoice):
    """``POST /api/auth/organization/invite-member``."""

    email: Email
    role: SpaceRole


class InvitationChoice(RequestModel):
    """The invitation that a request is about."""

    invitation_id: SpaceId


class Invitation(WireModel):
    """An invitation to a space, good for 48 hours and one use."""

    id: str
    organization_id: str
    email: str
    role: SpaceRole
    status: InvitationStatus
    expires_at: datetime
    created_at: datetime
    inviter_id: str


class InvitationDetail(Invitation):
    """An invitation as the one who was invited sees it."""

    organization_name: str
    organization_slug: str
    inviter_email: str


class Answered(WireModel):
    """The answer to an invitation that was accepted or rejected."""

    invitation: Invitation
    member: Member | None = None


class Membership(WireModel):
    """One user's place in one space.

    Attributes:
        organization_id: The space.
        role: What they are there.
        others: How many others are in it, for whom it stays when the account goes.
    """

    organization_id: str
    role: SpaceRole
    others: int = 0


class Memberships(WireModel):
    """``GET /api/v1/internal/users/{id}/memberships``.

    Attributes:
        user_id: Whose.
        memberships: Where they are a member.
        session_active: Whether the session that was asked about is theirs and lives; where none
            was asked about, whether the account exists.
    """

    user_id: str
    memberships: list[Membership]
    session_active: bool = True
