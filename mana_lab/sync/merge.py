"""Merging: field-level last-write-wins, a pure function of the set of changes.

Every write of a field has a place in one total order: its instant, then the client that wrote it,
then the canonical JSON of its value. The greatest write wins, so that every replica that has seen
the same changes shows the same, whatever their order, grouping or repetition.

A delete is a write of the field ``deletedAt``. It is kept even for a record not seen yet, and an
edit of other fields does not undo it; only a later write of ``deletedAt: null`` does. Values are
opaque: an encrypted one is text like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from mana_lab.sync.stamps import canonical_stamp, instant_of
from mana_lab.sync.wire import Change

DELETED_AT = "deletedAt"


@dataclass
class Record:
    """One record as the changes seen so far make it.

    Attributes:
        id: The record id.
        fields: The winning value of every field.
        stamps: The stamp of that value, canonical; empty where the write said no time.
        writers: The client that wrote it.
        inserted: Whether an insert was seen; without one the record is a fragment.
        deleted: Whether the winning ``deletedAt`` is not null.
        seq: The place in the service's log of its first insert.
    """

    id: str
    fields: dict[str, JsonValue] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)
    inserted: bool = False
    deleted: bool = False
    seq: int = 0
    writers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def current(self) -> bool:
        """Whether a reader of the collection should see it."""
        return self.inserted and not self.deleted


def fold(changes: Iterable[Change], into: dict[str, Record]) -> set[str]:
    """Apply *changes* to the records of one collection in one space.

    Args:
        changes: In any order; ones seen before do nothing.
        into: The records by id; changed in place.

    Returns:
        The ids of the records that the changes name.
    """
    touched: set[str] = set()
    for change in changes:
        touched.add(change.id)
        record = into.get(change.id)
        if record is None:
            record = into[change.id] = Record(change.id)
        if change.op == "insert":
            record.seq = min(record.seq, change.seq) if record.inserted else change.seq
            record.inserted = True
        for name, value, moment in writes_of(change):
            _offer(record, name, value, moment, change.client_id)
    return touched


def writes_of(change: Change) -> Iterator[tuple[str, JsonValue, datetime]]:
    """Go through what a change writes: each field, its value and the instant of the write."""
    if change.op == "insert":
        data = change.data or {}
        moment = instant_of(data.get("updatedAt") or data.get("createdAt"))
        for name, value in data.items():
            yield name, value, moment
    elif change.op == "update":
        for name, update in (change.fields or {}).items():
            yield name, update.value, instant_of(update.updated_at)
    else:
        yield DELETED_AT, change.deleted_at or "", instant_of(change.deleted_at)


def rank_of(moment: datetime, writer: str, value: JsonValue) -> tuple[datetime, str, bool, str]:
    """Return the place of a write in the total order; of two writes the greater one wins."""
    return moment, writer, *_value_rank(value)


def _offer(record: Record, name: str, value: JsonValue, moment: datetime, writer: str) -> None:
    if name in record.fields:
        rank = (moment, writer)
        held = (instant_of(record.stamps[name]), record.writers[name])
        if rank < held:
            return
        if rank == held and _value_rank(value) <= _value_rank(record.fields[name]):
            return
    record.fields[name] = value
    record.stamps[name] = canonical_stamp(moment)
    record.writers[name] = writer
    if name == DELETED_AT:
        record.deleted = value is not None


def _value_rank(value: JsonValue) -> tuple[bool, str]:
    """Null goes below everything, so that of two equal writes the delete beats its undoing."""
    return value is not None, json.dumps(value, sort_keys=True, separators=(",", ":"))
