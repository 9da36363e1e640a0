"""The history of a record, as a persona may read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mana_lab.registry import Table
from mana_lab.sync import Change, RecordStory, explain
from mana_lab.sync.client import SyncClient


@dataclass(frozen=True)
class RecordHistory:
    """What happened to a record, and where it is.

    Attributes:
        app_id: The app, such as ``todo``.
        collection: The table, such as ``tasks``.
        space_id: The space.
        story: Which write won each field, and which ones lost.
    """

    app_id: str
    collection: str
    space_id: str
    story: RecordStory


async def histories(
    sync: SyncClient, token: str, tables: Iterable[Table], record_id: str
) -> list[RecordHistory]:
    """Return what happened to a record in every table and space where the reader finds it.

    Args:
        sync: The sync service.
        token: The reader's access token.
        tables: Where to look.
        record_id: The record.
    """
    found: list[RecordHistory] = []
    for table in tables:
        spaces: dict[str, list[Change]] = {}
        for change in await _changes(sync, token, table):
            if change.id == record_id:
                spaces.setdefault(change.space_id or "", []).append(change)
        for space_id, changes in sorted(spaces.items()):
            story = explain(changes, record_id)
            if story is not None:
                found.append(RecordHistory(table.app_id, table.name, space_id, story))
    return found


async def _changes(sync: SyncClient, token: str, table: Table) -> list[Change]:
    changes: list[Change] = []
    cursor, more = "", True
    while more:
        page = await sync.pull(token, table.app_id, table.name, cursor)
        changes += page.changes
        cursor, more = page.cursor, page.has_more
    return changes
