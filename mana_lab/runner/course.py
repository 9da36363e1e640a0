"""The course of a run, or of a part of one: moment by moment, everybody who is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime
from functools import partial

from mana_lab.clock import SimulatedClock
from mana_lab.runner.agenda import Agenda, Due
from mana_lab.runner.claims import OpenTick, Wanted
from mana_lab.runner.ledger import Ledger
from mana_lab.runner.living import claim, live
from mana_lab.runner.replay.recording import RecordingDoor
from mana_lab.runner.run import RunPlan
from mana_lab.runner.schedule import instants
from mana_lab.runner.terms import Terms
from mana_lab.runner.tick import House

_LOOK_AGAIN_S = 1.0


class Course:
    """One run while it is lived, or a part of one.

    Args:
        house: What ticks need of the lab.
        ledger: Where runs and ticks are kept.
        clock: The lab's time.
        run: The run's id.
        plan: What it or the part sets out to do.
        since: The moment before which everything of it is finished.
        terms: How it is lived.
    """

    def __init__(
        self,
        house: House,
        ledger: Ledger,
        clock: SimulatedClock,
        run: str,
        plan: RunPlan,
        since: datetime,
        terms: Terms,
    ) -> None:
        self._house = _recorded(house, ledger) if plan.app_on_tape else house
        self._ledger = ledger
        self._clock = clock
        self._run = run
        self._plan = plan
        self._since = since
        self._terms = terms
        self._slots = asyncio.Semaphore(terms.concurrency)
        self._done = 0

    async def to_the_end(self) -> None:
        """Finish what had begun, then go on from there to the end."""
        async for _ in self.moments():
            pass

    async def moments(self) -> AsyncIterator[datetime]:
        """Yield each moment when all that belongs to it has been lived, and the end."""
        agenda = await self._agenda()
        await self._finish(agenda)
        for moment in instants(self._since, self._plan.ends_at):
            self._clock.move_to(moment)
            if due := agenda.due(moment):
                await self._together([partial(self._next, each, moment, agenda) for each in due])
                yield moment
        self._clock.move_to(self._plan.ends_at)
        yield self._plan.ends_at

    async def rest(self) -> None:
        """Finish what had begun, and no more."""
        await self._finish(await self._agenda())

    async def _agenda(self) -> Agenda:
        answer = await self._house.identity.all_personas(self._house.service_key)
        chosen = self._plan.participants
        return Agenda(each for each in answer.personas if chosen is None or each.email in chosen)

    async def _finish(self, agenda: Agenda) -> None:
        """Finish the ticks that had begun."""
        self._clock.move_to(await self._ledger.progress(self._run) or self._since)
        waiting = await self._ledger.waiting(self._run, self._plan.participants)
        await self._together([partial(self._again, tick, agenda) for tick in waiting])

    async def _next(self, due: Due, moment: datetime, agenda: Agenda) -> None:
        """Live somebody's next tick, unless it has been lived; wait for who is at it."""
        persona = due.persona
        wanted = Wanted(
            self._run,
            persona.email,
            persona.user_id,
            moment,
            due.active_at,
            self._terms.brain.name,
            self._terms.brain.model,
            self._terms.arms,
        )
        while (claimed := await claim(self._house, self._ledger, wanted)) is None:
            await self._house.pause(_LOOK_AGAIN_S)
        if isinstance(claimed, OpenTick):
            await self._live(claimed, agenda)
        else:
            agenda.note(persona.email, claimed.scheduled_at)

    async def _again(self, tick: str, agenda: Agenda) -> None:
        """Live a tick again that was interrupted."""
        taken = await self._ledger.take(tick)
        if taken is not None:
            await self._live(taken, agenda)

    async def _live(self, opened: OpenTick, agenda: Agenda) -> None:
        with self._terms.applied(opened):
            await live(
                self._house,
                self._ledger,
                opened,
                agenda.get(opened.persona_email),
                brain=self._terms.brain_of(opened),
                seed=self._plan.seed,
                meter=self._ledger.meter(opened, self._terms.budget),
                new_tape=partial(self._terms.new_tape or self._ledger.tape, opened),
            )
        agenda.note(opened.persona_email, opened.scheduled_at)
        self._done += 1
        if self._terms.on_progress is not None:
            self._terms.on_progress(self._done, opened.scheduled_at)

    async def _together(self, ticks: Collection[Callable[[], Awaitable[None]]]) -> None:
        async def one(tick: Callable[[], Awaitable[None]]) -> None:
            async with self._slots:
                await tick()

        try:
            async with asyncio.TaskGroup() as tasks:
                for tick in ticks:
                    tasks.create_task(one(tick))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None


def _recorded(house: House, ledger: Ledger) -> House:
    return replace(house, door=RecordingDoor(house.door, ledger.keep_app))
