"""Shards on Dask: an actor on each worker lives one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from distributed import Client, LocalCluster

from mana_lab.errors import ServiceUnavailableError
from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.shard import Shard
from mana_lab.runner.shards.working import live

_TRIES = 5
_START_S = 60.0


class _Worker:
    """What lives shards, in a worker's event loop."""

    async def live(self, shard: str, access: str) -> None:
        await live(Shard.from_json(shard), Access.revealed(access))


class DaskEngine:
    """Carries shards on Dask.

    Args:
        address: Of a scheduler, such as ``tcp://10.0.0.1:8786``; by default, processes of this
            machine are started for each run. The workers need mana_lab installed.
        workers: How many shards are lived at the same time.
    """

    def __init__(self, address: str | None = None, *, workers: int = 2) -> None:
        self.address = address
        self.workers = workers

    async def carry(self, shards: Sequence[Shard], access: Access) -> None:
        """Have all shards lived, and those again whose worker was lost."""
        left = deque((shard, _TRIES) for shard in shards)
        async with self._client() as client, asyncio.TaskGroup() as tasks:
            for _ in range(min(self.workers, len(shards))):
                tasks.create_task(_work_off(client, left, access.reveal()))

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        if self.address is not None:
            async with Client(self.address, asynchronous=True) as client:
                yield client
            return
        cluster = LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            asynchronous=True,
        )
        async with cluster, Client(cluster, asynchronous=True) as client:
            await client.wait_for_workers(self.workers, timeout=_START_S)
            yield client


async def _work_off(client: Any, left: deque[tuple[Shard, int]], access: str) -> None:
    while left:
        shard, tries = left.popleft()
        try:
            worker = await client.submit(_Worker, actor=True, pure=False)
            await worker.live(shard.to_json(), access)
        except (OSError, RuntimeError) as error:  # Dask says by either that the worker is gone
            if isinstance(error, RuntimeError) and "lost" not in str(error):
                raise
            if tries == 1:
                text = f"shard {shard.number} lost its worker {_TRIES} times"
                raise ServiceUnavailableError(text) from error
            left.append((shard, tries - 1))
