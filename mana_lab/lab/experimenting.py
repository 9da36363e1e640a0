"""Experiments of a lab: the app varied, faults planted, raters calibrated."""

from __future__ import annotations

import asyncio
from abc import ABC
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from mana_lab.checks import got
from mana_lab.clock import SimulatedClock
from mana_lab.errors import InvalidInputError, LabBusyError
from mana_lab.gateway.variants import Variant
from mana_lab.lab.reading import Reading
from mana_lab.lab.running import Running
from mana_lab.runner import Brain, Budget, Run
from mana_lab.runner.arms import Arms
from mana_lab.runner.brains import brain_of
from mana_lab.runner.terms import DEFAULT_CONCURRENCY

if TYPE_CHECKING:
    from mana_lab.experiments import Changes, Experiment, Faults, RaterCalibration

Condition: TypeAlias = Variant | Brain | str | None
"""What a tick is lived under: a variant of the app, a brain or its name, or None: as usual."""

_AS_IT_IS = "the app as it is"


class Experimenting(Running, Reading, ABC):
    """A lab as its experiments see it."""

    @property
    def vary(self) -> Changes:
        """Makes variants of the app, such as ``lab.vary.description("todo.create", "…")``."""
        from mana_lab.experiments import Changes

        return Changes(self.registry, self._pause)

    @property
    def faults(self) -> Faults:
        """Makes defects to plant, such as ``lab.faults.errors("todo.create", rate=0.5)``."""
        from mana_lab.experiments import Faults

        return Faults(self.registry, self._pause)

    @contextmanager
    def plant(self, fault: Variant, *, ticks: Sequence[int] | None = None) -> Iterator[None]:
        """Let the app have a fault for as long as this is held.

        With *ticks*, runs have it in these ticks of each persona alone, and the ledger says in
        which; without, all users of the lab's gateway have it.

        Args:
            fault: What to plant, from :attr:`faults` or :attr:`vary`.
            ticks: The numbers of the ticks, from 1 over all runs.

        Raises:
            InvalidInputError: A number is below 1, or the personas use another server than Mana.
            LabBusyError: An experiment is going on.
        """
        from mana_lab.experiments.design import PLANTED, Planted, ticks_of

        self._check_mana()
        if not isinstance(fault, Variant):
            raise InvalidInputError(
                f"got {got(fault)} to plant; allowed: a variant of lab.vary or lab.faults"
            )
        planted = Planted(fault.name, ticks_of(ticks))
        within = {PLANTED: fault} if ticks is not None else {}
        for_all = self._ground.variants.for_all(fault) if ticks is None else nullcontext()
        draw = partial(planted.draw, 0)
        with self._varying(Arms(planted.to_json(), draw, self._applying(within))), for_all:
            yield

    async def experiment(
        self,
        *,
        treatment: Condition,
        control: Condition = None,
        module: str | None = None,
        days: float | None = None,
        until: datetime | None = None,
        seed: int = 7,
        personas: Collection[str] | None = None,
        brain: Brain | str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | Decimal | float | str | None = None,
        alpha: float = 0.05,
        stop_early: bool = True,
        washout: int = 0,
        record: bool = False,
        resume: bool = False,
    ) -> Experiment:
        """Compare two conditions within each persona, and say what the difference rests on.

        A coin that is tossed for each tick, and kept in the ledger, decides which condition it is
        lived under; neither persona nor model is told. Half of the control ticks are called by
        another name, so that the run has an A/A of its own. It ends early when the evidence is
        enough, which it may be looked at for after every moment. That there is an effect is as
        certain then as agreed, but how large it is comes out rather too large; with
        ``stop_early=False`` it does not.

        Args:
            treatment: What is tried: a variant from :attr:`vary` or :attr:`faults`, a brain, or
                a brain's name.
            control: What it is compared with; by default everything as it is.
            module: The module whose ratings the question is about: the one confirmatory test. All
                others are exploratory.
            days: How many; 14 by default.
            until: Instead, when it ends.
            seed: What all randomness derives from, coins included.
            personas: Names of those who take part; all by default.
            brain: What plays them; scripted by default.
            concurrency: How many use the app at the same time.
            budget: What models may take, as for :meth:`run`.
            alpha: The level of the tests and of the stopping rule.
            stop_early: Whether it may end before its time.
            washout: How many ticks after a change of condition the comparison leaves out.
            record: As for :meth:`run`.
            resume: Whether to go on with the last run, which was this experiment and was stopped.

        Raises:
            InvalidInputError: An argument is out of range, both conditions are the same, the
                registry has no such module, or the personas use another server than Mana.
            NothingToResumeError: The last run was another experiment, or none.
            UnknownPersonaError: The catalog has no persona of such a name, or nobody is seeded.
            LabBusyError: A run is going on.
        """
        from mana_lab.analysis.contrast import AGAIN, CONTROL, TREATMENT
        from mana_lab.experiments import Experiment, Trial, Watch

        self._check_mana()
        self._check_module(module)
        trial = Trial(_name(control), _name(treatment), module, alpha, stop_early, washout)
        if trial.control == trial.treatment:
            raise InvalidInputError(f"control and treatment are both {trial.control!r}")
        conditions = {CONTROL: control, AGAIN: control, TREATMENT: treatment}
        stores = self._ground.stores
        watch = Watch(stores.identity.engine, stores.ledger.engine, trial)
        async with _brains(conditions) as brains:
            arms = Arms(
                {**trial.to_json(), "seed": seed},
                partial(trial.draw, seed),
                self._applying(conditions),
                brains,
                watch.enough if stop_early else None,
            )
            with self._varying(arms):
                run = await self._lived(
                    resume=resume,
                    days=days,
                    until=until,
                    seed=seed,
                    personas=personas,
                    brain=brain,
                    concurrency=concurrency,
                    budget=budget,
                    record=record,
                )
        return Experiment.of(self.warehouse, run)

    async def calibrate_raters(
        self,
        *,
        days: float | None = None,
        until: datetime | None = None,
        seed: int = 7,
        personas: Collection[str] | None = None,
        brain: Brain | str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | Decimal | float | str | None = None,
        rates: Sequence[float] = (0.35, 0.7, 1.0),
        resume: bool = False,
    ) -> RaterCalibration:
        """Break each persona's favourite module in chosen ticks, and see who notices.

        Args:
            days: How many; 14 by default. Rough figures take about ten ticks of each kind.
            until: Instead, when it ends.
            seed: What all randomness derives from, coins included.
            personas: Names of those who take part; all by default.
            brain: What plays them; scripted by default.
            concurrency: How many use the app at the same time.
            budget: What models may take, as for :meth:`run`.
            rates: Which shares of the module's calls fail: the doses.
            resume: Whether to go on with the last run, which was this calibration.

        Raises:
            InvalidInputError: An argument is out of range, nobody rated their module whole and
                broken, or the personas use another server than Mana.
            NothingToResumeError: The last run was another one.
            UnknownPersonaError: The catalog has no persona of such a name, or nobody is seeded.
            LabBusyError: A run is going on.
        """
        from mana_lab.experiments import Dose

        self._check_mana()
        dose = Dose(tuple(rates) if isinstance(rates, Iterable) else rates)
        variants = {dose.name(rate): self._breaking(rate) for rate in dose.rates}
        design = {**dose.to_json(), "seed": seed}
        arms = Arms(design, partial(dose.draw, seed), self._applying(variants))
        with self._varying(arms):
            run = await self._lived(
                resume=resume,
                days=days,
                until=until,
                seed=seed,
                personas=personas,
                brain=brain,
                concurrency=concurrency,
                budget=budget,
            )
        return self.calibration_of(run)

    async def _lived(self, *, resume: bool, **how: Any) -> Run:
        if not resume:
            return await self.run(**how)
        return await self.resume(**{name: how[name] for name in ("brain", "concurrency", "budget")})

    def _breaking(self, rate: float) -> Variant:
        """Return what lets a share of the calls to each user's favourite module fail."""
        from mana_lab.experiments.calibration import favourite

        personas = self.personas_df()
        offered = self.registry.exposable().modules()
        found = {
            user: favourite(mix, offered)
            for user, mix in zip(personas["user_id"], personas["module_mix"], strict=True)
        }
        modules = sorted({module for module in found.values() if module is not None})
        if not modules:
            raise InvalidInputError("no persona wants a module that the app offers")
        fault = self.faults.errors(*modules, rate=rate)

        async def around(call: Any, proceed: Any) -> dict[str, Any]:
            mine = found.get(call.principal.user_id) == call.name.partition(".")[0]
            return await (fault.around(call, proceed) if mine else proceed())

        return self.vary.around(around, name=f"favourites failing {rate:g}")

    def _applying(self, conditions: Mapping[str, Condition]) -> Any:
        """Return what lets a user have the variant of a condition."""

        def applied(user_id: str, name: str) -> AbstractContextManager[object]:
            condition = conditions.get(name)
            if isinstance(condition, Variant):
                return self._ground.variants.applied(user_id, condition)
            return nullcontext()

        return applied

    @contextmanager
    def _varying(self, arms: Arms) -> Iterator[None]:
        if self._arms is not None:
            raise LabBusyError("the app is varied already; end that experiment or fault first")
        self._arms = arms
        try:
            yield
        finally:
            self._arms = None

    @property
    def _pause(self) -> Any:
        return None if isinstance(self.clock, SimulatedClock) else asyncio.sleep

    def _check_mana(self) -> None:
        self._check_open()
        self._check_own("what is varied is the lab's own Mana")

    def _check_module(self, module: str | None) -> None:
        modules = self.registry.exposable().modules()
        if module is not None and module not in modules:
            raise InvalidInputError(
                f"there is no module {got(module)}; there are {', '.join(modules)}"
            )


def _name(condition: Condition) -> str:
    if condition is None:
        return _AS_IT_IS
    if isinstance(condition, str):
        return condition
    if isinstance(condition, Variant):
        return condition.name
    if not isinstance(condition, Brain):
        raise InvalidInputError(
            f"got {str(condition)[:80]!r} to compare; allowed: a variant of lab.vary or "
            "lab.faults, a brain or its name, or None for everything as it is"
        )
    return f"{condition.name} ({condition.model})" if condition.model else condition.name


@asynccontextmanager
async def _brains(conditions: Mapping[str, Condition]) -> AsyncIterator[dict[str, Brain]]:
    """Give the brains of those conditions that have one."""
    async with AsyncExitStack() as stack:
        named: dict[str, Brain] = {}
        found: dict[str, Brain] = {}
        for variant, condition in conditions.items():
            if isinstance(condition, str):
                if condition not in named:
                    named[condition] = await stack.enter_async_context(brain_of(condition))
                found[variant] = named[condition]
            elif condition is not None and not isinstance(condition, Variant):
                found[variant] = condition
        yield found
