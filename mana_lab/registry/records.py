"""Records: one table of the app as the caller of a tool sees it in the active space.

Reads and writes refresh the replica first, so that a tool sees its own writes and everybody
else's. Fields that the table declares as encrypted are sealed (:mod:`.sealing`) before they leave
this process, and opened only when they are returned or searched.
"""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mana_lab.clock import Clock
from mana_lab.errors import (
    ConflictError,
    InfrastructureError,
    InvalidInputError,
    NotFoundError,
)
from mana_lab.registry.principal import SpaceLike
from mana_lab.registry.sealing import Sealing
from mana_lab.registry.tables import Table
from mana_lab.sync.merge import Record
from mana_lab.sync.replica import Replica
from mana_lab.sync.wire import Change

PolicyHint: TypeAlias = Literal["read", "write", "destructive"]
"""What a tool may do to records: a write adds and changes, only ``destructive`` takes away."""
Show: TypeAlias = Callable[[], Awaitable[str]]
"""Gives what a service is shown in the caller's name."""
Fields: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Fields]
Predicate: TypeAlias = Callable[[Fields], bool]
_Held: TypeAlias = list[Record]


@dataclass(frozen=True)
class Page:
    """Some records, newest first.

    Attributes:
        rows: The records, in plaintext.
        next_cursor: Where the next page begins; None when this was the last one.
    """

    rows: Rows
    next_cursor: str | None


