"""Databases for a test: SQLite files of its own, or a PostgreSQL database of its own."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from postgres_house import Server
from sqlalchemy import Engine, Table, create_engine, select, text
from sqlalchemy.pool import NullPool

_PATH = text("SET LOCAL search_path = auth, sync, lab, public")
_TABLES = text("""
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname IN ('auth', 'sync', 'lab', 'public')
""")


@lru_cache(maxsize=8)
def _engine(url: str) -> Engine:
    """Return what connects past the stores; it keeps no connection, but what it compiled."""
    return create_engine(url, poolclass=NullPool)


class SqliteHome:
    """Files in a test's folder, one a service."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, name: str) -> str:
        return f"sqlite:///{self.folder}/{name}.db"

    @contextmanager
    def connected(self, name: str):
        """Return a connection past the store."""
        with _engine(self.url(name)).begin() as connection:
            yield connection

    def stored(self) -> bytes:
        """Return all that is kept."""
        return b"".join(path.read_bytes() for path in self.folder.iterdir())

    def health(self, name: str) -> str:
        """Return what the database says of itself: ``ok``."""
        with self.connected(name) as connection:
            return connection.scalar(text("PRAGMA integrity_check"))

    def rows(self, name: str, table: Table):
        """Return all rows of a table, whoever's they are."""
        with self.connected(name) as connection:
            return connection.execute(select(table)).all()


class PostgresHome(SqliteHome):
    """One database for all services, each in a schema of its own."""

    kind = "postgres"

    def __init__(self, server: Server, template: str | None = None) -> None:
        self.server = server
        self.database = server.new_database(template)
        self._engine = create_engine(self.url(""), pool_pre_ping=True)  # servers are restarted

    def url(self, name: str) -> str:  # noqa: ARG002 - all services share the database
        return self.server.url.set(database=self.database).render_as_string(hide_password=False)

    @contextmanager
    def connected(self, name: str):  # noqa: ARG002
        """Return a connection of the superuser, past the store and its row-level security."""
        with self._engine.begin() as connection:
            connection.execute(_PATH)
            yield connection

    def stored(self) -> bytes:
        """Return all rows of all services as text."""
        with self.connected("") as connection:
            tables = connection.execute(_TABLES).scalars().all()
            rows = [connection.execute(text(f"SELECT t::text FROM {name} t")) for name in tables]
            return "\n".join(value for found in rows for value in found.scalars()).encode()

    def health(self, name: str) -> str:
        """Return ``ok`` for a server that answers; pages are its own business."""
        with self.connected(name) as connection:
            return connection.scalar(text("SELECT 'ok'"))

    def close(self) -> None:
        self._engine.dispose()
        self.server.drop_database(self.database)
