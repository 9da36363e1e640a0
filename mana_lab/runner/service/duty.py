"""On duty: looks who is due, has them live their ticks, and goes on until it is relieved."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

from mana_lab.clock import Clock
from mana_lab.errors import BudgetExhaustedError, ConflictError, ManaLabError
from mana_lab.identity.wire import DuePersona
from mana_lab.runner.agenda import Agenda
from mana_lab.runner.claims import LEASE, OpenTick
from mana_lab.runner.ledger import Ledger, TickOutcome
from mana_lab.runner.living import keeping_leases
from mana_lab.runner.run import RunPlan
from mana_lab.runner.schedule import check_seed
from mana_lab.runner.service.counting import Counts
from mana_lab.runner.service.lives import Lives
from mana_lab.runner.service.pool import Job, Pool
from mana_lab.runner.terms import Terms
from mana_lab.runner.tick import House
from mana_lab.web.draining import Draining

Wait: TypeAlias = Callable[[float], Awaitable[object]]
"""Waits so many seconds."""

INTERVAL_S: Final = 60.0
"""How often it looks who is due, in seconds."""

_LEASE_S = LEASE.total_seconds()
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drained:
    """What became of the ticks that were under way at the end.

    Attributes:
        finished: How many ended.
        released: How many did not, and are left to whoever comes next.
    """

    finished: int
    released: int

    def __str__(self) -> str:
        said = f"{self.finished} finished, {self.released} left for the next start"
        return f"The runner has stopped; ticks under way: {said}"


class Duty:
    """A runner in real time; its run in the ledger lasts as long as it does.

    Args:
        house: What ticks need.
        ledger: Where runs and ticks are kept; others may work on it too.
        terms: How ticks are lived.
        clock: ``now`` is the time that personas are due by.
        seed: What the randomness of ticks derives from.
        interval_s: How often to look who is due, in seconds.
        wait: Waits so many seconds.
        paused: Whether it begins paused.

    Attributes:
        counts: What happened so far.
        draining: Tells when it stops.
        paused_because: Why it paused by itself; None where it did not.

    Raises:
        InvalidInputError: *seed* is no whole number of 64 bits.
    """

    def __init__(
        self,
        house: House,
        ledger: Ledger,
        terms: Terms,
        *,
        clock: Clock,
        seed: int,
        interval_s: float = INTERVAL_S,
        wait: Wait = asyncio.sleep,
        paused: bool = False,
    ) -> None:
        check_seed(seed)
        self.counts = Counts()
        self.draining = Draining()
        self.paused_because: str | None = None
        self.terms = terms
        self.interval_s = interval_s
        self._house = house
        self._ledger = ledger
        self._clock = clock
        self._seed = seed
        self._wait = wait
        self._pool = Pool(terms.concurrency, paused=paused)
        self._run = ""
        self._lives = Lives(house, ledger, terms, self.counts, clock)
        self._reached = self._now()
        self._leases = AsyncExitStack()
        self.counts.watch(
            {
                "ticks_in_flight": ("Ticks under way.", lambda: self.under_way),
                "ticks_waiting": ("Ticks that are due and wait for room.", lambda: self.waiting),
                "paused": ("1: nothing new begins.", lambda: self.paused),
            }
        )

    @property
    def paused(self) -> bool:
        """Whether nothing new begins."""
        return self._pool.paused

    @property
    def under_way(self) -> int:
        """How many ticks are under way."""
        return self._pool.under_way

    @property
    def waiting(self) -> int:
        """How many are due and wait for room."""
        return self._pool.waiting

    def pause(self, because: str | None = None) -> None:
        """Begin nothing new; what is under way ends. Again is harmless.

        Args:
            because: Why, where nobody asked for it.
        """
        self.paused_because = because or self.paused_because
        self._pool.pause()

    def resume(self) -> None:
        """Go on; again is harmless."""
        self.paused_because = None
        self._pool.resume()

    async def begin(self) -> None:
        """Open a run in the ledger, and close those whose runner is no more.

        Raises:
            StoreUnavailableError: The ledger cannot be reached.
        """
        for run in await self._ledger.interrupted():
            await self._ledger.set_status(run, "stopped", "its runner ended; another one goes on")
        now, brain = self._now(), self.terms.brain
        plan = RunPlan(self._seed, brain.name, brain.model, now, self._until(now))
        self._run = await self._ledger.begin_run(plan)
        await self._leases.enter_async_context(keeping_leases(self._ledger, self._wait))

    async def work(self) -> None:
        """Look who is due, again and again, until this is cancelled; then :meth:`drain`."""
        while True:
            await self.look()
            await self._rest()

    async def look(self) -> None:
        """Look who is due and what was left, and let them have their turn; a failure is counted."""
        now = self._now()
        try:
            await self._lives.let_go()
            jobs = await self._jobs(now)
            self._reached = max(now, self._reached)
            await self._ledger.extend(self._run, self._reached, self._until(self._reached))
        except ManaLabError as error:
            self.counts.looked("failed")
            _logger.warning("it cannot be seen who is due: %s: %s", error.code, error.message)
        else:
            self.counts.looked("ok")
            self._pool.expect(jobs)

    async def tick_now(self, persona: DuePersona) -> tuple[OpenTick, TickOutcome]:
        """Live the next tick of somebody, due or not, as soon as there is room for it.

        Raises:
            ConflictError: The runner is paused, or they have a tick under way.
            ServiceUnavailableError: The runner stops.
            BudgetExhaustedError: The run's budget does not admit it.
        """
        if self.paused:
            raise ConflictError("the runner is paused and begins nothing; resume it first")
        try:
            now = partial(self._lives.at_once, self._run, persona, self._now())
            return await self._pool.next(persona.email, now)
        except BudgetExhaustedError as error:
            self.pause(error.message)
            raise

    async def drain(self, grace_s: float) -> Drained:
        """Begin nothing more, let ticks end, and leave the others to whoever comes next.

        Args:
            grace_s: How long they may take, in seconds; less when ``draining.over`` is set.
        """
        self.draining.begun.set()
        under_way = self._pool.under_way
        released = await self._pool.close(grace_s, self.draining.over)
        reason = f"{released} ticks were left" if released else self.paused_because
        try:
            await self._ledger.set_status(self._run, "stopped" if reason else "done", reason)
        except ManaLabError as error:
            _logger.warning("the ledger was not told of the end: %s", error.message)
        await self._leases.aclose()
        return Drained(under_way - released, released)

    async def _rest(self) -> None:
        """Wait for the next look: an interval, or a lease where somebody else has one."""
        rests = [asyncio.ensure_future(self._wait(self.interval_s)), self._lease()]
        try:
            await asyncio.wait(rests, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for rest in rests:
                rest.cancel()

    def _lease(self) -> asyncio.Future[object]:
        async def over() -> None:
            await self._lives.unfinished.wait()
            await self._wait(_LEASE_S)

        return asyncio.ensure_future(over())

    async def _jobs(self, now: datetime) -> dict[str, Job]:
        answer = await self._house.identity.all_personas(self._house.service_key)
        agenda = Agenda(answer.personas)
        jobs: dict[str, Job] = {}
        for left in await self._ledger.left():
            persona = agenda.get(left.persona_email)
            again = partial(self._lives.again, left, persona)
            jobs.setdefault(left.persona_email, partial(self._do, again))
        for due in agenda.due(now):
            then = partial(self._lives.next, self._run, due, now)
            jobs.setdefault(due.persona.email, partial(self._do, then))
        return jobs

    async def _do(self, job: Job) -> None:
        """Do a job; what keeps it from its end is noted, and it is looked at again."""
        try:
            await job()
        except BudgetExhaustedError as error:
            self.pause(error.message)
        except ManaLabError as error:
            _logger.warning("a tick goes on later: %s: %s", error.code, error.message)
        except Exception:
            _logger.exception("a tick goes on later")

    def _now(self) -> datetime:
        """Return the time in whole milliseconds, which every store and message keeps."""
        now = self._clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _until(self, moment: datetime) -> datetime:
        return moment + timedelta(seconds=self.interval_s)
