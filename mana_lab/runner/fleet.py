"""The fleet: all personas, hour by hour through some simulated days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from mana_lab.clock import SimulatedClock
from mana_lab.errors import (
    BudgetExhaustedError,
    InvalidInputError,
    LabBusyError,
    NothingToResumeError,
)
from mana_lab.runner.course import Course
from mana_lab.runner.ledger import Ledger
from mana_lab.runner.living import ANOTHER_BRAIN, keeping_leases
from mana_lab.runner.run import Run, RunPlan, RunStatus
from mana_lab.runner.schedule import check_seed, end_of
from mana_lab.runner.terms import Terms
from mana_lab.runner.tick import House


class Fleet:
    """Runs all due ticks of a lab.

    Args:
        house: What ticks need of the lab.
        ledger: Where runs and ticks are kept.
        clock: The lab's time, which a run moves.
    """

    def __init__(self, house: House, ledger: Ledger, clock: SimulatedClock) -> None:
        self._house = house
        self._ledger = ledger
        self._clock = clock
        self._busy = False

    async def simulate(
        self,
        *,
        days: float | None = None,
        until: datetime | None = None,
        seed: int,
        only: Collection[str] | None = None,
        terms: Terms,
    ) -> Run:
        """Live through some days from the lab's present moment on.

        Everybody who is due at one moment has their tick then, and time goes on to the next full
        hour when all have finished. A tick that fails is recorded as failed and ends nothing. What
        an earlier run left unfinished is finished first.

        Args:
            days: How long, in days of the lab's time.
            until: Instead, the moment at which the run ends.
            seed: What all randomness derives from; the same seed gives the same calls.
            only: The e-mail addresses of those who take part; all personas when None.
            terms: How it is lived.

        Returns:
            The run; ``stopped`` where the budget did not admit more.

        Raises:
            InvalidInputError: The time is not ahead, or *seed* is no whole number of 64 bits.
            LabBusyError: A run of this fleet is going on.
            ManaLabError: Identity or the ledger cannot be reached; the run can go on later.
        """
        plan = self._plan(terms, seed, days, until, only)
        async with self._alone():
            await self._finish_earlier(terms)
            run = await self._ledger.begin_run(plan)
            return await self._live(run, plan, terms)

    @asynccontextmanager
    async def begin(
        self,
        *,
        days: float | None = None,
        until: datetime | None = None,
        seed: int,
        only: Collection[str] | None = None,
        terms: Terms,
    ) -> AsyncIterator[str]:
        """Begin a run that is lived in parts, each with :meth:`carry`; give its id.

        As long as this is held, the fleet has no other run.

        Args:
            days: As for :meth:`simulate`, and so are the others.
            until: As there.
            seed: As there.
            only: As there.
            terms: As there.

        Raises:
            InvalidInputError: As :meth:`simulate` does.
            LabBusyError: A run of this fleet is going on.
        """
        plan = self._plan(terms, seed, days, until, only)
        async with self._alone():
            await self._finish_earlier(terms)
            yield await self._ledger.begin_run(plan)

    async def carry(self, run: str, number: int, of: int, part: RunPlan, terms: Terms) -> RunStatus:
        """Live one part of a run to its end, or from where it was left.

        Args:
            run: The run's id.
            number: The part's.
            of: How many parts there are.
            part: What the part sets out to do: whose ticks, and from when until when.
            terms: How it is lived.

        Returns:
            ``done``, or ``stopped`` where the budget did not admit more.

        Raises:
            NotFoundError: The ledger has no such run, or it was cut into other parts.
            InvalidInputError: The part is of a run with another seed, time or brain.
            LabBusyError: A run of this fleet is going on.
            ManaLabError: Identity or the ledger cannot be reached; the part can go on later.
        """
        async with self._alone():
            whole = await self._ledger.plan(run)
            await self._ledger.check_shard(run, number, of)
            _check_part(part, whole)
            plan = replace(part, app_on_tape=whole.app_on_tape)
            living = Course(
                self._house, self._ledger, self._clock, run, plan, part.starts_at, terms
            )
            try:
                await living.to_the_end()
            except BudgetExhaustedError as error:
                await self._ledger.end_shard(run, number, "stopped", error.message)
                return "stopped"
            except asyncio.CancelledError:
                ended = self._ledger.end_shard(run, number, "stopped", "by hand")
                released = await asyncio.shield(ended)
                if terms.on_release is not None:
                    ended_ticks = await self._ledger.ended_ticks(run, part.participants)
                    terms.on_release(ended_ticks, released)
                raise
            except BaseException as error:
                await self._ledger.end_shard(run, number, "failed", str(error))
                raise
            await self._ledger.end_shard(run, number, "done")
            return "done"

    def _plan(
        self,
        terms: Terms,
        seed: int,
        days: float | None,
        until: datetime | None,
        only: Collection[str] | None,
    ) -> RunPlan:
        check_seed(seed)
        starts_at = self._clock.now()
        return RunPlan(
            seed=seed,
            brain=terms.brain.name,
            model=terms.brain.model,
            starts_at=starts_at,
            ends_at=end_of(starts_at, days, until),
            participants=None if only is None else frozenset(only),
            recording=terms.recording,
            app_on_tape=terms.app_on_tape,
            design=terms.design,
        )

    async def resume(self, terms: Terms) -> Run:
        """Go on with the lab's last run, which was stopped before its end.

        Ticks that had begun are done again: what they did already is not done twice.

        Raises:
            NothingToResumeError: There is no run, it reached its end, or another brain played it.
            LabBusyError: A run of this fleet is going on.
            ManaLabError: Identity or the ledger cannot be reached; the run can go on later.
        """
        async with self._alone():
            run = await self._last(terms)
            return await self._live(run, await self._ledger.plan(run), terms)

    @asynccontextmanager
    async def begin_again(self, *, terms: Terms) -> AsyncIterator[str]:
        """Take the lab's last run up again, to be lived in parts; give its id.

        As long as this is held, the fleet has no other run.

        Raises:
            NothingToResumeError: As :meth:`resume` does.
            LabBusyError: A run of this fleet is going on.
        """
        async with self._alone():
            yield await self._last(terms)

    async def _last(self, terms: Terms) -> str:
        runs = await self._ledger.runs()
        if not runs or runs[-1].status == "done":
            raise NothingToResumeError("no run was stopped before its end; begin a new one")
        last = runs[-1]
        plan = await self._ledger.plan(last.id)
        if plan.design != terms.design:
            raise NothingToResumeError(
                "the last run varied the app, and must go on so: call lab.experiment() or what "
                "began it with the same arguments and resume=True"
                if plan.design
                else "the last run did not vary the app, and must go on so"
            )
        if not terms.plays(plan):
            raise NothingToResumeError(
                f"the last run was played by {last.brain} ({last.model}), and must go on so"
            )
        await self._ledger.set_status(last.id, "running")
        return last.id

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if self._busy:
            raise LabBusyError("a run is going on; wait until it has ended")
        self._busy = True
        try:
            async with keeping_leases(self._ledger):
                yield
        finally:
            self._busy = False

    async def _live(self, run: str, plan: RunPlan, terms: Terms) -> Run:
        since = await self._ledger.reached(run)
        living = Course(self._house, self._ledger, self._clock, run, plan, since, terms)
        try:
            reason = await self._lived(run, living, terms)
        except BudgetExhaustedError as error:
            await self._ledger.set_status(run, "stopped", error.message)
        except asyncio.CancelledError:
            await asyncio.shield(self._ledger.set_status(run, "stopped", "by hand"))
            raise
        except BaseException as error:
            await self._ledger.set_status(run, "failed", str(error))
            raise
        else:
            await self._ledger.set_status(run, "done", reason)
        return await self._ledger.run(run)

    async def _lived(self, run: str, living: Course, terms: Terms) -> str | None:
        """Live a run to its end, or until what it varies is known well enough; return why then."""
        enough = terms.arms.enough if terms.arms else None
        async for moment in living.moments():
            await self._ledger.reach(run, moment)
            if enough is not None and (reason := await enough(run)):
                return reason
        return None

    async def _finish_earlier(self, terms: Terms) -> None:
        """Bring the ticks of earlier runs to their end, and those runs with them.

        Raises:
            LabBusyError: A run is under way in shards.
        """
        if await self._ledger.runs_in_shards():
            raise LabBusyError(
                "a run in shards is not over; live the rest of its files, or finish it here with "
                "await lab.resume() (run --resume)"
            )
        for run in await self._ledger.interrupted():
            plan = await self._ledger.plan(run)
            if terms.plays(plan):
                living = Course(
                    self._house, self._ledger, self._clock, run, plan, plan.ends_at, terms
                )
                await living.rest()
            else:
                await self._ledger.give_up(run, ANOTHER_BRAIN)
            await self._ledger.set_status(run, "stopped", "another run was begun")


def _check_part(part: RunPlan, whole: RunPlan) -> None:
    for name in ("seed", "brain", "model", "starts_at", "ends_at"):
        if getattr(part, name) != getattr(whole, name):
            raise InvalidInputError(
                f"this shard is of another run: its {name} is {getattr(part, name)}, and the "
                f"run's is {getattr(whole, name)}"
            )
