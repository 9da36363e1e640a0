"""The change log: appending changes, and reading them in the order of their commit.

The log never merges: every change stays as it was written, and readers fold (:mod:`..merge`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Select, bindparam, delete, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from mana_lab.clock import Clock, iso_millis
from mana_lab.errors import ConflictError, ServiceUnavailableError
from mana_lab.storage import RowScope, Store
from mana_lab.sync.merge import DELETED_AT
from mana_lab.sync.server.cursor import Since
from mana_lab.sync.server.numbering import draw
from mana_lab.sync.server.rendering import ROWS, change_text
from mana_lab.sync.server.single_use import SingleUse, forget_ended
from mana_lab.sync.server.tables import sync_changes, sync_head
from mana_lab.sync.wire import Change

_COLUMNS = sync_changes.c
_TARGET = ("app_id", "table_name", "record_id", "op", "space_id")
_CONTENT = ("data", "field_timestamps")

# Built once: building a statement takes longer than running it.
_INSERT = {
    name: dialect.insert(sync_changes)
    .on_conflict_do_nothing(index_elements=[_COLUMNS.user_id, _COLUMNS.id])
    .returning(literal(1))
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
_KNOWN = select(sync_changes).where(
    _COLUMNS.user_id == bindparam("user"), _COLUMNS.id.in_(bindparam("ids", expanding=True))
)
_END = select(sync_head.c.seq)

T = TypeVar("T")


class Entry(NamedTuple):
    """A change in the log.

    Attributes:
        seq: Its place.
        table: The collection.
        text: The JSON of a ``Change``.
    """

    seq: int
    table: str
    text: str


@dataclass(frozen=True)
class LogPage:
    """A stretch of the log as one reader may see it.

    Attributes:
        changes: In the order of their commit.
        seq: Where the next stretch starts: the last change's place, or where the reader stood.
        has_more: Whether the next stretch has something already.
    """

    changes: list[Entry]
    seq: int
    has_more: bool


@dataclass(frozen=True)
class News:
    """Where in the log something happened.

    Attributes:
        tables: The collections with new changes, by app.
        seq: The end of the log.
    """

    tables: dict[str, list[str]]
    seq: int


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
        token: SingleUse | None = None,
    ) -> int:
        """Store *changes* durably: all of them, or none.

        Args:
            user_id: Who writes.
            app_id: The app.
            client_id: Which client writes.
            changes: Admitted changes.
            spaces: The space of each of them.
            token: Is used up by this; None for one that may be used again.

        Returns:
            How many were new; those with an event id that the user has used before are not.

        Raises:
            InvalidTokenError: The token was used before; nothing was stored.
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
                if token is not None:
                    token.spend(connection)
                return 0
            places = draw(connection, len(rows), now)
            if token is not None:
                token.spend(connection)
                forget_ended(connection, now)
            numbered = [row | {"seq": place} for row, place in zip(rows, places, strict=True)]
            stored = connection.execute(_INSERT[connection.dialect.name], numbered).all()
            if len(stored) < len(rows):
                _check_known(connection, user_id, rows)
            return len(stored)

        return await _reached(self._store.write(work, scope=RowScope(user_id)))

    async def page(
        self,
        user_id: str,
        app_id: str,
        spaces: Collection[str],
        since: Since,
        limit: int,
        tables: Collection[str] = (),
    ) -> LogPage:
        """Read the changes of *spaces* after *since*, whoever wrote them.

        Args:
            user_id: Who reads.
            app_id: The app.
            spaces: What the reader may see.
            since: Where to go on; a place beyond the end counts as the end.
            limit: At most this many.
            tables: Only these collections; all when there are none.
        """

        def work(connection: Connection) -> LogPage:
            query = _page_of(bool(tables), since.seq is not None, since.moment is not None)
            asked: dict[str, Any] = {"app": app_id, "spaces": sorted(spaces)}
            asked["tables"] = sorted(tables)
            asked |= {"seq": since.seq, "moment": since.moment, "most": limit + 1}
            rows = connection.execute(query, asked).all()
            if rows:
                shown = rows[:limit]
                changes = [Entry(row.seq, row.table_name, change_text(row)) for row in shown]
                return LogPage(changes, shown[-1].seq, len(rows) > limit)
            end = _end(connection)
            return LogPage([], end if since.seq is None else min(since.seq, end), has_more=False)

        scope = RowScope(user_id, frozenset(spaces))
        return await _reached(self._store.read(work, scope=scope))

    async def end(self) -> int:
        """Return the place of the last change; 0 when there is none."""
        return await _reached(self._store.read(_end))

    async def news(
        self, user_id: str, spaces: Collection[str], after: int, app_id: str | None = None
    ) -> News:
        """Return in which collections something was written after a place.

        Args:
            user_id: Who reads.
            spaces: What the reader may see.
            after: The place.
            app_id: Only this app.
        """
        query = select(_COLUMNS.app_id, _COLUMNS.table_name).where(
            _COLUMNS.seq > after, _COLUMNS.space_id.in_(sorted(spaces))
        )
        if app_id is not None:
            query = query.where(_COLUMNS.app_id == app_id)

        def work(connection: Connection) -> News:
            tables: dict[str, list[str]] = {}
            for app, table in connection.execute(query.distinct()).all():
                tables.setdefault(app, []).append(table)
            told = {app: sorted(tables[app]) for app in sorted(tables)}
            return News(told, max(after, _end(connection)))

        scope = RowScope(user_id, frozenset(spaces))
        return await _reached(self._store.read(work, scope=scope))

    async def last_write_at(self) -> datetime | None:
        """Return when the latest change was stored; None when there is none."""
        query = select(sync_head.c.written_at)
        return await _reached(self._store.read(lambda connection: connection.scalar(query)))

    async def forget_user(self, user_id: str, staying: Collection[str] = ()) -> int:
        """Remove what the user wrote, but for what belongs to others too.

        Args:
            user_id: Whose account goes.
            staying: The spaces that others are in: what was written there is theirs and stays, but
                no longer says who acted.

        Returns:
            How many changes went.
        """
        theirs, shared = _COLUMNS.user_id == user_id, _COLUMNS.space_id.in_(sorted(staying))

        def work(connection: Connection) -> int:
            connection.execute(update(sync_changes).where(theirs, shared).values(actor=None))
            return connection.execute(delete(sync_changes).where(theirs, ~shared)).rowcount

        return await _reached(self._store.write(work, scope=RowScope(user_id)))


