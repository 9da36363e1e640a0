"""SQLite as a store: write-ahead log, durable commits, one writer, readers that only read.

The settings follow what SQLite documents for WAL: ``synchronous=FULL`` makes an acknowledged
commit survive a power loss, and only the writer checkpoints.
"""

from __future__ import annotations

import sqlite3
from functools import cached_property
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError

from mana_lab.errors import StoreDamagedError, StoreUnavailableError
from mana_lab.storage import schema
from mana_lab.storage.scope import READERS, RowScope

_BUSY_TIMEOUT_MS = 5_000
_WRITER = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
_READER = ("query_only=ON", "wal_autocheckpoint=0")
_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk does not take it",
    sqlite3.SQLITE_BUSY: "another process holds it",
}


class SqliteDatabase:
    """A SQLite file.

    Args:
        url: Names the file.
    """

    def __init__(self, url: URL) -> None:
        self._url = url

    def prepare(self, metadata: MetaData) -> None:
        """Give the file the tables of this release.

        Raises:
            StoreDamagedError: The file is no database, or cannot be opened.
            StoreTooNewError: A later release wrote it.
        """
        try:
            with self._writing.begin() as connection:
                schema.prepare(connection, metadata)
        except BaseException as error:
            self._writing.dispose()
            if isinstance(error, DatabaseError):
                raise StoreDamagedError(
                    f"the database {self._url.database} cannot be used: {error.orig}; restore it, "
                    "or start anew elsewhere"
                ) from error
            raise

    def writer_engine(self) -> Engine:
        """Return the engine of the writer; each transaction takes the write lock at once."""
        return self._writing

    def reader_engine(self) -> Engine:
        """Return an engine that cannot write and sees one state a transaction."""
        engine = create_engine(
            self._url, pool_size=READERS, max_overflow=READERS, hide_parameters=True
        )
        _on_connect(engine, _READER)
        _on_begin(engine, "BEGIN")
        return engine

    @cached_property
    def _writing(self) -> Engine:
        engine = create_engine(self._url, pool_size=1, max_overflow=0, hide_parameters=True)
        _on_connect(engine, _WRITER)
        _on_begin(engine, "BEGIN IMMEDIATE")
        return engine

    def enter(self, connection: Connection, scope: RowScope | None) -> None:
        """Do nothing: SQLite has no row-level security."""

    def mark(self, connection: Connection) -> int:  # noqa: ARG002
        """Return nothing: a commit to a file is always answered."""
        return 0

    def was_committed(self, connection: Connection, mark: int) -> bool:  # noqa: ARG002
        """Return False: a commit to a file that failed did not happen."""
        return False

    def is_outage(self, error: Exception) -> bool:  # noqa: ARG002
        """Return False: a file does not go away."""
        return False

    def typed(self, error: Exception) -> Exception:
        """Return what a full disk or a lock held too long is to a caller."""
        if isinstance(error, DBAPIError):
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if code in _UNAVAILABLE:
                return StoreUnavailableError(
                    f"nothing was stored: {_UNAVAILABLE[code]}; try again later"
                )
        return error


def _on_connect(engine: Engine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")


def _on_begin(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)
