"""Why a record is as it is: which write won each field, and which ones lost to it.

The order of writes is that of :mod:`.merge`: the instant, then the client, then the value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from pydantic import JsonValue

from mana_lab.sync.merge import Record, fold, rank_of, writes_of
from mana_lab.sync.stamps import canonical_stamp
from mana_lab.sync.wire import Change, Op


@dataclass(frozen=True)
class Write:
    """One write of one field.

    Attributes:
        value: What it wrote; an encrypted value is the ciphertext.
        stamp: When, as the writer says; empty where it did not.
        op: In what kind of change.
        user_id: Who wrote it; empty when the service does not say.
        client_id: With which client.
        actor: Who acted for the user.
        origin: What kind of actor that was.
        event_id: The change that it came in.
        seq: The place of that change in the log.
    """

    value: JsonValue
    stamp: str
    op: Op
    user_id: str
    client_id: str
    actor: dict[str, Any] | str | None
    origin: str | None
    event_id: str | None
    seq: int


@dataclass(frozen=True)
class FieldStory:
    """What happened to one field.

    Attributes:
        name: The field.
        winner: The write that shows.
        losers: The writes that do not, the greatest first.
    """

    name: str
    winner: Write
    losers: tuple[Write, ...]


@dataclass(frozen=True)
class RecordStory:
    """What happened to one record.

    Attributes:
        record_id: The record.
        inserted: Whether it was ever inserted; without that it is a fragment that nobody sees.
        deleted: Whether it is deleted now.
        fields: Its fields, by name.
    """

    record_id: str
    inserted: bool
    deleted: bool
    fields: tuple[FieldStory, ...]


def explain(changes: Iterable[Change], record_id: str) -> RecordStory | None:
    """Return what happened to a record of one collection and space; None if nothing did.

    Args:
        changes: Out of the log, in any order; a change that comes twice counts once.
        record_id: The record.
    """
    mine = list({_key(change): change for change in changes if change.id == record_id}.values())
    if not mine:
        return None
    held: dict[str, Record] = {}
    fold(mine, held)
    writes: dict[str, list[tuple[Any, Write]]] = defaultdict(list)
    for change in mine:
        for name, value, moment in writes_of(change):
            rank = rank_of(moment, change.client_id, value)
            writes[name].append((rank, _write(change, value, canonical_stamp(moment))))
    record = held[record_id]
    stories = tuple(_story(name, writes[name]) for name in sorted(writes))
    return RecordStory(record_id, record.inserted, record.deleted, stories)


def _key(change: Change) -> tuple[str | None, int]:
    return change.event_id, change.seq


def _write(change: Change, value: JsonValue, stamp: str) -> Write:
    return Write(
        value=value,
        stamp=stamp,
        op=change.op,
        user_id=change.user_id,
        client_id=change.client_id,
        actor=change.actor,
        origin=change.origin,
        event_id=change.event_id,
        seq=change.seq,
    )


def _story(name: str, writes: list[tuple[Any, Write]]) -> FieldStory:
    ordered = [write for _, write in sorted(writes, key=itemgetter(0), reverse=True)]
    return FieldStory(name, ordered[0], tuple(ordered[1:]))