def _end(connection: Connection) -> int:
    return connection.scalar(_END) or 0


@cache
def _page_of(by_table: bool, by_seq: bool, by_moment: bool) -> Select[Any]:
    """Select a page: of one table or of all, after a place in the log or from a moment on."""
    query = ROWS.where(
        _COLUMNS.app_id == bindparam("app"),
        _COLUMNS.space_id.in_(bindparam("spaces", expanding=True)),
    )
    if by_table:
        query = query.where(_COLUMNS.table_name.in_(bindparam("tables", expanding=True)))
    if by_seq:
        query = query.where(_COLUMNS.seq > bindparam("seq"))
    if by_moment:
        query = query.where(_COLUMNS.created_at >= bindparam("moment"))
    return query.order_by(_COLUMNS.seq).limit(bindparam("most"))


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


def _check_known(connection: Connection, user_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Let rows pass that are in the log already, if they are what the log has by their ids."""
    ids = [row["id"] for row in rows]
    known = connection.execute(_KNOWN, {"user": user_id, "ids": ids}).mappings()
    events = {stored["id"]: _event(stored) for stored in known}
    for row in rows:
        if events[row["id"]] != _event(row):
            raise ConflictError(
                f"the event id {row['id']} was used before, for another change; "
                "draw a new one for a new change"
            )


def _event(row: Mapping[Any, Any]) -> list[Any]:
    """What makes two changes the same; the service may have set the time of a delete itself."""
    names = _TARGET if row["op"] == "delete" else _TARGET + _CONTENT
    return [row[name] for name in names]


async def _reached(work: Awaitable[T]) -> T:
    try:
        return await work
    except SQLAlchemyError as error:
        raise ServiceUnavailableError(
            "the change log cannot be used just now; try again later"
        ) from error
