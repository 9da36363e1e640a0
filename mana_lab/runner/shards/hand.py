"""A hand: what lives shards in a worker of any engine."""

from __future__ import annotations

import asyncio

from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.shard import Shard
from mana_lab.runner.shards.working import live


class Hand:
    """Lives shards in the event loop of a worker, one after the other, until it is stopped."""

    def __init__(self) -> None:
        self._stopped = False
        self._living: asyncio.Task[object] | None = None

    async def live(self, shard: str, access: str) -> None:
        """Live a shard; nothing happens once this was stopped.

        Args:
            shard: The shard's file.
            access: The secrets, revealed.

        Raises:
            ManaLabError: The shard failed; it can go on later.
        """
        if self._stopped:
            return
        living: asyncio.Task[object] = asyncio.create_task(
            live(Shard.from_json(shard), Access.revealed(access))
        )
        self._living = living
        try:
            await living
        except asyncio.CancelledError:
            if not self._stopped:
                raise

    async def stop(self) -> None:
        """Live nothing any more; return when all that had begun is released."""
        self._stopped = True
        if self._living is not None:
            self._living.cancel()
            await asyncio.wait([self._living])
