"""What records have to be, found without the merge: of all writes of a field the greatest one.

And merges that are wrong, with which the tests show that they would notice.
"""

import json
from dataclasses import astuple
from datetime import UTC, datetime

import pytest

from mana_lab.sync import fold, merge
from mana_lab.sync.stamps import canonical_stamp, instant_of

NEVER = datetime.min.replace(tzinfo=UTC)


def writes_of(change):
    """Go through what a change writes: each field, its value and its stamp."""
    if change.op == "update":
        for name, update in change.fields.items():
            yield name, update.value, update.updated_at
    elif change.op == "insert":
        for name, value in change.data.items():
            yield name, value, change.data.get("updatedAt") or change.data.get("createdAt")
    else:
        yield "deletedAt", change.deleted_at or "", change.deleted_at


def settled(changes):
    """Return what must be known of every record after *changes*: is it inserted, its fields."""
    greatest = {}
    for change in changes:
        for name, value, stamp in writes_of(change):
            moment = datetime.fromisoformat(stamp) if stamp else NEVER
            key, rank = (
                (change.id, name),
                (moment, change.client_id, value is not None, _text(value)),
            )
            greatest[key] = max(greatest.get(key, rank), rank)
    inserted = {change.id for change in changes if change.op == "insert"}
    found = {change.id: (change.id in inserted, {}) for change in changes}
    for (record_id, name), (*_, text) in greatest.items():
        found[record_id][1][name] = text
    return found


def known(records):
    """Return what is known of records in the form of :func:`settled`."""
    return {
        record.id: (
            record.inserted,
            {name: _text(value) for name, value in record.fields.items()},
        )
        for record in records
    }


def view(records):
    """Return everything a reader could tell two replicas apart by."""
    return json.dumps({key: astuple(records[key]) for key in sorted(records)}, sort_keys=True)


def _text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _merging_by(offer):
    def wrong(changes, into):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(merge, "_offer", offer)
            return fold(changes, into)

    return wrong


def _put(record, name, value, moment, writer):
    record.fields[name] = value
    record.stamps[name] = canonical_stamp(moment)
    record.writers[name] = writer
    if name == "deletedAt":
        record.deleted = value is not None


def _ranked_by(rank):
    """Return a merge by another order, in which a tie goes to the write that is there."""

    def offer(record, name, value, moment, writer):
        if name in record.fields:
            held = instant_of(record.stamps[name]), record.writers[name], record.fields[name]
            if rank(moment, writer, value) <= rank(*held):
                return
        _put(record, name, value, moment, writer)

    return _merging_by(offer)


def _tie_goes_to_the_incoming_one(record, name, value, moment, writer):
    if name not in record.fields or moment >= instant_of(record.stamps[name]):
        _put(record, name, value, moment, writer)


def _newest_change_takes_the_whole_record(record, name, value, moment, writer):
    if moment >= max((instant_of(stamp) for stamp in record.stamps.values()), default=NEVER):
        _put(record, name, value, moment, writer)


def _drops_deletes_of_the_unknown(changes, into):
    kept = [change for change in changes if change.op != "delete" or change.id in into]
    return fold(kept, into)


def _deletes_for_good(changes, into):
    touched = fold(changes, into)
    for record_id in [record_id for record_id in touched if into[record_id].deleted]:
        into[record_id] = merge.Record(record_id, deleted=True)
    return touched


def _edit_revives(changes, into):
    touched = fold(changes, into)
    for change in changes:
        if change.op == "update" and into[change.id].deleted:
            _put(into[change.id], "deletedAt", None, NEVER, "")
    return touched


WRONG = {
    "a tie goes to the incoming one": _merging_by(_tie_goes_to_the_incoming_one),
    "a tie stays with the one that is there": _ranked_by(lambda moment, *_: moment),
    "a tie of one writer is not broken": _ranked_by(lambda moment, writer, _: (moment, writer)),
    "the writer is left out": _ranked_by(
        lambda moment, _, value: (moment, value is not None, _text(value))
    ),
    "null is a value like any other": _ranked_by(
        lambda moment, writer, value: (moment, writer, _text(value))
    ),
    "stamps are compared as texts": _ranked_by(
        lambda moment, writer, value: (
            canonical_stamp(moment),
            writer,
            value is not None,
            _text(value),
        )
    ),
    "the newest change takes the whole record": _merging_by(_newest_change_takes_the_whole_record),
    "the delete of an unknown record is dropped": _drops_deletes_of_the_unknown,
    "a delete forgets the record": _deletes_for_good,
    "an edit revives": _edit_revives,
}
"""Merges that break one rule each."""
