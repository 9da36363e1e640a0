"""Which kind of database a URL names."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import URL, Connection, Engine, MetaData, make_url
from sqlalchemy.exc import ArgumentError

from mana_lab.errors import SettingsError
from mana_lab.storage.postgres import PostgresDatabase
from mana_lab.storage.scope import RowScope
from mana_lab.storage.sqlite import SqliteDatabase

_FORM = "a store's URL must look like sqlite:////path/to/file.db or postgresql://host/name"

_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")


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


def postgres_url(url: str) -> URL:
    """Return *url* if it names a PostgreSQL database.

    Raises:
        SettingsError: It names another one, or none.
    """
    parsed = _parsed(url)
    if parsed.drivername not in _POSTGRES:
        raise SettingsError(
            f"the URL must look like postgresql://host/name, got {parsed.drivername}"
        )
    return parsed.set(drivername="postgresql+psycopg")


def database_at(url: str, metadata: MetaData) -> Database:
    """Return the database that *url* names.

    Raises:
        SettingsError: It names none that a store can use.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return SqliteDatabase(parsed)
    if parsed.drivername in _POSTGRES:
        return PostgresDatabase(parsed, metadata)
    raise SettingsError(f"{_FORM}, got a {parsed.drivername} URL")


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(_FORM) from None