class Records:
    """The records of one table, for one call of a tool.

    Args:
        table: Which table.
        replica: Its copy as the caller sees it in the space.
        lock: Held from reading to writing; the same one for all who write to this table of the
            space through this process.
        space: The active space.
        reading: Gives what the sync service is shown by who reads.
        writing: Gives what it is shown for one push.
        clock: The lab's time.
        sealing: Encrypts and decrypts for the caller.
        new_id: Makes the ids of new records.
        policy_hint: ``read`` refuses writing, ``write`` refuses deleting.
    """

    def __init__(
        self,
        table: Table,
        *,
        replica: Replica,
        lock: asyncio.Lock,
        space: SpaceLike,
        reading: Show,
        writing: Show,
        clock: Clock,
        sealing: Sealing,
        new_id: Callable[[], str],
        policy_hint: PolicyHint = "read",
    ) -> None:
        self._table = table
        self._replica = replica
        self._lock = lock
        self._space = space
        self._reading = reading
        self._writing = writing
        self._clock = clock
        self._new_id = new_id
        self._policy_hint = policy_hint
        self._sealing = sealing

    async def create(self, fields: Mapping[str, Any], *, ordered: bool = False) -> Fields:
        """Add a record; a call that is done again writes the same record again.

        Args:
            fields: What it says; ``id``, ``spaceId``, ``createdAt`` and ``updatedAt`` are added.
            ordered: Whether to add ``order``, one above the highest in the space.

        Returns:
            The record, in plaintext.

        Raises:
            ConflictError: The call is done again, and what it wrote was deleted since.
        """
        self._check_writable()
        record_id = self._new_id()
        async with self._lock:
            await self._refresh()
            known = self._replica.get(record_id)
            if known is not None and known.deleted:
                raise ConflictError(
                    f"the record {record_id} of this call was deleted; call again with another "
                    "idempotency key"
                )
            if known is not None and known.inserted:
                await self._change(known, fields)
            else:
                await self._insert(record_id, fields, ordered=ordered)
            return await self._sealing.plain(self._find(record_id))

    async def get(self, record_id: str) -> Fields:
        """Return a record, in plaintext.

        Raises:
            NotFoundError: There is no such record in the space, or not any more.
        """
        await self._refresh()
        return await self._sealing.plain(self._find(record_id))

    async def list(
        self,
        *,
        where: Predicate | None = None,
        matching: Predicate | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Rows:
        """Return records, in plaintext, in the order in which they were added.

        Args:
            where: Which to keep, told by the fields that are not encrypted; it is not shown the
                others. Decrypts nothing.
            matching: Which to keep, told by the whole record. Decrypts as many as it takes.
            newest_first: Whether to turn the order round.
            limit: At most this many.
        """
        await self._refresh()
        records = self._replica.newest() if newest_first else self._replica.oldest()
        found: Rows = []
        if limit is not None and limit <= 0:
            return found
        async for record, row in self._found(records, where, matching):
            found.append(await self._whole(record, row))
            if len(found) == limit:
                break
        return found

    async def page(
        self,
        *,
        limit: int,
        cursor: str = "",
        where: Predicate | None = None,
        matching: Predicate | None = None,
    ) -> Page:
        """Return one page of records, newest first, in plaintext.

        What it costs follows from what it looks at: a page of records of which all are wanted
        decrypts no others.

        Args:
            limit: At most this many.
            cursor: The ``next_cursor`` of the page before; empty for the first page.
            where: As for :meth:`list`.
            matching: As for :meth:`list`.

        Raises:
            InvalidInputError: The cursor is not one of this list.
        """
        await self._refresh()
        before = self._place_of(cursor) if cursor else None
        rows: Rows = []
        async for record, row in self._found(self._replica.newest(before), where, matching):
            if len(rows) == limit:
                return Page(rows, rows[-1]["id"])
            rows.append(await self._whole(record, row))
        return Page(rows, None)

    def _place_of(self, cursor: str) -> int:
        """Return the place of the record that a page ended with; it may be deleted by now.

        A cursor is no number of the service's log, which would tell how much others write.
        """
        last = self._replica.get(cursor)
        if last is None or not last.inserted or not self._is_here(last):
            raise InvalidInputError(
                f"{cursor[:40]!r} is not a cursor of this list; leave it out for the first page"
            )
        return last.seq

    async def _found(
        self, records: Iterable[Record], where: Predicate | None, matching: Predicate | None
    ) -> AsyncIterator[tuple[Record, Fields | None]]:
        """Go through the wanted records of the space; decrypted where that told that they are."""
        sealing = self._sealing
        for record in records:
            if not self._is_here(record):
                continue
            if where is not None and not where(sealing.public(record)):
                continue
            if matching is None:
                yield record, None
                continue
            plain = sealing.plain_at_once(record)
            if plain is None:
                plain = await sealing.shared_plain(record)
            if matching(plain):
                yield record, plain

    async def _whole(self, record: Record, plain: Fields | None) -> Fields:
        return await self._sealing.plain(record) if plain is None else copy.deepcopy(plain)

    async def delete(self, record_id: str) -> None:
        """Take a record away: it leaves a tombstone, and deleting it again is no write.

        Raises:
            NotFoundError: The space never had such a record.
        """
        if self._policy_hint != "destructive":
            raise InfrastructureError("a tool that is not declared as destructive tried to delete")
        async with self._lock:
            await self._refresh()
            known = self._replica.get(record_id)
            if known is not None and known.inserted and known.deleted and self._is_here(known):
                return
            self._find(record_id)
            stamp = self._replica.stamp(self._clock.now())
            delete = Change.to_delete(self._table.name, record_id, stamp)
            here = delete.model_copy(update={"space_id": self._space.id})
            await self._push(here)

    async def update(
        self, record_id: str, changes: Mapping[str, Any], *, unless: Predicate | None = None
    ) -> None:
        """Set fields of a record, and its ``updatedAt``; writing what it says already is no write.

        Args:
            record_id: Which record.
            changes: The new values, in plaintext.
            unless: Leaves the record alone when true of its fields that are not encrypted.

        Raises:
            NotFoundError: There is no such record in the space, or not any more.
        """
        self._check_writable()
        async with self._lock:
            await self._refresh()
            record = self._find(record_id)
            if unless is None or not unless(self._sealing.public(record)):
                await self._change(record, changes)

    async def count(self) -> int:
        """Return how many records the space has."""
        await self._refresh()
        return len(self._visible())

    async def _refresh(self) -> None:
        await self._replica.refresh(await self._reading())

    async def _push(self, change: Change) -> None:
        shown = await self._writing()
        await self._replica.push(shown, [change], reading=await self._reading())

    def _check_writable(self) -> None:
        if self._policy_hint == "read":
            raise InfrastructureError("a tool that is declared as reading tried to write")

    def _visible(self) -> _Held:
        return [record for record in self._replica.current() if self._is_here(record)]

    def _is_here(self, record: Record) -> bool:
        """The original's tools wrote no ``spaceId`` in the data; those count by their envelope."""
        said = record.fields.get("spaceId")
        return said is None or bool(said == self._space.id)

    def _find(self, record_id: str) -> Record:
        record = self._replica.get(record_id)
        if record is None or not record.current or not self._is_here(record):
            raise NotFoundError(
                f"there is no record {record_id} in {self._table.name} of this space; "
                "take an id from a tool that lists or searches them"
            )
        return record

    async def _insert(self, record_id: str, fields: Mapping[str, Any], *, ordered: bool) -> None:
        stamp = self._replica.stamp(self._clock.now())
        data = {"id": record_id, **fields}
        if ordered:
            data["order"] = self._next_order()
        data |= {"spaceId": self._space.id, "createdAt": stamp, "updatedAt": stamp}
        sealed = await self._sealing.sealed(record_id, data)
        insert = Change(
            table=self._table.name,
            id=record_id,
            op="insert",
            data=sealed,
            space_id=self._space.id,
        )
        await self._push(insert)

    async def _change(self, record: Record, changes: Mapping[str, Any]) -> None:
        known = [name for name in changes if name in record.fields]
        held = await self._sealing.some_plain(record, known)
        new = {
            name: value
            for name, value in changes.items()
            if name not in held or held[name] != value
        }
        if not new:
            return
        stamp = self._replica.stamp(self._clock.now())
        sealed = await self._sealing.sealed(record.id, {**new, "updatedAt": stamp})
        update = Change.to_update(self._table.name, record.id, sealed, stamp)
        await self._push(update.model_copy(update={"space_id": self._space.id}))

    def _next_order(self) -> int:
        highest = self._replica.highest("order")
        return 0 if highest is None else math.floor(highest) + 1
