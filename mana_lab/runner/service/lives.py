"""Ticks of the service: claimed in the ledger, lived, counted, and let go where they cannot end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

from mana_lab.clock import Clock
from mana_lab.errors import LabBusyError
from mana_lab.identity.wire import DuePersona
from mana_lab.runner.agenda import Due
from mana_lab.runner.claims import EndedTick, LeftTick, OpenTick, Wanted
from mana_lab.runner.ledger import Ledger, TickOutcome
from mana_lab.runner.living import ANOTHER_BRAIN, claim, live
from mana_lab.runner.run import RunPlan
from mana_lab.runner.service.counting import CountedMeter, Counts
from mana_lab.runner.terms import Terms
from mana_lab.runner.tick import House

_LEAST = timedelta(milliseconds=1)
_TRIES = 3


class Lives:
    """Has ticks lived, each of them once, whoever else works on the same ledger.

    Args:
        house: What ticks need.
        ledger: Where they are claimed.
        terms: How they are lived.
        counts: Where they are counted.
        clock: ``monotonic`` measures how long they take.

    Attributes:
        unfinished: Set when somebody else has a tick that was wanted here, or one could not be
            brought to its end; :meth:`let_go` clears it.
    """

    def __init__(
        self, house: House, ledger: Ledger, terms: Terms, counts: Counts, clock: Clock
    ) -> None:
        self.unfinished = asyncio.Event()
        self._house = house
        self._ledger = ledger
        self._terms = terms
        self._counts = counts
        self._clock = clock
        self._plans: dict[str, RunPlan] = {}
        self._stuck: set[str] = set()

    async def let_go(self) -> None:
        """Release the ticks that could not be brought to their end, for whoever comes next.

        Raises:
            StoreUnavailableError: The ledger cannot be reached.
        """
        for tick in sorted(self._stuck):
            await self._ledger.release(tick)
            self._stuck.discard(tick)
        self.unfinished.clear()

    async def next(self, run: str, due: Due, moment: datetime) -> None:
        """Live somebody's next tick, unless somebody else does or has."""
        claimed = await self._claim(run, due, moment)
        if isinstance(claimed, OpenTick):
            await self._live(claimed, due.persona)
        elif claimed is None:
            self.unfinished.set()

    async def again(self, left: LeftTick, persona: DuePersona | None) -> None:
        """Live a tick again that was interrupted, unless somebody else does."""
        taken = await self._ledger.take(left.id)
        if taken is not None:
            await self._live(taken, persona)

    async def at_once(
        self, run: str, persona: DuePersona, now: datetime
    ) -> tuple[OpenTick, TickOutcome]:
        """Live somebody's next tick, whether it is due or not.

        Raises:
            LabBusyError: Somebody else has a tick of theirs under way.
        """
        active_at = persona.last_active_at
        for _ in range(_TRIES):
            moment = now if active_at is None else max(now, active_at + _LEAST)
            claimed = await self._claim(run, Due(persona, active_at), moment)
            if isinstance(claimed, OpenTick):
                return claimed, await self._live(claimed, persona)
            if claimed is None:
                break
            active_at = claimed.scheduled_at
        raise LabBusyError("another runner has a tick of theirs under way; try again later")

    async def _claim(self, run: str, due: Due, moment: datetime) -> OpenTick | EndedTick | None:
        persona, brain = due.persona, self._terms.brain
        wanted = Wanted(
            run, persona.email, persona.user_id, moment, due.active_at, brain.name, brain.model
        )
        return await claim(self._house, self._ledger, wanted)

    async def _live(self, opened: OpenTick, persona: DuePersona | None) -> TickOutcome:
        began = self._clock.monotonic()
        try:
            outcome = await self._lived(opened, persona)
        except Exception:
            self._stuck.add(opened.id)
            self.unfinished.set()
            raise
        self._counts.ended(outcome, self._clock.monotonic() - began)
        return outcome

    async def _lived(self, opened: OpenTick, persona: DuePersona | None) -> TickOutcome:
        brain = self._terms.brain
        plan = await self._plan(opened.run_id)
        if not self._terms.plays(plan):
            await self._ledger.close_tick(opened.id, ANOTHER_BRAIN)
            if persona is not None:
                await self._house.identity.record_tick(
                    self._house.service_key, persona.user_id, opened.id, opened.scheduled_at
                )
            return ANOTHER_BRAIN
        return await live(
            self._house,
            self._ledger,
            opened,
            persona,
            brain=brain,
            seed=plan.seed,
            meter=CountedMeter(self._ledger.meter(opened, self._terms.budget), self._counts),
            new_tape=partial(self._ledger.tape, opened),
        )

    async def _plan(self, run: str) -> RunPlan:
        if run not in self._plans:
            self._plans[run] = await self._ledger.plan(run)
        return self._plans[run]
