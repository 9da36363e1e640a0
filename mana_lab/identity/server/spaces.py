"""Spaces: the personal one that every account has, shared ones, and what is left of them."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Connection, case, delete, func, select, update

from mana_lab.clock import Clock
from mana_lab.errors import (
    ConflictError,
    InvalidInputError,
    SpaceExistsError,
    SpaceMetadataError,
)
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import INVITATIONS, MEMBERS, ORGANIZATIONS
from mana_lab.identity.server.standing import (
    is_personal,
    lock_space,
    members_of,
    standing_of,
)
from mana_lab.identity.wire import (
    Membership,
    Organization,
    SharedSpaceMetadata,
    SpaceCreate,
    SpaceCreated,
    Tier,
    User,
)
from mana_lab.storage import Store, insert_or_ignore

RESERVED = frozenset(
    {"me", "admin", "api", "auth", "login", "logout", "signup", "signin", "register", "settings"}
    | {"new", "app", "www", "support", "help", "billing", "invite"}
)
"""Slugs that name something else in the app."""
MOST_SPACES: Final = 100
"""How many spaces one account may be in when it makes another."""

_LONGEST_SLUG = 30


class Spaces:
    """Makes, lists and deletes spaces.

    Args:
        store: The identity store.
        clock: The lab's time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(self, user: User) -> list[Organization]:
        """Return the spaces that the account is in: its personal one, then the oldest first."""
        return await self._store.read(lambda connection: spaces_of(connection, user.id))

    async def create(self, user: User, wanted: SpaceCreate) -> SpaceCreated:
        """Make a shared space that the account owns.

        Raises:
            SpaceMetadataError: It does not say of which shared type it is to be.
            SpaceExistsError: Another space has the slug.
            InvalidInputError: The slug is reserved.
            ConflictError: The account is in too many spaces.
        """
        metadata = _shared_metadata(wanted.metadata)
        if wanted.slug in RESERVED:
            raise InvalidInputError(f"slug: {wanted.slug!r} is reserved; choose another")
        now = self._clock.now()
        return await self._store.write(
            lambda connection: _create(connection, user, wanted, metadata, now)
        )

    async def delete(self, user: User, space_id: str) -> Organization:
        """Delete a shared space that the account owns, with its memberships and its policy.

        Raises:
            NotAMemberError: The account is not in such a space.
            PersonalSpaceError: It is a personal one.
            ForbiddenError: The account is not an owner.
        """

        def work(connection: Connection) -> Organization:
            standing = standing_of(connection, space_id, user.id, acting=True)
            standing.require_shared()
            standing.require("owner")
            space = next(each for each in spaces_of(connection, user.id) if each.id == space_id)
            connection.execute(delete(ORGANIZATIONS).where(ORGANIZATIONS.c.id == space_id))
            return space

        return await self._store.write(work)


def slug_of(email: str) -> str:
    """Return the slug that an address suggests: its local part, made of ``[a-z0-9-]``."""
    local = email.partition("@")[0].lower()
    slug = re.sub(r"[^a-z0-9]+", "-", local).strip("-")[:_LONGEST_SLUG].strip("-")
    return slug or f"user-{secrets.token_hex(3)}"


def create_personal_space(
    connection: Connection, *, user_id: str, name: str, email: str, tier: Tier, now: datetime
) -> None:
    """Make the account's own space, with the account as its owner."""
    space = {"name": name, "metadata": {"type": "personal", "tier": tier}, "created_at": now}
    space_id = new_id()
    made = 0
    while not made:  # another account may take a free slug before this one does
        row = space | {"id": space_id, "slug": _free_slug(connection, slug_of(email))}
        made = insert_or_ignore(connection, ORGANIZATIONS, [row])
    add_member(connection, space_id, user_id, "owner", now)


def add_member(
    connection: Connection, space_id: str, user_id: str, role: str, now: datetime
) -> bool:
    """Make an account a member of a space; return False if it is one already."""
    row = {"id": new_id(), "organization_id": space_id, "user_id": user_id, "role": role}
    return insert_or_ignore(connection, MEMBERS, [row | {"created_at": now}]) == 1


