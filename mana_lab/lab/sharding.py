"""Runs of a lab in shards: an engine carries them, the ledger has what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mana_lab.lab.services import Ground
from mana_lab.lab.standing import UNTHROTTLED, listening, passing, standing
from mana_lab.notebook import Progress
from mana_lab.runner import Budget, Ledger, Run
from mana_lab.runner.shards import Access, Engine, Shard, Site, cut
from mana_lab.web.together import under_way

_LOOK_S = 1.0
_SHARDS_PER_WORKER = 4
"""What a lost worker leaves is shared by the others, and the slowest shard is not the half."""


@dataclass(frozen=True)
class Sharing:
    """How a run is shared out.

    Attributes:
        engine: Carries the shards.
        brain: Who plays the personas, by name.
        concurrency: How many personas use the app at the same time, of all shards together.
        budget: What models may take in the whole run.
        gateway_workers: How many processes the gateway has, where the lab serves it.
        site: Where the services stand; None has the lab serve them while the run lasts.
    """

    engine: Engine
    brain: str
    concurrency: int
    budget: Budget
    gateway_workers: int = 0
    site: Site | None = None


@dataclass(frozen=True)
class Shared:
    """A lab as its runs in shards see it.

    Attributes:
        ground: What its services stand on.
        folder: Its folder.
        ledger: Its ledger.
        progress: Told how many ticks have ended.
    """

    ground: Ground
    folder: Path
    ledger: Ledger
    progress: Progress

    async def live(
        self, run: str, personas: Collection[str], expected: int, sharing: Sharing
    ) -> Run:
        """Have a run that was begun lived in shards to its end, or as far as its budget goes.

        Args:
            run: The run's id.
            personas: The e-mail addresses of those who take part.
            expected: How many ticks there will about be.
            sharing: How it is shared out.

        Raises:
            ManaLabError: A shard failed; the run can go on later.
        """
        try:
            async with self._standing(sharing) as site, self._telling(run, expected):
                shards = await self._cut(run, personas, sharing, site)
                await self.ledger.begin_shards(run, len(shards))
                await sharing.engine.carry(shards, self._access())
        except asyncio.CancelledError:
            await asyncio.shield(self.ledger.set_status(run, "stopped", "by hand"))
            raise
        except BaseExceptionGroup as group:
            await self.ledger.set_status(run, "failed", str(group.exceptions[0]))
            raise group.exceptions[0] from None
        except BaseException as error:
            await self.ledger.set_status(run, "failed", str(error))
            raise
        return await self.ledger.run(run)

    @asynccontextmanager
    async def _standing(self, sharing: Sharing) -> AsyncIterator[Site]:
        if sharing.site is not None:
            yield sharing.site
            return
        ground = replace(passing(self.ground), calls_per_minute=UNTHROTTLED)
        workers = sharing.gateway_workers
        with listening() as sockets:
            async with (
                standing(ground, sockets, self.folder, gateway_workers=workers) as works,
                under_way(works),
            ):
                where = sockets.addresses
                yield Site(auth_url=where.identity, mcp_url=where.gateway)

    async def _cut(
        self, run: str, personas: Collection[str], sharing: Sharing, site: Site
    ) -> list[Shard]:
        workers = sharing.engine.workers
        return cut(
            run,
            await self.ledger.plan(run),
            personas,
            workers * _SHARDS_PER_WORKER,
            brain=sharing.brain,
            site=site,
            concurrency=max(1, sharing.concurrency // workers),
            budget=sharing.budget,
        )

    def _access(self) -> Access:
        secrets = self.ground.secrets
        return Access(
            ledger_url=self.ground.stores.ledger_url,
            service_key=secrets.service_key,
            seed_secret=secrets.persona_seed_secret,
        )

    @asynccontextmanager
    async def _telling(self, run: str, expected: int) -> AsyncIterator[None]:
        telling = asyncio.create_task(self._tell(run, expected))
        try:
            yield
        finally:
            telling.cancel()

    async def _tell(self, run: str, expected: int) -> None:
        tell = partial(self.progress, "ticks in shards")
        while True:
            ended = await self.ledger.ended_ticks(run)
            tell(min(ended, expected), max(1, expected))
            await asyncio.sleep(_LOOK_S)
