"""The one writer of a store: a thread that commits waiting work together.

Many small durable commits cost one disk flush each; work that waits while a flush is under way
shares the next one (group commit). A piece of work is acknowledged only after its commit.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from mana_lab.errors import StoreClosedError

T = TypeVar("T")
_MOST_IN_A_COMMIT = 256


@dataclass
class _Job:
    work: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        """Tell the caller what came of it."""
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs work in one thread and one connection, in the order it came.

    Args:
        engine: A writer engine; the thread takes one connection of it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="mana-lab-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue *work*; the future resolves after its commit, or with what it raised.

        Raises:
            StoreClosedError: The writer was closed.
        """
        job = _Job(work)
        with self._gate:
            if self._closed:
                raise StoreClosedError("the store is closed and takes no more writes")
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Commit what waits and end the thread."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._engine.connect() as connection:
                while (batch := self._next_batch()) is not None:
                    _commit(connection, batch)
        except Exception as error:  # noqa: BLE001 - goes to every caller still to come
            while (batch := self._next_batch()) is not None:
                for job in batch:
                    job.future.set_exception(error)

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


def _commit(connection: Connection, batch: list[_Job]) -> None:
    try:
        with connection.begin():
            for job in batch:
                _attempt(connection, job, alone=len(batch) == 1)
    except Exception as error:  # noqa: BLE001 - goes to every waiting caller
        for job in batch:
            job.error = job.error or error
    for job in batch:
        job.resolve()


def _attempt(connection: Connection, job: _Job, *, alone: bool) -> None:
    """Run a job so that nothing of it stays if it fails; *alone* in its commit it needs no mark."""
    if alone:
        job.result = job.work(connection)
        return
    savepoint = connection.begin_nested()
    try:
        job.result = job.work(connection)
        savepoint.commit()
    except Exception as error:  # noqa: BLE001 - goes to the caller through its future
        job.error = error
        savepoint.rollback()
