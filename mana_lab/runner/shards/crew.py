"""Crews: workers of an engine take shards from one pile, until none is left.

What all engines do alike is here; each of them says only how a worker is hired and asked.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from mana_lab.errors import InfrastructureError, ManaLabError, ServiceUnavailableError
from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.shard import Shard

_START_S = 60.0
_TRIES = 5
_STOP_S = 30.0
"""Enough to write down what is released; a lease lasts no longer."""


class WorkerLostError(Exception):
    """A worker is gone, and what it was asked for with it."""


class NoWorkerError(Exception):
    """No worker came in time; it says where, and what to do."""


class Ask(Protocol):
    """Asks the hand of a worker for one of its methods."""

    def __call__(self, method: str, *given: str) -> Awaitable[None]:
        """Call it there.

        Raises:
            WorkerLostError: The worker is gone.
        """
        ...


Hire: TypeAlias = Callable[[], AbstractAsyncContextManager[Ask]]
"""Holds a worker that nobody else has; raises :class:`NoWorkerError` where none comes."""


class CrewEngine(ABC):
    """An engine whose workers are hired one by one.

    Args:
        address: Of a cluster; by default, processes of this machine are started for each run. The
            workers need mana_lab installed.
        workers: How many shards are lived at the same time, each on a worker of its own; fewer
            where no more workers come.
        start_s: How long to wait for the cluster, and for a worker, in seconds.
    """

    def __init__(
        self, address: str | None = None, *, workers: int = 2, start_s: float = _START_S
    ) -> None:
        self.address = address
        self.workers = workers
        self.start_s = start_s

    async def carry(self, shards: Sequence[Shard], access: Access) -> None:
        """Have all shards lived, and those again whose worker was lost.

        When a shard fails, or this is cancelled, all workers stop, and release what had begun.

        Args:
            shards: The parts of a run.
            access: The secrets that workers need.

        Raises:
            ServiceUnavailableError: The cluster does not answer, has no worker, or lost those of
                one shard again and again.
            ManaLabError: A shard failed.
        """
        async with self._hiring() as hire:
            await Crew(shards, access, hire).work(self.workers)

    @abstractmethod
    def _hiring(self) -> AbstractAsyncContextManager[Hire]:
        """Hold the cluster; give what hires its workers."""

    @contextmanager
    def _reaching(self, name: str, command: str) -> Iterator[None]:
        """Turn what goes wrong while the cluster is reached, of whatever kind, into one error.

        Args:
            name: What the engine is called.
            command: What starts a cluster of it.
        """
        try:
            yield
        except Exception as error:
            why = str(error) or type(error).__name__
            if self.address is None:
                raise ServiceUnavailableError(f"{name} did not start here: {why}") from error
            raise ServiceUnavailableError(
                f"{name} does not answer at {self.address}: {why}; start one with {command}, and "
                "give the address that it says"
            ) from error

    async def _knock(self) -> None:
        """Find out whether anybody listens at the address, where it names a port."""
        address = self.address or ""
        where = urlsplit(address if "//" in address else f"//{address}")
        if where.hostname and where.port:
            async with asyncio.timeout(self.start_s):
                _, writer = await asyncio.open_connection(where.hostname, where.port)
            writer.close()


class Crew:
    """Workers that live the shards of a run.

    Args:
        shards: The parts of a run.
        access: The secrets that workers need.
        hire: Hires a worker.
    """

    def __init__(self, shards: Sequence[Shard], access: Access, hire: Hire) -> None:
        self._left = deque((shard, _TRIES) for shard in shards)
        self._access = access.reveal()
        self._hire = hire
        self._at_work = 0

    async def work(self, workers: int) -> None:
        """Have all shards lived, by so many workers at the most; raises as an engine does."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(workers, len(self._left))):
                    tasks.create_task(self._one_after_the_other())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _one_after_the_other(self) -> None:
        """Work with one worker, and with another one when it is lost."""
        while self._left:
            try:
                async with self._hire() as ask:
                    self._at_work += 1
                    try:
                        await self._work_off(ask)
                    finally:
                        self._at_work -= 1
            except NoWorkerError as error:
                if not self._at_work:
                    raise ServiceUnavailableError(str(error)) from error
                return  # the others do what is left

    async def _work_off(self, ask: Ask) -> None:
        while self._left:
            shard, tries = self._left.popleft()
            try:
                await ask("live", shard.to_json(), self._access)
            except WorkerLostError as error:
                if tries == 1:
                    text = f"shard {shard.number} lost its worker {_TRIES} times"
                    raise ServiceUnavailableError(text) from error
                self._left.append((shard, tries - 1))
                return
            except asyncio.CancelledError:
                await _stop(ask)
                raise
            except ManaLabError:
                raise
            except Exception as error:
                raise InfrastructureError(f"shard {shard.number} failed: {error!r}") from error


async def _stop(ask: Ask) -> None:
    with suppress(WorkerLostError, TimeoutError):
        async with asyncio.timeout(_STOP_S):
            await ask("stop")
