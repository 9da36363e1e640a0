"""Policies of spaces: which destructive tools their owners and admins allow there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from mana_lab.clock import Clock
from mana_lab.errors import InvalidInputError, NotFoundError
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import ORGANIZATIONS, SPACE_POLICIES, SPACE_POLICY_AUDIT
from mana_lab.identity.server.standing import standing_of
from mana_lab.identity.wire import (
    PolicyAudit,
    PolicyAuditEntry,
    PolicyChange,
    SpacePolicy,
    User,
)
from mana_lab.storage import Store, insert_or_ignore

_LONGEST_AUDIT = 500


class Policies:
    """Keeps the policies of spaces, and writes down who changed them.

    Args:
        store: The identity store.
        clock: The lab's time.
        known: The names of all destructive tools; None where they are not known here.
    """

    def __init__(self, store: Store, clock: Clock, known: frozenset[str] | None = None) -> None:
        self._store = store
        self._clock = clock
        self._known = known

    async def get(self, user: User, space_id: str) -> SpacePolicy:
        """Return the policy of a space that the account is in.

        Raises:
            NotAMemberError: The account is not in such a space.
        """

        def work(connection: Connection) -> SpacePolicy:
            standing_of(connection, space_id, user.id)
            return _policy(connection, space_id)

        return await self._store.read(work)

    async def get_for_service(self, space_id: str) -> SpacePolicy:
        """Return the policy of any space.

        Raises:
            NotFoundError: There is no such space.
        """

        def work(connection: Connection) -> SpacePolicy:
            known = select(ORGANIZATIONS.c.id).where(ORGANIZATIONS.c.id == space_id)
            if connection.execute(known).first() is None:
                raise NotFoundError("there is no such space")
            return _policy(connection, space_id)

        return await self._store.read(work)

    async def change(self, user: User, space_id: str, wanted: PolicyChange) -> SpacePolicy:
        """Replace the policy of a space; each tool that is added or removed leaves an audit row.

        Raises:
            NotAMemberError: The account is not in such a space.
            ForbiddenError: The account is neither owner nor admin there.
            InvalidInputError: A name is none of a destructive tool; or a tool is added, and the
                sender does not say that they know what that means.
        """
        if self._known is not None:
            _check_known(wanted.allow_destructive, self._known)
        now = self._clock.now()

        def work(connection: Connection) -> SpacePolicy:
            standing = standing_of(connection, space_id, user.id, acting=True)
            standing.require("owner", "admin")
            return _change(connection, user, space_id, wanted, now)

        return await self._store.write(work)

    async def audit(self, user: User, space_id: str) -> PolicyAudit:
        """Return who changed the policy of a space, the latest changes first.

        Raises:
            NotAMemberError: The account is not in such a space.
        """

        def work(connection: Connection) -> PolicyAudit:
            standing_of(connection, space_id, user.id)
            query = (
                select(SPACE_POLICY_AUDIT)
                .where(SPACE_POLICY_AUDIT.c.space_id == space_id)
                .order_by(SPACE_POLICY_AUDIT.c.seq.desc())
                .limit(_LONGEST_AUDIT)
            )
            return PolicyAudit(
                entries=[
                    PolicyAuditEntry(
                        action=row.action,
                        tool_name=row.tool_name,
                        actor=row.actor,
                        changed_at=row.changed_at,
                    )
                    for row in connection.execute(query)
                ]
            )

        return await self._store.read(work)


def _check_known(names: Sequence[str], known: frozenset[str]) -> None:
    strangers = sorted(set(names) - known)
    if strangers:
        raise InvalidInputError(
            f"allowDestructive: {strangers[0]} is none of the tools that take something away; "
            f"they are {', '.join(sorted(known)) or 'none'}"
        )


def _policy(connection: Connection, space_id: str) -> SpacePolicy:
    row = connection.execute(
        select(SPACE_POLICIES).where(SPACE_POLICIES.c.space_id == space_id)
    ).first()
    if row is None:
        return SpacePolicy(space_id=space_id, allow_destructive=[])
    return SpacePolicy(
        space_id=space_id,
        allow_destructive=row.allow_destructive,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        schema_version=row.schema_version,
    )


def _change(
    connection: Connection, user: User, space_id: str, wanted: PolicyChange, now: datetime
) -> SpacePolicy:
    known = _policy(connection, space_id)
    before, after = set(known.allow_destructive), set(wanted.allow_destructive)
    if before == after:
        return known
    if after - before and not wanted.acknowledged:
        raise InvalidInputError(
            "acknowledged: must be true when a destructive tool is added; such tools take things "
            "away for good"
        )
    values = {"allow_destructive": sorted(after), "updated_by": user.id, "updated_at": now}
    fresh = {"space_id": space_id, "schema_version": 1, **values}
    if not insert_or_ignore(connection, SPACE_POLICIES, [fresh]):
        theirs = SPACE_POLICIES.c.space_id == space_id
        connection.execute(update(SPACE_POLICIES).where(theirs).values(**values))
    _write_down(connection, user, space_id, before, after, now)
    return _policy(connection, space_id)


def _write_down(
    connection: Connection,
    user: User,
    space_id: str,
    before: set[str],
    after: set[str],
    now: datetime,
) -> None:
    theirs = SPACE_POLICY_AUDIT.c.space_id == space_id
    last = select(func.coalesce(func.max(SPACE_POLICY_AUDIT.c.seq), 0)).where(theirs)
    seq = connection.execute(last).scalar_one()
    changes = [("removed", name) for name in sorted(before - after)]
    changes += [("added", name) for name in sorted(after - before)]
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "space_id": space_id,
            "seq": seq + place,
            "action": action,
            "tool_name": name,
            "actor": user.id,
            "changed_at": now,
        }
        for place, (action, name) in enumerate(changes, start=1)
    ]
    connection.execute(insert(SPACE_POLICY_AUDIT), rows)
