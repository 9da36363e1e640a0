"""The change log: appending changes, and reading them in the order of their commit.

The log never merges: every change stays as it was written, and readers fold (:mod:`..merge`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from mana_lab.clock import Clock, iso_millis
from mana_lab.errors import ConflictError, ServiceUnavailableError
from mana_lab.storage import RowScope, Store
from mana_lab.sync.merge import DELETED_AT
from mana_lab.sync.server.cursor import Since
from mana_lab.sync.server.tables import sync_changes, sync_head
from mana_lab.sync.wire import Change, FieldChange

_COLUMNS = sync_changes.c
_TARGET = ("app_id", "table_name", "record_id", "op", "space_id")
_CONTENT = ("data", "field_timestamps")

T = TypeVar("T")


@dataclass(frozen=True)
class LogPage:
    """A stretch of the log as one reader may see it.

    Attributes:
        changes: In the order of their commit.
        seq: Where the next stretch starts: the last change's place, or where the reader stood.
        has_more: Whether the next stretch has something already.
    """

    changes: list[Change]
    seq: int
    has_more: bool


class ChangeLog:
    """Every change that was pushed, in one store.

    Args:
        store: Opened with this package's ``METADATA``.
        clock: What ``created_at`` is read from.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def append(
        self,
        user_id: str,
        app_id: str,
        client_id: str,
        changes: Sequence[Change],
        spaces: Sequence[str],
    ) -> int:
        """Store *changes* durably: all of them, or none.

        Args:
            user_id: Who writes.
            app_id: The app.
            client_id: Which client writes.
            changes: Admitted changes.
            spaces: The space of each of them.

        Returns:
            How many were new; those with an event id that the user has used before are not.

        Raises:
            ConflictError: An event id was used before, for another change.
            ServiceUnavailableError: The store cannot be written; nothing was stored.
        """

        def work(connection: Connection) -> int:
            now = self._clock.now()
            rows = [
                _row(change, now)
                | {"user_id": user_id, "app_id": app_id, "client_id": client_id}
                | {"space_id": space}
                for change, space in zip(changes, spaces, strict=True)
            ]
            if not rows:
                return 0
            last = _advance(connection, len(rows), now)
            fresh = _fresh(connection, user_id, rows)
            if fresh:
                numbered = enumerate(fresh, last - len(rows) + 1)
                connection.execute(
                    insert(sync_changes), [row | {"seq": seq} for seq, row in numbered]
                )
            return len(fresh)

        return await _reached(self._store.write(work, scope=RowScope(user_id)))

    async def page(
        self,
        user_id: str,
        app_id: str,
        spaces: Collection[str],
        since: Since,
        limit: int,
        table: str | None = None,
    ) -> LogPage:
        """Read the changes of *spaces* after *since*, whoever wrote them.

        Args:
            user_id: Who reads.
            app_id: The app.
            spaces: What the reader may see.
            since: Where to go on; a place beyond the end counts as the end.
            limit: At most this many.
            table: Only this table.
        """

        def work(connection: Connection) -> LogPage:
            query = select(sync_changes).where(
                _COLUMNS.app_id == app_id, _COLUMNS.space_id.in_(sorted(spaces))
            )
            if table is not None:
                query = query.where(_COLUMNS.table_name == table)
            if since.seq is not None:
                query = query.where(_COLUMNS.seq > since.seq)
            if since.moment is not None:
                query = query.where(_COLUMNS.created_at >= since.moment)
            rows = connection.execute(query.order_by(_COLUMNS.seq).limit(limit + 1)).all()
            if rows:
                shown = rows[:limit]
                return LogPage([_change(row) for row in shown], shown[-1].seq, len(rows) > limit)
            end = connection.scalar(select(sync_head.c.seq)) or 0
            return LogPage([], end if since.seq is None else min(since.seq, end), has_more=False)

        scope = RowScope(user_id, frozenset(spaces))
        return await _reached(self._store.read(work, scope=scope))

    async def last_write_at(self) -> datetime | None:
        """Return when the latest change was stored; None when there is none."""
        query = select(sync_head.c.written_at)
        return await _reached(self._store.read(lambda connection: connection.scalar(query)))

    async def forget_user(self, user_id: str) -> int:
        """Remove every change that the user wrote; the number that went."""

        def work(connection: Connection) -> int:
            return connection.execute(
                delete(sync_changes).where(_COLUMNS.user_id == user_id)
            ).rowcount

        return await _reached(self._store.write(work, scope=RowScope(user_id)))


