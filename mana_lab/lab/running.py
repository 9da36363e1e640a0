"""Runs of a lab: its personas live on, stop and go on again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from operator import index
from pathlib import Path
from typing import Any, SupportsIndex, TypeAlias

from mana_lab.checks import got, texts_of
from mana_lab.clock import Clock, SimulatedClock
from mana_lab.errors import InvalidInputError, NotFoundError, UnknownPersonaError
from mana_lab.lab.deployed import Deployed
from mana_lab.lab.recording import Recording
from mana_lab.lab.services import Ground, Services
from mana_lab.lab.sharding import Shared, Sharing
from mana_lab.notebook import Progress
from mana_lab.personas import Catalog
from mana_lab.registry import Registry
from mana_lab.runner import (
    Brain,
    Budget,
    Door,
    Fleet,
    House,
    Ledger,
    Run,
    Terms,
)
from mana_lab.runner.agenda import Agenda
from mana_lab.runner.arms import Arms
from mana_lab.runner.brains import SCRIPTED, brain_of
from mana_lab.runner.schedule import end_of, instants
from mana_lab.runner.shards import Engine, EngineName, Shard, Site, check_count, cut, engine_of
from mana_lab.runner.target import TargetDoor, TargetView
from mana_lab.runner.terms import DEFAULT_CONCURRENCY
from mana_lab.settings import LabSecrets

_DAY_S = 86_400.0
_DAYS = 14.0

Begun: TypeAlias = AbstractAsyncContextManager[str]
"""Holds a run that was begun; gives its id."""


class Running(ABC):
    """A lab as its runs see it.

    Attributes:
        catalog: The personas.
        registry: The tools.
        clock: The lab's time.
    """

    catalog: Catalog
    registry: Registry
    clock: Clock
    _services: Services
    _secrets: LabSecrets
    _door: Door
    _ledger: Ledger
    _progress: Progress
    _ground: Ground
    _folder: Path
    _target: TargetDoor | None
    _deployed: Deployed | None
    _arms: Arms | None = None

    @abstractmethod
    def _check_open(self) -> None: ...

    @property
    @abstractmethod
    def server(self) -> TargetView | None:
        """The server that the personas use; None where it is Mana."""

    @property
    def _elsewhere(self) -> str | None:
        """What the personas use instead of the lab's own Mana; None where they use that."""
        if self._deployed is not None:
            return self._deployed.name
        if self.server is None:
            return None
        return f"{self.server.name} {self.server.version}".strip()

    def _check_own(self, reason: str) -> None:
        if self._deployed is not None:
            raise InvalidInputError(f"{reason}; this lab uses {self._deployed.name}")
        if self._target is not None:
            raise InvalidInputError(f"{reason}; this lab uses another server")

    async def run(
        self,
        *,
        days: float | None = None,
        until: datetime | None = None,
        seed: int = 7,
        personas: Collection[str] | None = None,
        brain: Brain | str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | Decimal | float | str | None = None,
        engine: EngineName | Engine = "asyncio",
        workers: int = 2,
        gateway_workers: int = 0,
        site: Site | None = None,
        record: bool = False,
    ) -> Run:
        """Let the seeded personas live on for some simulated days.

        With another engine than ``asyncio`` the run is cut into shards that other processes live,
        with the same calls; the brain is then given by its name. Where many write at once, keep
        the lab's data in PostgreSQL.

        What is cancelled, interrupted or stopped by its budget goes on with :meth:`resume`; another
        run finishes the ticks that had begun, and leaves it at that.

        Args:
            days: How many; 14 by default.
            until: Instead, when it ends, in the lab's time.
            seed: What all randomness derives from; the same seed gives the same calls.
            personas: Names of those who take part; all by default.
            brain: What plays them, or its name, such as ``anthropic:NAME``; scripted by default.
            concurrency: How many use the app at the same time.
            budget: What models may take: US dollars for the run, or limits of each tick, persona
                and run. The run stops before it takes more.
            engine: What carries the run: ``asyncio`` is this process, ``dask`` and ``ray`` start
                processes of this machine; or an engine that knows a cluster.
            workers: How many processes ``dask`` and ``ray`` start.
            gateway_workers: How many processes the gateway has while shards are lived; 0 serves it
                from this one. Tools given to :meth:`open` are known to this process alone.
            site: Where the services stand that shards use, if they are served already.
            record: Whether what the app answers is kept, to replay the run without it: in plain,
                with all that the personas wrote. What models say is always kept.

        Raises:
            InvalidInputError: The time is not ahead, *seed* no whole number of 64 bits,
                *concurrency* or *workers* below 1, *budget* not above 0, the lab's clock not
                simulated, or the brain of a run in shards not given by name.
            SettingsError: There is no such brain, or the engine is not installed.
            UnknownPersonaError: The catalog has no persona of such a name, or nobody is seeded.
            LabBusyError: A run is going on.
        """
        self._check_open()
        only = self._emails(personas)
        await self._check_seeded()
        if days is None and until is None:
            days = _DAYS
        what: dict[str, Any] = {"days": days, "until": until, "seed": seed, "only": only}
        how = (concurrency, Budget.of(budget))
        if engine != "asyncio":
            sharing = self._sharing(brain, how, engine, workers, gateway_workers, site)
            return await self._share(sharing, partial(self._fleet.begin, **what), record=record)
        starts_at = self.clock.now()
        async with _player(brain) as player:
            terms = self._terms(player, *how, starts_at, end_of(starts_at, days, until))
            terms = self._noted(terms, record=record)
            return self._told(await self._fleet.simulate(**what, terms=terms))

    async def resume(
        self,
        *,
        brain: Brain | str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | Decimal | float | str | None = None,
        engine: EngineName | Engine = "asyncio",
        workers: int = 2,
        gateway_workers: int = 0,
        site: Site | None = None,
    ) -> Run:
        """Go on with the last run, which was cancelled, interrupted or stopped before its end.

        Ticks that had begun are done again; what they did already is not done twice.

        Args:
            brain: As for the run: the same one.
            concurrency: How many use the app at the same time.
            budget: As for :meth:`run`; what was used counts.
            engine: As for :meth:`run`; it need not be the same.
            workers: As for :meth:`run`.
            gateway_workers: As for :meth:`run`.
            site: As for :meth:`run`.

        Raises:
            NothingToResumeError: There is no run, it reached its end, or another brain played it.
            LabBusyError: A run is going on.
        """
        self._check_open()
        how = (concurrency, Budget.of(budget))
        if engine != "asyncio":
            sharing = self._sharing(brain, how, engine, workers, gateway_workers, site)
            return await self._share(sharing, self._fleet.begin_again)
        runs = await self._ledger.runs()
        span = (runs[-1].starts_at, runs[-1].ends_at) if runs else (self.clock.now(),) * 2
        async with _player(brain) as player:
            return self._told(await self._fleet.resume(self._terms(player, *how, *span)))

    async def shards(
        self,
        count: int,
        site: Site,
        *,
        days: float | None = None,
        until: datetime | None = None,
        seed: int = 7,
        personas: Collection[str] | None = None,
        brain: str = SCRIPTED,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | Decimal | float | str | None = None,
    ) -> list[Shard]:
        """Begin a run that others live, and return its parts.

        Each is lived with ``python -m mana_lab run --shard FILE``, on whatever machine, in any
        order, and again if it was lost; with the last one the run is done. Other runs have to
        wait until then.

        Args:
            count: How many parts there are at most.
            site: Where the services will stand for those who live them.
            days: As for :meth:`run`, and so are the others.
            until: As there.
            seed: As there.
            personas: As there.
            brain: Its name.
            concurrency: How many personas of one part use the app at the same time.
            budget: As there; all parts share it.

        Raises:
            InvalidInputError: As for :meth:`run`, or *count* is below 1.
            SettingsError: There is no such brain.
            UnknownPersonaError: The catalog has no persona of such a name, or nobody is seeded.
            LabBusyError: A run is going on.
        """
        self._check_open()
        self._check_own("shards use the lab's own Mana")
        check_count(count)
        only = self._emails(personas)
        await self._check_seeded()
        if days is None and until is None:
            days = _DAYS
        money = Budget.of(budget)
        async with brain_of(brain) as player:
            terms = self._noted(Terms(player, concurrency, money))
        how: dict[str, Any] = {"days": days, "until": until, "seed": seed, "only": only}
        async with self._fleet.begin(**how, terms=terms) as run:
            everybody = [each.email for each in await self._agenda(only)]
            shards = cut(
                run,
                await self._ledger.plan(run),
                everybody,
                count,
                brain=brain,
                site=site,
                concurrency=concurrency,
                budget=money,
            )
            await self._ledger.begin_shards(run, len(shards))
        return shards

    def _emails(self, names: Collection[str] | None) -> frozenset[str] | None:
        if names is None:
            return None
        known = texts_of(names, "personas", "anna")
        if not known:
            raise InvalidInputError(
                f"personas: got {got(names)}, allowed: at least one name, or None for all"
            )
        return frozenset(self.catalog.get(name).email for name in known)

    def _sharing(
        self,
        brain: Brain | str | None,
        how: tuple[int, Budget],
        engine: str | Engine,
        workers: int,
        gateway_workers: int,
        site: Site | None,
    ) -> Sharing:
        self._check_own("shards use the lab's own Mana")
        if self._arms is not None:
            raise InvalidInputError("what is varied is known to this process alone; run it here")
        if not isinstance(brain, str | None):
            raise InvalidInputError(
                "other processes have to make the brain of a run in shards: give its name, such "
                f"as {SCRIPTED!r} or 'anthropic:NAME'"
            )
        carrier = engine_of(engine, workers) if isinstance(engine, str) else engine
        return Sharing(carrier, SCRIPTED if brain is None else brain, *how, gateway_workers, site)

    async def _share(
        self, sharing: Sharing, begin: Callable[..., Begun], *, record: bool = False
    ) -> Run:
        async with brain_of(sharing.brain) as brain:
            terms = Terms(brain, sharing.concurrency, sharing.budget)
            terms = self._noted(terms, record=record)
        async with begin(terms=terms) as run:
            plan = await self._ledger.plan(run)
            agenda = await self._agenda(plan.participants)
            ticks = agenda.expected(instants(plan.starts_at, plan.ends_at))
            shared = Shared(self._ground, self._folder, self._ledger, self._progress)
            try:
                return await shared.live(run, [each.email for each in agenda], ticks, sharing)
            finally:
                reached = await self._ledger.reached_at()
                self._simulated_clock().move_to(reached or plan.starts_at)

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
        only = self._emails(personas)
        if days is None and until is None:
            days = _DAYS
        starts_at = self.clock.now()
        agenda = await self._agenda(only)
        return agenda.expected(instants(starts_at, end_of(starts_at, days, until)))

    async def reopen(self, run: str | SupportsIndex) -> Run:
        """Return a run as the ledger has it.

        Args:
            run: Its id, or its number from 1; -1 is the last one, -2 the one before.

        Raises:
            NotFoundError: There is no such run.
        """
        self._check_open()
        if isinstance(run, str):
            return await self._ledger.run(run)
        runs, number = await self._ledger.runs(), index(run)
        if not 1 <= abs(number) <= len(runs):
            raise NotFoundError(f"this lab has no run {number}; it has {len(runs)}")
        return runs[number - 1 if number > 0 else number]

    def _terms(
        self,
        brain: Brain,
        concurrency: int,
        budget: Budget,
        starts_at: datetime,
        ends_at: datetime,
    ) -> Terms:
        return Terms(
            brain,
            concurrency,
            budget,
            lambda _ticks, now: self._tell_days(starts_at, now, ends_at),
            arms=self._arms,
        )

    def _noted(self, terms: Terms, *, record: bool = False) -> Terms:
        known = Recording.of(terms.brain, self.registry, self._elsewhere)
        return replace(terms, recording=known.to_json(), app_on_tape=record)

    def _told(self, run: Run) -> Run:
        if run.status == "done":
            self._tell_days(run.starts_at, run.ends_at, run.ends_at)
        return run

    @cached_property
    def _fleet(self) -> Fleet:
        house = House(
            self._services.identity,
            self._secrets.service_key.get_secret_value(),
            self._door,
        )
        return Fleet(house, self._ledger, self._simulated_clock())

    def _simulated_clock(self) -> SimulatedClock:
        if not isinstance(self.clock, SimulatedClock):
            raise InvalidInputError(
                "a run moves simulated time, but this lab has another clock; "
                "open it without one: await Lab.open(folder)"
            )
        return self.clock

    async def _agenda(self, only: Collection[str] | None) -> Agenda:
        key = self._secrets.service_key.get_secret_value()
        everybody = (await self._services.identity.all_personas(key)).personas
        return Agenda(each for each in everybody if only is None or each.email in only)

    def _tell_days(self, starts_at: datetime, now: datetime, ends_at: datetime) -> None:
        total = max(1, round((ends_at - starts_at).total_seconds() / _DAY_S))
        lived = int((now - starts_at).total_seconds() / _DAY_S)
        self._progress("simulated days", min(lived, total), total)

    async def _check_seeded(self) -> None:
        if not list(await self._agenda(None)):
            raise UnknownPersonaError(
                "nobody is seeded in this lab yet; run await lab.seed() first"
            )


@asynccontextmanager
async def _player(brain: Brain | str | None) -> AsyncIterator[Brain]:
    if brain is None or isinstance(brain, str):
        async with brain_of(SCRIPTED if brain is None else brain) as made:
            yield made
    elif isinstance(brain, Brain):
        yield brain
    else:
        raise InvalidInputError(f"brain: got {str(brain)[:80]!r}, allowed: a brain or its name")
