"""A store: a database, its durable writer and its readers, for any number of event loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, MetaData

from mana_lab.closing import Closing
from mana_lab.errors import StoreClosedError
from mana_lab.storage.engines import Database, database_at
from mana_lab.storage.scope import READERS, SCOPE_OPTION, RowScope
from mana_lab.storage.writer import PATIENCE_S, Writer

T = TypeVar("T")


class Store(Closing):
    """One database with one writer and several readers.

    Work is a plain function of a SQLAlchemy connection; it runs in a thread, so the event loop
    stays free. It may be run again, when the database went away before the commit or when other
    work of the same commit failed, so it does nothing but use the connection. Open a store with
    :meth:`open`; it is an async context manager.

    Attributes:
        engine: Read-only engine, for whoever reads in bulk; it works in nobody's scope.
    """

    def __init__(self, database: Database) -> None:
        self.engine = database.reader_engine()
        self._database = database
        self._writing = database.writer_engine()
        self._writer = Writer(database, self._writing)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="mana-lab-reader")
        self._closing = threading.Event()

    @classmethod
    async def open(cls, url: str, metadata: MetaData) -> Store:
        """Open the database at *url* and bring its tables up to date.

        Args:
            url: ``sqlite:////path/to/file.db``, or ``postgresql://user@host/name`` of a role that
                may make tables, or that was granted what it needs by one that may.
            metadata: The tables of the service that owns the store.

        Raises:
            SettingsError: The URL names no such database, or the driver for it is missing.
            StoreDamagedError: The file is no database, or cannot be opened.
            StoreUnavailableError: The server cannot be reached, or lets nobody in.
            StoreForeignError: It holds somebody else's tables.
            StoreTooNewError: A later release wrote it.
            StoreRoleError: Row-level security would not bind the work that is done there.
        """
        database = database_at(url, metadata)
        await asyncio.to_thread(database.prepare, metadata)
        return cls(database)

    async def write(self, work: Callable[[Connection], T], *, scope: RowScope | None = None) -> T:
        """Run *work* in a transaction of its own and return its result once it is durable.

        If *work* raises, nothing of it stays, and the exception comes out here.

        Args:
            work: What to do.
            scope: On whose behalf; without it, rows that belong to users are out of reach.

        Raises:
            StoreClosedError: The store was closed.
            StoreUnavailableError: The database is gone or full; try again later.
        """
        return await self._writer.submit(work, scope)

    async def read(self, work: Callable[[Connection], T], *, scope: RowScope | None = None) -> T:
        """Run *work* on a reader; it sees all that was acknowledged before.

        Args:
            work: What to do.
            scope: On whose behalf; without it, rows that belong to users are out of reach.

        Raises:
            StoreClosedError: The store was closed.
            StoreUnavailableError: The database is gone; try again later.
        """
        if self._closing.is_set():
            raise StoreClosedError("the store is closed and answers no more reads")
        return await asyncio.wrap_future(self._readers.submit(self._reading, work, scope))

    def _reading(self, work: Callable[[Connection], T], scope: RowScope | None) -> T:
        waits = iter(PATIENCE_S)
        while True:
            try:
                with self.engine.connect() as connection:
                    connection.execution_options(**{SCOPE_OPTION: scope})
                    with connection.begin():
                        return work(connection)
            except Exception as error:
                wait = next(waits, None) if self._database.is_outage(error) else None
                if wait is None or self._closing.wait(wait):
                    typed = self._database.typed(error)
                    if typed is error:
                        raise
                    raise typed from error

    async def close(self) -> None:
        """Commit what waits, then let go of threads and connections; again is harmless."""
        if self._closing.is_set():
            return
        self._closing.set()
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._readers.shutdown()
        self._writer.close()
        self.engine.dispose()
        self._writing.dispose()
