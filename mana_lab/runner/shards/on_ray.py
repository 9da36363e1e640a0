"""Shards on Ray: an actor lives several at a time, and is started again where it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import ray

from mana_lab.errors import InfrastructureError, ServiceUnavailableError
from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.shard import Shard
from mana_lab.runner.shards.working import live

_TRIES = 5


class _Living:
    """What lives shards, in an event loop of its own."""

    async def live(self, shard: str, access: str) -> None:
        await live(Shard.from_json(shard), Access.revealed(access))


_Worker = ray.remote(max_restarts=_TRIES, max_task_retries=_TRIES, max_concurrency=1, num_cpus=1)(
    _Living
)


class RayEngine:
    """Carries shards on Ray.

    Args:
        address: Of a cluster, such as ``ray://10.0.0.1:10001``; by default, processes of this
            machine are started for each run. The workers need mana_lab installed.
        workers: How many shards are lived at the same time.
    """

    def __init__(self, address: str | None = None, *, workers: int = 2) -> None:
        self.address = address
        self.workers = workers

    async def carry(self, shards: Sequence[Shard], access: Access) -> None:
        """Have all shards lived, and those again whose worker was lost."""
        await asyncio.to_thread(self._connect)
        try:
            workers = [_Worker.remote() for _ in range(min(self.workers, len(shards)))]
            lived = [
                workers[place % len(workers)].live.remote(shard.to_json(), access.reveal())
                for place, shard in enumerate(shards)
            ]
            await asyncio.gather(*lived)
        except ray.exceptions.RayActorError as error:
            raise ServiceUnavailableError(f"a worker was lost {_TRIES} times") from error
        except ray.exceptions.RayTaskError as error:
            raise InfrastructureError(f"a shard failed: {error.cause}") from error
        finally:
            await asyncio.to_thread(ray.shutdown)

    def _connect(self) -> None:
        here = {"num_cpus": self.workers, "include_dashboard": False}
        ray.init(address=self.address, log_to_driver=False, **({} if self.address else here))
