"""Shards on Ray: an actor with a CPU of its own lives one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import ray

from mana_lab.errors import SettingsError
from mana_lab.runner.shards.clusters import ClusterEngine, begin
from mana_lab.runner.shards.crew import Ask, Hire, NoWorkerError, WorkerLostError
from mana_lab.runner.shards.hand import Hand

_Hand = ray.remote(num_cpus=1)(Hand)


class RayEngine(ClusterEngine):
    """Carries shards on Ray; its address is a cluster's, such as ``10.0.0.1:6379``.

    Where this process has a Ray already, that one is used without an address, and left running.
    From outside a cluster, ``ray://10.0.0.1:10001`` needs ``ray[client]``.
    """

    @asynccontextmanager
    async def _hiring(self) -> AsyncIterator[Hire]:
        if ray.is_initialized():
            if self.address is not None:
                raise SettingsError("this process has a Ray already; give no address to use it")
            yield self._hire
            return
        here = {"address": "local", "num_cpus": self.workers, "include_dashboard": False}
        where: dict[str, Any] = here if self.address is None else {"address": self.address}
        quiet = {"log_to_driver": False, "configure_logging": False}
        async with AsyncExitStack() as stack:
            with self._reaching("Ray", "ray start --head"):
                await self._knock()  # Ray itself would try for minutes
                connecting = asyncio.to_thread(ray.init, **where, **quiet)
                await begin(stack, connecting, partial(asyncio.to_thread, ray.shutdown))
            yield self._hire

    @asynccontextmanager
    async def _hire(self) -> AsyncIterator[Ask]:
        actor: Any = _Hand.remote()
        try:
            try:
                async with asyncio.timeout(self.start_s):
                    await actor.__ray_ready__.remote()
            except (TimeoutError, ray.exceptions.RayError) as error:
                text = f"Ray has no CPU free for a worker that has mana_lab: {error!r}; add some"
                raise NoWorkerError(text) from error
            yield partial(_ask, actor)
        finally:
            ray.kill(actor)


async def _ask(actor: Any, method: str, *given: str) -> None:
    try:
        await getattr(actor, method).remote(*given)
    except ray.exceptions.RayActorError as error:
        raise WorkerLostError(str(error)) from error
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
