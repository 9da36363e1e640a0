"""A store: a database, its durable writer and its readers, for any number of event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine, MetaData, make_url
from sqlalchemy.exc import DatabaseError

from mana_lab.closing import Closing
from mana_lab.errors import StoreClosedError, StoreDamagedError
from mana_lab.storage.engines import reader_engine, writer_engine
from mana_lab.storage.schema import prepare
from mana_lab.storage.writer import Writer

T = TypeVar("T")
_READERS = 4


class Store(Closing):
    """One database with one writer and several readers.

    Work is a plain function of a SQLAlchemy connection; it runs in a thread, so the event loop
    stays free. Open one with :meth:`open`; it is an async context manager.

    Attributes:
        engine: Read-only engine, for whoever reads in bulk.
    """

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self.engine = reading
        self._writing = writing
        self._writer = Writer(writing)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="mana-lab-reader")
        self._closed = False

    @classmethod
    async def open(cls, url: str, metadata: MetaData) -> Store:
        """Open the database at *url*, with the tables of this release.

        Args:
            url: ``sqlite:////path/to/file.db``.
            metadata: The tables of the service that owns the store.

        Raises:
            SettingsError: The URL is not one of a SQLite file.
            StoreDamagedError: The file is no database, or cannot be opened.
            StoreTooNewError: A later release wrote it.
        """
        store = cls(writer_engine(url), reader_engine(url, _READERS))
        try:
            await store.write(lambda connection: prepare(connection, metadata))
        except DatabaseError as error:
            await store.close()
            raise StoreDamagedError(
                f"the database {make_url(url).database} cannot be used: {error.orig}; restore it, "
                "or start anew elsewhere"
            ) from error
        except BaseException:
            await store.close()
            raise
        return store

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run *work* in a transaction of its own and return its result once it is durable.

        If *work* raises, nothing of it stays, and the exception comes out here.

        Raises:
            StoreClosedError: The store was closed.
        """
        return await asyncio.wrap_future(self._writer.submit(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run *work* on a reader; it sees all that was acknowledged before.

        Raises:
            StoreClosedError: The store was closed.
        """
        if self._closed:
            raise StoreClosedError("the store is closed and answers no more reads")
        return await asyncio.wrap_future(self._readers.submit(self._reading, work))

    def _reading(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection, connection.begin():
            return work(connection)

    async def close(self) -> None:
        """Commit what waits, then let go of threads and connections; again is harmless."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._readers.shutdown()
        self.engine.dispose()
        self._writer.close()
        self._writing.dispose()
