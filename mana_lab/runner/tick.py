"""One tick: a persona signs in, uses the app, and says what it was like."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from mana_lab.clock import Clock
from mana_lab.errors import (
    BudgetExhaustedError,
    CatalogError,
    InfrastructureError,
    ManaLabError,
)
from mana_lab.identity.wire import DuePersona, FeedbackRecord
from mana_lab.personas import Persona
from mana_lab.runner.brain import Brain, Rating, Scene, TickMemory, check_kept, check_ratings
from mana_lab.runner.claims import OpenTick
from mana_lab.runner.door import Door
from mana_lab.runner.ledger import Step, TickOutcome
from mana_lab.runner.meter import Meter
from mana_lab.runner.recorder import Recorder
from mana_lab.runner.records import Records
from mana_lab.runner.schedule import scene_seed
from mana_lab.runner.tape import Tape

T = TypeVar("T")
_LONGEST_ERROR = 500


@dataclass(frozen=True)
class House:
    """What ticks need of the lab.

    Attributes:
        identity: The identity service, or what stands for it.
        service_key: What identity's internal endpoints ask for.
        door: Lets personas into the app that they use.
        tick_timeout_s: How long a tick may really take before it is given up.
        pauses_s: How long a tick waits before it tries again what failed for reasons of
            infrastructure; with the last one it has tried enough.
        pause: Waits so many seconds.
    """

    identity: Records
    service_key: str
    door: Door
    tick_timeout_s: float = 600.0
    pauses_s: Sequence[float] = (0.5, 2.0, 8.0)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class Tick:
    """One tick of one persona.

    Args:
        house: What ticks need of the lab.
        brain: Who plays the persona.
        due: Whose tick it is.
        opened: The tick as it was claimed.
        seed: The run's seed.
        clock: The lab's time while the tick lasts.
        meter: Counts what a model takes.
        new_tape: Gives what asks a model, or knows what it said, from the tick's start.
    """

    def __init__(
        self,
        house: House,
        brain: Brain,
        due: DuePersona,
        opened: OpenTick,
        *,
        seed: int,
        clock: Clock,
        meter: Meter,
        new_tape: Callable[[], Tape],
    ) -> None:
        self._house = house
        self._brain = brain
        self._due = due
        self._opened = opened
        self._seed = seed
        self._clock = clock
        self._meter = meter
        self._new_tape = new_tape
        self._step: Step = "prepare"
        self._scene: Scene | None = None
        self._recorder = Recorder(
            due.user_id, opened.id, opened.run_id, clock=clock, modules=house.door.module_of
        )

    async def run(self) -> TickOutcome:
        """Do all steps; a failure ends the tick and is part of its outcome.

        Raises:
            BudgetExhaustedError: The run's budget does not admit the next request of the model;
                the tick can go on later.
        """
        error: str | None = None
        try:
            async with asyncio.timeout(self._house.tick_timeout_s):
                await self._all_steps()
        except BudgetExhaustedError as exhausted:
            if exhausted.scope == "run":
                raise
            error = _describe(exhausted)
        except Exception as failure:  # noqa: BLE001 - one persona's tick must not end the run
            error = _describe(failure)
        if error is not None:
            await self._leave()
        return self._outcome(error)

    def _outcome(self, error: str | None) -> TickOutcome:
        actions = self._recorder.actions
        memory = self._scene.memory if self._scene else TickMemory()
        return TickOutcome(
            calls=len(actions),
            errors=sum(action.result == "error" for action in actions),
            skipped_modules=memory.skipped_modules,
            failed_step=self._step if error is not None else None,
            error=error,
            gave_up=memory.gave_up,
            kept=memory.kept if error is None else None,
            prompt_hash=memory.prompt_hash,
        )

    async def _all_steps(self) -> None:
        await self._patiently(self._use)
        self._step = "record"
        await self._patiently(self._flush)
        self._step = "rate"
        ratings = await self._patiently(self._rate)
        self._step = "record"
        await self._patiently(partial(self._hand_on, ratings))
        self._step = "close"
        await self._patiently(self._mark_active)

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do a step, and again after a while where the infrastructure let it down."""
        for pause_s in self._house.pauses_s:
            try:
                return await step()
            except InfrastructureError:
                await self._house.pause(pause_s)
        return await step()

    async def _use(self) -> None:
        self._step = "prepare"
        scene = self._scene = self._make_scene()
        self._recorder.begin_again()
        self._step = "sign-in"
        async with self._house.door.open(scene.persona, self._recorder) as app:
            self._step = "use"
            await self._brain.use(app, scene)
        check_kept(scene.memory.kept)

    async def _flush(self) -> None:
        await self._recorder.flush(self._house.identity, self._house.service_key)

    async def _rate(self) -> Sequence[Rating]:
        assert self._scene is not None  # noqa: S101 - it was used before
        ratings = await self._brain.rate(self._scene, self._recorder.actions)
        check_ratings(ratings, self._recorder.actions)
        check_kept(self._scene.memory.kept)
        return ratings

    def _make_scene(self) -> Scene:
        persona = self._house.door.cast(persona_of(self._due))
        number = self._opened.number
        return Scene(
            persona=persona,
            tick_number=number,
            now=self._clock.now().astimezone(ZoneInfo(persona.timezone)),
            random=random.Random(scene_seed(self._seed, persona.email, number)),  # noqa: S311
            past=self._opened.past,
            meter=self._meter,
            tape=self._new_tape(),
        )

    async def _hand_on(self, ratings: Sequence[Rating]) -> None:
        records = [
            FeedbackRecord(
                tick_id=self._opened.id,
                run_id=self._opened.run_id,
                module=rating.module,
                rating=rating.rating,
                notes=rating.notes,
                evidence=list(rating.evidence),
                brain=self._brain.name,
                occurred_at=self._clock.now(),
            )
            for rating in ratings
        ]
        if records:
            await self._house.identity.record_feedback(
                self._house.service_key, self._due.user_id, records
            )

    async def _mark_active(self) -> None:
        await self._house.identity.record_tick(
            self._house.service_key, self._due.user_id, self._opened.id, self._clock.now()
        )

    async def _leave(self) -> None:
        """Keep what a failed tick did, and see that the persona is not due again at once."""
        with suppress(ManaLabError):
            await self._flush()
        with suppress(ManaLabError):
            await self._mark_active()


def persona_of(due: DuePersona) -> Persona:
    """Return the persona that identity describes.

    Raises:
        CatalogError: Identity's record is not one of a persona.
    """
    record = due.model_dump(exclude={"user_id", "last_active_at"}, exclude_none=True)
    try:
        return Persona.model_validate(record)
    except ValidationError as error:
        fields = ", ".join(str(finding["loc"][0]) for finding in error.errors())
        raise CatalogError(f"identity's record of {due.email} is unusable: {fields}") from None


def _describe(failure: Exception) -> str:
    if isinstance(failure, ManaLabError):
        text = f"{failure.code}: {failure.message}"
    elif isinstance(failure, TimeoutError):
        text = "timeout: the tick took too long and was given up"
    else:
        text = f"{type(failure).__name__}: {failure}"
    return text[:_LONGEST_ERROR]
