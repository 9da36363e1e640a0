"""Engines for SQLite: write-ahead log, durable commits, one writer, readers that only read.

The settings follow what SQLite documents for WAL: ``synchronous=FULL`` makes an acknowledged
commit survive a power loss, and only the writer checkpoints.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from mana_lab.errors import SettingsError

_BUSY_TIMEOUT_MS = 5_000
_WRITER = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
_READER = ("query_only=ON", "wal_autocheckpoint=0")


def check_url(url: str) -> str:
    """Return *url* if it names a SQLite file.

    Raises:
        SettingsError: It is not a ``sqlite:///`` URL with a file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("a store's URL must look like sqlite:////path/to/file.db") from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise SettingsError(
            f"a store's URL must look like sqlite:////path/to/file.db, got a "
            f"{parsed.get_backend_name()} URL"
        )
    return url


def writer_engine(url: str) -> Engine:
    """Return the engine of the one writer; each transaction takes the write lock at once."""
    engine = create_engine(check_url(url), poolclass=NullPool, hide_parameters=True)
    _on_connect(engine, _WRITER)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reader_engine(url: str, readers: int) -> Engine:
    """Return an engine whose *readers* connections cannot write."""
    engine = create_engine(
        check_url(url), pool_size=readers, max_overflow=readers, hide_parameters=True
    )
    _on_connect(engine, _READER)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _on_connect(engine: Engine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
