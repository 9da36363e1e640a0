"""Which kind of database a URL names."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection, Engine, MetaData, make_url
from sqlalchemy.exc import ArgumentError

from mana_lab.errors import SettingsError
from mana_lab.storage.postgres import PostgresDatabase
from mana_lab.storage.scope import RowScope
from mana_lab.storage.sqlite import SqliteDatabase

_FORM = "a store's URL must look like sqlite:////path/to/file.db or postgresql://host/name"


class Database(Protocol):
    """A database as a store sees it."""

    def prepare(self, metadata: MetaData) -> None:
        """Bring the tables up to date, and make sure that work is done with no more than it needs.

        Raises:
            ManaLabError: The database cannot be used.
        """
        ...

    def writer_engine(self) -> Engine:
        """Return the engine of the one writer of this process."""
        ...

    def reader_engine(self) -> Engine:
        """Return an engine that cannot write and sees one state a transaction."""
        ...

    def enter(self, connection: Connection, scope: RowScope | None) -> None:
        """Let what follows in the transaction be *scope*'s, until it is called again."""
        ...

    def is_outage(self, error: Exception) -> bool:
        """Return whether the connection is gone, which another may mend."""
        ...

    def typed(self, error: Exception) -> Exception:
        """Return the error of ours that a database's error stands for, or the same."""
        ...


def database_at(url: str, metadata: MetaData) -> Database:
    """Return the database that *url* names.

    Raises:
        SettingsError: It names none that a store can use.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(_FORM) from None
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return SqliteDatabase(parsed)
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return PostgresDatabase(parsed, metadata)
    raise SettingsError(f"{_FORM}, got a {parsed.drivername} URL")
