"""Clusters: what engines have in common that hire their workers from one."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from mana_lab.errors import ServiceUnavailableError
from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.crew import Crew, Hire
from mana_lab.runner.shards.shard import Shard

T = TypeVar("T")
_START_S = 60.0


class ClusterEngine(ABC):
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


async def begin(
    stack: AsyncExitStack, start: Awaitable[T], end: Callable[[], Awaitable[object]]
) -> T:
    """Start what must not be left half-started, and have *stack* end it when it has started.

    Args:
        stack: What holds it.
        start: Starts it; it goes on where this is cancelled.
        end: Ends it.
    """
    starting = asyncio.ensure_future(start)

    async def leave() -> None:
        await asyncio.wait([starting])
        await end()

    stack.push_async_callback(leave)
    return await asyncio.shield(starting)
