"""Rendering: rows of the log as the JSON text that readers get.

What a client pushed lies in the store as JSON text, so it goes out as it came in: nothing of it is
parsed, checked and written again for every reader.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from sqlalchemy import Row, Text, cast, select

from mana_lab.sync.merge import DELETED_AT
from mana_lab.sync.server.tables import sync_changes
from mana_lab.sync.wire import field_members

_JSON = ("data", "field_timestamps", "actor")

ROWS = select(
    *(column for column in sync_changes.c if column.name not in {*_JSON, "created_at"}),
    *(cast(sync_changes.c[name], Text).label(name) for name in _JSON),
)
"""Selects what :func:`change_text` wants to know of a row."""


def change_text(row: Row[Any]) -> str:
    """Return a row of :data:`ROWS` as the JSON of a :class:`~mana_lab.sync.wire.Change`."""
    told = (
        f'{{"table":{quoted(row.table_name)},"id":{quoted(row.record_id)},"op":"{row.op}"'
        f',{_content(row)},"spaceId":{quoted(row.space_id)}'
    )
    if row.actor is not None:
        told += f',"actor":{row.actor}'
    if row.origin is not None:
        told += f',"origin":{quoted(row.origin)}'
    return (
        f'{told},"schemaVersion":{row.schema_version},"eventId":{quoted(row.id)}'
        f',"clientId":{quoted(row.client_id)},"userId":{quoted(row.user_id)},"seq":{row.seq}}}'
    )


def answer_text(changes: Sequence[str], cursor: str, *, has_more: bool) -> str:
    """Return the JSON of a :class:`~mana_lab.sync.wire.SyncAnswer`.

    Args:
        changes: As :func:`change_text` gives them.
        cursor: Where the next request starts.
        has_more: Whether that request will find more at once.
    """
    return (
        f'{{"serverChanges":[{",".join(changes)}],"conflicts":[]'
        f',"syncedUntil":{quoted(cursor)},"hasMore":{"true" if has_more else "false"}}}'
    )


def event_text(table: str, changes: Sequence[str], cursor: str, *, has_more: bool) -> str:
    """Return the JSON that a server-sent event has as its data.

    Args:
        table: The collection.
        changes: As :func:`change_text` gives them.
        cursor: From where a client that was cut off goes on.
        has_more: Whether more will follow at once.
    """
    return (
        f'{{"table":{quoted(table)},"changes":[{",".join(changes)}]'
        f',"syncedUntil":{quoted(cursor)},"hasMore":{"true" if has_more else "false"}}}'
    )


def _content(row: Row[Any]) -> str:
    if row.op == "insert":
        return f'"data":{"null" if row.data is None else row.data}'
    data = json.loads(row.data)
    if row.op == "delete":
        return f'"deletedAt":{json.dumps(data[DELETED_AT])}'
    stamps = json.loads(row.field_timestamps)
    fields = {name: field_members(data[name], stamp) for name, stamp in stamps.items()}
    return f'"fields":{json.dumps(fields, separators=(",", ":"))}'
