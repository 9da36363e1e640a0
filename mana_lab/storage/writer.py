"""The one writer of a store: a thread that commits waiting work together.

Many small durable commits cost one disk flush each; work that waits while a flush is under way
shares the next one (group commit). A piece of work is acknowledged only after its commit.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
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
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        """Tell the caller what came of it."""
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class _UnknownError(Exception):
    """The commit was asked for and not answered."""

    def __init__(self, asking: Exception) -> None:
        self.asking = asking


class Writer:
    """Runs work in one thread and one connection, in the order it came.

    A connection that is lost is made anew; work that was under way is done again then, unless its
    commit had been asked for already: nobody knows whether that happened.

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

    def submit(self, work: Callable[[Connection], T], scope: RowScope | None = None) -> Future[T]:
        """Queue *work*; the future resolves after its commit, or with what it raised.

        Raises:
            StoreClosedError: The writer was closed.
        """
        job = _Job(work, scope)
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
            for job in batch:
                job.resolve()
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
        return [job for job in batch if job.future.set_running_or_notify_cancel()]

    def _serve(self, batch: list[_Job]) -> None:
        """Commit *batch*, over a new connection if the one there was is lost."""
        for wait in (None,) if self._is_down else (*PATIENCE_S, None):
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001 - goes to every waiting caller
                self._let_go()
                self._is_down = self._database.is_outage(error)
                if self._is_down and wait is not None and not self._closing.wait(wait):
                    continue
                cause = error.asking if isinstance(error, _UnknownError) else error
                _fail(batch, self._database.typed(cause))
            else:
                self._is_down = False
            return

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
        try:
            transaction.commit()
        except Exception as error:
            raise _UnknownError(error) from error

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


def _fail(batch: list[_Job], error: Exception) -> None:
    for job in batch:
        job.error = job.error or error
