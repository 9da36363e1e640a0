"""Spaces, and who is in them."""

from __future__ import annotations

from datetime import datetime

from mana_lab.identity.wire.base import SpaceRole, SpaceType, Tier, WireModel


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


class Membership(WireModel):
    """One user's place in one space."""

    organization_id: str
    role: SpaceRole


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