def _advance(connection: Connection, count: int, now: datetime) -> int:
    """Give out *count* numbers and return the last; nobody else appends before the commit."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(sync_head).values(id=1, seq=count, written_at=now)
    drawn = first.on_conflict_do_update(
        index_elements=[sync_head.c.id],
        set_={"seq": sync_head.c.seq + count, "written_at": now},
    ).returning(sync_head.c.seq)
    return int(connection.execute(drawn).scalar_one())


def _row(change: Change, now: datetime) -> dict[str, Any]:
    data: dict[str, Any] = {}
    stamps: dict[str, str] = {}
    if change.op == "insert":
        data = dict(change.data or {})
    elif change.op == "update":
        fields = change.fields or {}
        data = {name: update.value for name, update in fields.items()}
        stamps = {name: update.updated_at for name, update in fields.items()}
    else:
        data = {DELETED_AT: change.deleted_at or iso_millis(now)}
        stamps = dict(data)
    return {
        "id": change.event_id or str(uuid4()),
        "table_name": change.table,
        "record_id": change.id,
        "op": change.op,
        "data": data,
        "field_timestamps": stamps,
        "created_at": now,
        "schema_version": change.schema_version,
        "actor": change.actor,
        "origin": change.origin,
    }


def _fresh(
    connection: Connection, user_id: str, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Leave out the rows whose event the user has stored already, here or earlier in *rows*."""
    ids = [row["id"] for row in rows]
    known = connection.execute(
        select(sync_changes).where(_COLUMNS.user_id == user_id, _COLUMNS.id.in_(ids))
    ).mappings()
    events = {stored["id"]: _event(stored) for stored in known}
    fresh: list[dict[str, Any]] = []
    for row in rows:
        event = _event(row)
        stored = events.setdefault(row["id"], event)
        if stored != event:
            raise ConflictError(
                f"the event id {row['id']} was used before, for another change; "
                "draw a new one for a new change"
            )
        if stored is event:
            fresh.append(row)
    return fresh


def _event(row: Mapping[Any, Any]) -> list[Any]:
    """What makes two changes the same; the service may have set the time of a delete itself."""
    names = _TARGET if row["op"] == "delete" else _TARGET + _CONTENT
    return [row[name] for name in names]


def _change(row: Row[Any]) -> Change:
    told: dict[str, Any] = {
        "table": row.table_name,
        "id": row.record_id,
        "op": row.op,
        "space_id": row.space_id,
        "schema_version": row.schema_version,
        "event_id": row.id,
        "client_id": row.client_id,
        "user_id": row.user_id,
        "seq": row.seq,
    }
    if row.op == "insert":
        told["data"] = row.data
    elif row.op == "update":
        told["fields"] = {
            name: FieldChange(value=row.data[name], updated_at=stamp)
            for name, stamp in row.field_timestamps.items()
        }
    else:
        told["deleted_at"] = row.data[DELETED_AT]
    for name in ("actor", "origin"):
        if getattr(row, name) is not None:
            told[name] = getattr(row, name)
    return Change(**told)


async def _reached(work: Awaitable[T]) -> T:
    try:
        return await work
    except SQLAlchemyError as error:
        raise ServiceUnavailableError(
            "the change log cannot be used just now; try again later"
        ) from error
