"""Shards on Dask: an actor on each worker lives one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from distributed import Client, LocalCluster

from mana_lab.runner.shards import undisturbed
from mana_lab.runner.shards.clusters import ClusterEngine, begin
from mana_lab.runner.shards.crew import Ask, Hire, NoWorkerError, WorkerLostError
from mana_lab.runner.shards.hand import Hand


class DaskEngine(ClusterEngine):
    """Carries shards on Dask; its address is a scheduler's, such as ``tcp://10.0.0.1:8786``."""

    @asynccontextmanager
    async def _hiring(self) -> AsyncIterator[Hire]:
        async with AsyncExitStack() as stack:
            with self._reaching("Dask", "dask scheduler"):
                where = self.address or await self._processes(stack)
                client = Client(where, asynchronous=True, timeout=self.start_s)
                await begin(stack, client, client.close)
            yield partial(self._hire, client, set())

    async def _processes(self, stack: AsyncExitStack) -> Any:
        cluster = LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            asynchronous=True,
            preload=[undisturbed.__name__],
        )
        return await begin(stack, cluster, cluster.close)

    @asynccontextmanager
    async def _hire(self, client: Any, taken: set[str]) -> AsyncIterator[Ask]:
        place = await self._take(client, taken)
        try:
            other = {"allow_other_workers": True}  # it may die before it is asked
            actor = client.submit(Hand, actor=True, pure=False, workers=[place], **other)
            yield partial(_ask, await actor)
        finally:
            taken.discard(place)

    async def _take(self, client: Any, taken: set[str]) -> str:
        try:
            while True:
                await client.wait_for_workers(len(taken) + 1, timeout=self.start_s)
                known = await client.scheduler.identity(n_workers=-1)
                for place in sorted(known["workers"].keys() - taken):
                    taken.add(place)
                    return str(place)
        except OSError as error:
            where = client.scheduler.address
            text = f"Dask at {where} has no free worker: {error}; start some with dask worker"
            raise NoWorkerError(text) from error


async def _ask(actor: Any, method: str, *given: str) -> None:
    try:
        await getattr(actor, method)(*given)
    except (OSError, RuntimeError) as error:  # Dask says by either that the worker is gone
        if isinstance(error, RuntimeError) and "lost" not in str(error):
            raise
        raise WorkerLostError(str(error)) from error
