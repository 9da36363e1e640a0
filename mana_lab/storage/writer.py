"""The one writer of a store: a thread that commits waiting work together.

Many small durable commits cost one disk flush each; work that waits while a flush is under way
shares the next one (group commit). A piece of work is acknowledged only after its commit.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mana_lab.errors import StoreClosedError
from mana_lab.storage.engines import Database
from mana_lab.storage.scope import RowScope

T = TypeVar("T")
_MOST_IN_A_COMMIT = 256

PATIENCE_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""How long to wait before each new try to reach a database that is gone."""


@dataclass
class _Job:
    work: Callable[[Connection], Any]
    scope: RowScope | None
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        """Tell the caller, in the caller's loop, what came of it."""
        if self.future.done():  # the caller waits no more
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class _UnansweredError(Exception):
    """The commit was asked for and not answered."""

    def __init__(self, asking: Exception, mark: int) -> None:
        self.asking = asking
        self.mark = mark


class Writer:
    """Runs work in one thread and one connection, in the order it came.

    A connection that is lost is made anew; work that was under way is done again then, unless its
    commit had been asked for already and turns out to have happened.

    Args:
        database: Where the work is done.
        engine: The database's writer engine; the thread takes one connection of it.
    """

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine
        self._connection: Connection | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._is_down = False
        self._gate = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mana-lab-writer", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[Connection], T], scope: RowScope | None = None
    ) -> asyncio.Future[T]:
        """Queue *work*; the future resolves after its commit, or with what it raised.

        To be called in the event loop that waits for it.

        Raises:
            StoreClosedError: The writer was closed.
        """
        job = _Job(work, scope, asyncio.get_running_loop().create_future())
        with self._gate:
            if self._closing.is_set():
                raise StoreClosedError("the store is closed and takes no more writes")
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Commit what waits and end the thread."""
        with self._gate:
            if not self._closing.is_set():
                self._closing.set()
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                self._serve(batch)
                _tell(batch)
        self._let_go()

    def _next_batch(self) -> list[_Job] | None:
        first = self._jobs.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < _MOST_IN_A_COMMIT and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            batch.append(job)
        return [job for job in batch if not job.future.cancelled()]

    def _serve(self, batch: list[_Job]) -> None:
        """Commit *batch*, over a new connection if the one there was is lost."""
        unanswered: int | None = None
        for wait in (None,) if self._is_down else (*PATIENCE_S, None):
            try:
                if unanswered is None or not self._happened(unanswered):
                    unanswered = None
                    self._commit(batch)
            except Exception as error:  # noqa: BLE001 - goes to every waiting caller
                self._let_go()
                cause = error
                if isinstance(error, _UnansweredError):
                    cause, unanswered = error.asking, error.mark
                self._is_down = self._database.is_outage(cause)
                if self._is_down and wait is not None and not self._closing.wait(wait):
                    continue
                _fail(batch, self._database.typed(cause))
            else:
                self._is_down = False
            return

    def _happened(self, mark: int) -> bool:
        """Return whether the transaction with that mark was committed after all."""
        if self._connection is None:
            self._connection = self._engine.connect()
        with self._connection.begin():
            return self._database.was_committed(self._connection, mark)

    def _commit(self, batch: list[_Job]) -> None:
        if self._connection is None:
            self._connection = self._engine.connect()
        transaction = self._connection.begin()
        if not all(self._do(self._connection, job) for job in batch):
            transaction.rollback()
            if len(batch) == 1:
                return
            transaction = self._connection.begin()
            for job in batch:  # one of them fails, so each gets a savepoint of its own
                self._attempt(self._connection, job)
        mark = self._database.mark(self._connection)
        try:
            transaction.commit()
        except Exception as error:
            raise _UnansweredError(error, mark) from error

    def _attempt(self, connection: Connection, job: _Job) -> None:
        savepoint = connection.begin_nested()
        if self._do(connection, job):
            savepoint.commit()
            return
        try:
            savepoint.rollback()
        except SQLAlchemyError as error:  # the database has rolled all of it back by itself
            raise job.error or error from None

    def _do(self, connection: Connection, job: _Job) -> bool:
        """Do the work and return whether it went well; an outage is not the work's fault."""
        job.error = None
        try:
            self._database.enter(connection, job.scope)
            job.result = job.work(connection)
        except Exception as error:
            if self._database.is_outage(error):
                raise
            job.error = self._database.typed(error)
            return False
        return True

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None


def _tell(batch: list[_Job]) -> None:
    """Resolve all futures of a batch, waking each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, jobs in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed, so nobody waits any more
            loop.call_soon_threadsafe(_resolve, jobs)


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        job.resolve()


def _fail(batch: list[_Job], error: Exception) -> None:
    for job in batch:
        job.error = job.error or error
