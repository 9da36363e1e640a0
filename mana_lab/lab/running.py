"""Runs of a lab: its personas live on, stop and go on again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from mana_lab.clock import Clock, SimulatedClock
from mana_lab.errors import InvalidInputError, NotFoundError, UnknownPersonaError
from mana_lab.lab.services import Services
from mana_lab.notebook import Progress
from mana_lab.personas import Catalog
from mana_lab.runner import (
    Brain,
    Budget,
    Door,
    Fleet,
    House,
    Ledger,
    Run,
    ScriptedBrain,
    Terms,
)
from mana_lab.runner.agenda import Agenda
from mana_lab.runner.fleet import DEFAULT_CONCURRENCY
from mana_lab.runner.schedule import end_of, instants
from mana_lab.settings import LabSecrets

_DAY_S = 86_400.0
_DAYS = 14.0


class Running(ABC):
    """A lab as its runs see it.

    Attributes:
        catalog: The personas.
        clock: The lab's time.
    """

    catalog: Catalog
    clock: Clock
    _services: Services
    _secrets: LabSecrets
    _door: Door
    _ledger: Ledger
    _progress: Progress

    @abstractmethod
    def _check_open(self) -> None: ...

    async def run(
        self,
        *,
        days: float | None = None,
        until: datetime | None = None,
        seed: int = 7,
        personas: Collection[str] | None = None,
        brain: Brain | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | Decimal | float | str | None = None,
    ) -> Run:
        """Let the seeded personas live on for some simulated days.

        What is cancelled, interrupted or stopped by its budget goes on with :meth:`resume`; another
        run finishes the ticks that had begun, and leaves it at that.

        Args:
            days: How many; 14 by default.
            until: Instead, when it ends, in the lab's time.
            seed: What all randomness derives from; the same seed gives the same calls.
            personas: Names of those who take part; all by default.
            brain: What plays them; scripted by default.
            concurrency: How many use the app at the same time.
            budget: What models may take: US dollars for the run, or limits of each tick, persona
                and run. The run stops before it takes more.

        Raises:
            InvalidInputError: The time is not ahead, *seed* no whole number of 64 bits,
                *concurrency* below 1, *budget* not above 0, or the lab's clock is not simulated.
            UnknownPersonaError: The catalog has no persona of such a name, or nobody is seeded.
            LabBusyError: A run is going on.
        """
        self._check_open()
        if personas is not None:
            personas = [self.catalog.get(name).email for name in personas]
        await self._check_seeded()
        if days is None and until is None:
            days = _DAYS
        starts_at = self.clock.now()
        ends_at = end_of(starts_at, days, until)
        terms = self._terms(brain, concurrency, budget, starts_at, ends_at)
        run = await self._fleet.simulate(
            days=days, until=until, seed=seed, only=personas, terms=terms
        )
        return self._told(run)

    async def resume(
        self,
        *,
        brain: Brain | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | Decimal | float | str | None = None,
    ) -> Run:
        """Go on with the last run, which was cancelled, interrupted or stopped before its end.

        Ticks that had begun are done again; what they did already is not done twice.

        Args:
            brain: As for the run: the same one.
            concurrency: How many use the app at the same time.
            budget: As for :meth:`run`; what was used counts.

        Raises:
            NothingToResumeError: There is no run, it reached its end, or another brain played it.
            LabBusyError: A run is going on.
        """
        self._check_open()
        runs = await self._ledger.runs()
        span = (runs[-1].starts_at, runs[-1].ends_at) if runs else (self.clock.now(),) * 2
        return self._told(await self._fleet.resume(self._terms(brain, concurrency, budget, *span)))

    async def expected_ticks(
        self,
        *,
        days: float | None = None,
        until: datetime | None = None,
        personas: Collection[str] | None = None,
    ) -> int:
        """Return how many ticks :meth:`run` would have, to know what a model's would about cost.

        Args:
            days: As for the run.
            until: As for the run.
            personas: As for the run.
        """
        self._check_open()
        only = None if personas is None else {self.catalog.get(name).email for name in personas}
        key = self._secrets.service_key.get_secret_value()
        everybody = (await self._services.identity.all_personas(key)).personas
        if days is None and until is None:
            days = _DAYS
        starts_at = self.clock.now()
        agenda = Agenda(each for each in everybody if only is None or each.email in only)
        return agenda.expected(instants(starts_at, end_of(starts_at, days, until)))

    async def reopen(self, run: str | int) -> Run:
        """Return a run as the ledger has it.

        Args:
            run: Its id, or its number from 1; -1 is the last one, -2 the one before.

        Raises:
            NotFoundError: There is no such run.
        """
        self._check_open()
        if isinstance(run, str):
            return await self._ledger.run(run)
        runs = await self._ledger.runs()
        if not 1 <= abs(run) <= len(runs):
            raise NotFoundError(f"this lab has no run {run}; it has {len(runs)}")
        return runs[run - 1 if run > 0 else run]

    def _terms(
        self,
        brain: Brain | None,
        concurrency: int,
        budget: Budget | Decimal | float | str | None,
        starts_at: datetime,
        ends_at: datetime,
    ) -> Terms:
        return Terms(
            brain or ScriptedBrain(),
            concurrency,
            Budget.of(budget),
            lambda _ticks, now: self._tell_days(starts_at, now, ends_at),
        )

    def _told(self, run: Run) -> Run:
        if run.status == "done":
            self._tell_days(run.starts_at, run.ends_at, run.ends_at)
        return run

    @cached_property
    def _fleet(self) -> Fleet:
        if not isinstance(self.clock, SimulatedClock):
            raise InvalidInputError(
                "a run moves simulated time, but this lab has another clock; "
                "open it without one: await Lab.open(folder)"
            )
        house = House(
            self._services.identity,
            self._secrets.service_key.get_secret_value(),
            self._door,
        )
        return Fleet(house, self._ledger, self.clock)

    def _tell_days(self, starts_at: datetime, now: datetime, ends_at: datetime) -> None:
        total = max(1, round((ends_at - starts_at).total_seconds() / _DAY_S))
        lived = int((now - starts_at).total_seconds() / _DAY_S)
        self._progress("simulated days", min(lived, total), total)

    async def _check_seeded(self) -> None:
        key = self._secrets.service_key.get_secret_value()
        if not (await self._services.identity.all_personas(key)).personas:
            raise UnknownPersonaError(
                "nobody is seeded in this lab yet; run await lab.seed() first"
            )
