"""Spaces: the personal one that every account has, and who is a member where."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import MEMBERS, ORGANIZATIONS
from mana_lab.identity.wire import Membership, Organization, SpaceMetadata, Tier

RESERVED = frozenset(
    {"me", "admin", "api", "auth", "login", "logout", "signup", "signin", "register", "settings"}
    | {"new", "app", "www", "support", "help", "billing", "invite"}
)
"""Slugs that name something else in the app."""

_LONGEST_SLUG = 30


def slug_of(email: str) -> str:
    """Return the slug that an address suggests: its local part, made of ``[a-z0-9-]``."""
    local = email.partition("@")[0].lower()
    slug = re.sub(r"[^a-z0-9]+", "-", local).strip("-")[:_LONGEST_SLUG].strip("-")
    return slug or f"user-{secrets.token_hex(3)}"


def create_personal_space(
    connection: Connection, *, user_id: str, name: str, email: str, tier: Tier, now: datetime
) -> None:
    """Make the account's own space, with the account as its owner."""
    space_id = new_id()
    connection.execute(
        insert(ORGANIZATIONS).values(
            id=space_id,
            name=name,
            slug=_free_slug(connection, slug_of(email)),
            metadata={"type": "personal", "tier": tier},
            created_at=now,
        )
    )
    connection.execute(
        insert(MEMBERS).values(
            id=new_id(), organization_id=space_id, user_id=user_id, role="owner", created_at=now
        )
    )


def _free_slug(connection: Connection, slug: str) -> str:
    query = select(ORGANIZATIONS.c.slug).where(ORGANIZATIONS.c.slug.startswith(slug))
    taken = set(connection.execute(query).scalars()) | RESERVED
    if slug not in taken:
        return slug
    return next(f"{slug}-{n}" for n in range(2, len(taken) + 3) if f"{slug}-{n}" not in taken)


def delete_own_spaces(connection: Connection, user_id: str) -> None:
    """Delete the account's personal space, and those that nobody else is in."""
    for space in spaces_of(connection, user_id):
        everybody = select(func.count()).where(MEMBERS.c.organization_id == space.id)
        alone = connection.execute(everybody).scalar_one() == 1
        if alone or (_is_personal(space) and space.role == "owner"):
            connection.execute(delete(ORGANIZATIONS).where(ORGANIZATIONS.c.id == space.id))


def _is_personal(space: Organization) -> bool:
    return isinstance(space.metadata, SpaceMetadata) and space.metadata.type == "personal"


def spaces_of(connection: Connection, user_id: str) -> list[Organization]:
    """Return the spaces that the account is in, the oldest first."""
    query = (
        select(ORGANIZATIONS, MEMBERS.c.role)
        .join(MEMBERS, MEMBERS.c.organization_id == ORGANIZATIONS.c.id)
        .where(MEMBERS.c.user_id == user_id)
        .order_by(ORGANIZATIONS.c.created_at, ORGANIZATIONS.c.id)
    )
    return [
        Organization.model_validate(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name
        for row in connection.execute(query)
    ]


def memberships_of(connection: Connection, user_id: str) -> list[Membership]:
    """Return where the account is a member, and as what."""
    query = (
        select(MEMBERS.c.organization_id, MEMBERS.c.role)
        .where(MEMBERS.c.user_id == user_id)
        .order_by(MEMBERS.c.organization_id)
    )
    return [
        Membership(organization_id=row.organization_id, role=row.role)
        for row in connection.execute(query)
    ]
