"""The fleet: all personas, hour by hour through some simulated days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeAlias

from mana_lab.errors import InvalidInputError, LabBusyError
from mana_lab.identity.wire import DuePersona
from mana_lab.runner.brain import Brain
from mana_lab.runner.ledger import Ledger
from mana_lab.runner.run import Run, RunStatus
from mana_lab.runner.schedule import check_seed, end_of, instants
from mana_lab.runner.tick import House, Tick

Progress: TypeAlias = Callable[[int, datetime], None]
"""Told after each tick how many are done, and the lab's time."""

DEFAULT_CONCURRENCY = 4


class Fleet:
    """Runs all due ticks of a lab.

    Args:
        house: What ticks need of the lab; its clock is moved by a run.
        ledger: Where runs and ticks are kept.
    """

    def __init__(self, house: House, ledger: Ledger) -> None:
        self._house = house
        self._ledger = ledger
        self._busy = False

    async def simulate(
        self,
        *,
        days: float,
        seed: int,
        brain: Brain,
        only: Collection[str] | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        on_progress: Progress | None = None,
    ) -> Run:
        """Live through *days* from the lab's present moment on.

        Everybody who is due at one moment has their tick then, and time goes on to the next full
        hour when all have finished. A tick that fails is recorded as failed and ends nothing.

        Args:
            days: How long, in days of the lab's time.
            seed: What all randomness derives from; the same seed gives the same calls.
            brain: Who plays the personas.
            only: The e-mail addresses of those who take part; all personas when None.
            concurrency: How many personas use the app at the same time.
            on_progress: Told after each tick how many are done, and the lab's time.

        Raises:
            InvalidInputError: *days* is not above zero, *seed* no whole number of 64 bits, or
                *concurrency* below 1.
            LabBusyError: A run of this fleet is going on.
            ManaLabError: Identity or the ledger cannot be reached.
        """
        check_seed(seed)
        if concurrency < 1:
            raise InvalidInputError(f"concurrency must be at least 1, got {concurrency}")
        starts_at = self._house.clock.now()
        ends_at = end_of(starts_at, days)
        if self._busy:
            raise LabBusyError("a run is going on; wait until it has ended")
        self._busy = True
        try:
            slots = asyncio.Semaphore(concurrency)
            return await self._live(starts_at, ends_at, seed, brain, only, slots, on_progress)
        finally:
            self._busy = False

    async def _live(
        self,
        starts_at: datetime,
        ends_at: datetime,
        seed: int,
        brain: Brain,
        only: Collection[str] | None,
        slots: asyncio.Semaphore,
        on_progress: Progress | None,
    ) -> Run:
        run_id = await self._ledger.begin_run(
            seed=seed, brain=brain.name, model=brain.model, starts_at=starts_at, ends_at=ends_at
        )
        status: RunStatus = "failed"
        count = _Counter(on_progress)
        try:
            for moment in instants(starts_at, ends_at):
                self._house.clock.move_to(moment)
                due = await self._due(only)
                if due:
                    await self._together(due, run_id, seed, brain, slots, count)
                    await self._ledger.reach(run_id, moment)
            self._house.clock.move_to(ends_at)
            await self._ledger.reach(run_id, ends_at)
            status = "done"
        except asyncio.CancelledError:
            status = "abandoned"
            raise
        finally:
            await self._ledger.finish_run(run_id, status)
        return await self._ledger.run(run_id)

    async def _due(self, only: Collection[str] | None) -> list[DuePersona]:
        answer = await self._house.identity.due_personas(self._house.service_key)
        return [due for due in answer.personas if only is None or due.email in only]

    async def _together(
        self,
        due: list[DuePersona],
        run_id: str,
        seed: int,
        brain: Brain,
        slots: asyncio.Semaphore,
        count: _Counter,
    ) -> None:
        moment = self._house.clock.now()

        async def one(persona: DuePersona) -> None:
            async with slots:
                opened = await self._ledger.open_tick(
                    run_id, persona.email, persona.user_id, moment
                )
                tick = Tick(self._house, brain, persona, opened, run_id, seed)
                await self._ledger.close_tick(opened.id, await tick.run())
            count.one_more(moment)

        try:
            async with asyncio.TaskGroup() as tasks:
                for persona in due:
                    tasks.create_task(one(persona))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None


class _Counter:
    def __init__(self, tell: Progress | None) -> None:
        self._done = 0
        self._tell = tell

    def one_more(self, moment: datetime) -> None:
        self._done += 1
        if self._tell is not None:
            self._tell(self._done, moment)