def hand_over_spaces(connection: Connection, user: User) -> None:
    """Take an account out of all its spaces, before it is deleted.

    Its personal space goes, and so do those that nobody else is in. A space that it alone owned
    goes to the admin who has been there longest, or else to the member who has.
    """
    for space in spaces_of(connection, user.id):
        lock_space(connection, space.id)
        others = [each for each in _by_rank(connection, space.id) if each.user_id != user.id]
        if not others or (is_personal(space.metadata) and space.role == "owner"):
            connection.execute(delete(ORGANIZATIONS).where(ORGANIZATIONS.c.id == space.id))
        elif others[0].role != "owner":
            connection.execute(
                update(MEMBERS).where(MEMBERS.c.id == others[0].id).values(role="owner")
            )
    connection.execute(delete(MEMBERS).where(MEMBERS.c.user_id == user.id))
    connection.execute(delete(INVITATIONS).where(INVITATIONS.c.email == user.email))


def spaces_of(connection: Connection, user_id: str) -> list[Organization]:
    """Return the spaces that the account is in: its personal one, then the oldest first."""
    query = (
        select(ORGANIZATIONS, MEMBERS.c.role)
        .join(MEMBERS, MEMBERS.c.organization_id == ORGANIZATIONS.c.id)
        .where(MEMBERS.c.user_id == user_id)
        .order_by(ORGANIZATIONS.c.created_at, ORGANIZATIONS.c.slug)
    )
    found = [
        Organization.model_validate(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name
        for row in connection.execute(query)
    ]
    return sorted(found, key=lambda space: not is_personal(space.metadata))


def memberships_of(connection: Connection, user_id: str) -> list[Membership]:
    """Return where the account is a member, and as what."""
    everybody = MEMBERS.alias()
    others = (
        select(func.count())
        .where(
            everybody.c.organization_id == MEMBERS.c.organization_id,
            everybody.c.user_id != user_id,
        )
        .scalar_subquery()
    )
    query = (
        select(MEMBERS.c.organization_id, MEMBERS.c.role, others.label("others"))
        .where(MEMBERS.c.user_id == user_id)
        .order_by(MEMBERS.c.organization_id)
    )
    return [
        Membership(organization_id=row.organization_id, role=row.role, others=row.others)
        for row in connection.execute(query)
    ]


def _create(
    connection: Connection,
    user: User,
    wanted: SpaceCreate,
    metadata: SharedSpaceMetadata,
    now: datetime,
) -> SpaceCreated:
    if len(memberships_of(connection, user.id)) >= MOST_SPACES:
        raise ConflictError(f"you are in {MOST_SPACES} spaces; leave one before you make another")
    space_id = new_id()
    space = {
        "id": space_id,
        "name": wanted.name,
        "slug": wanted.slug,
        "metadata": {"type": metadata.type, "tier": "public"},
        "created_at": now,
    }
    if not insert_or_ignore(connection, ORGANIZATIONS, [space]):
        raise SpaceExistsError("there is a space with this slug; choose another")
    add_member(connection, space_id, user.id, "owner", now)
    return SpaceCreated.model_validate(
        space | {"role": "owner", "members": members_of(connection, space_id)}
    )


def _shared_metadata(given: dict[str, Any]) -> SharedSpaceMetadata:
    try:
        return SharedSpaceMetadata.model_validate(given)
    except ValidationError:
        raise SpaceMetadataError(
            'metadata: must be {"type": …} and no more, the type one of brand, club, family, '
            "team and practice; a personal space is there already"
        ) from None


def _free_slug(connection: Connection, slug: str) -> str:
    query = select(ORGANIZATIONS.c.slug).where(ORGANIZATIONS.c.slug.startswith(slug))
    taken = set(connection.execute(query).scalars()) | RESERVED
    if slug not in taken:
        return slug
    return next(f"{slug}-{n}" for n in range(2, len(taken) + 3) if f"{slug}-{n}" not in taken)


def _by_rank(connection: Connection, space_id: str) -> Any:
    rank = case({"owner": 0, "admin": 1}, value=MEMBERS.c.role, else_=2)
    query = (
        select(MEMBERS)
        .where(MEMBERS.c.organization_id == space_id)
        .order_by(rank, MEMBERS.c.created_at, MEMBERS.c.id)
    )
    return connection.execute(query).all()
