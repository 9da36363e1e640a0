"""Replaying in a lab: what models said comes from the tape, and the app is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mana_lab.clock import Clock, SimulatedClock
from mana_lab.errors import ConflictError
from mana_lab.lab.recording import Recording
from mana_lab.lab.replays import Replay, lived_on_tape
from mana_lab.lab.run_folder import RunFolder
from mana_lab.registry import Registry
from mana_lab.runner import Brain, Fleet, Ledger, Terms
from mana_lab.runner.claims import OpenTick
from mana_lab.runner.ledger_tape import RunTape, TickTape
from mana_lab.runner.replay.again import Again
from mana_lab.runner.replay.comparing import first_difference
from mana_lab.runner.terms import DEFAULT_CONCURRENCY

if TYPE_CHECKING:
    from mana_lab.analysis import Warehouse


class Replaying(ABC):
    """A lab that can live a run again that was kept."""

    registry: Registry
    clock: Clock
    _ledger: Ledger

    @property
    @abstractmethod
    def warehouse(self) -> Warehouse:
        """The data for reading."""

    @property
    @abstractmethod
    def _elsewhere(self) -> str | None: ...

    @property
    @abstractmethod
    def _fleet(self) -> Fleet: ...

    @abstractmethod
    def _check_open(self) -> None: ...

    @abstractmethod
    async def _check_seeded(self) -> None: ...

    async def replay(
        self,
        folder: RunFolder | str | Path,
        *,
        brain: Brain | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> Replay:
        """Live a run again that was kept: the app is this lab's, the model's answers are taped.

        The lab must stand where the other one stood when the run began: for a first run it is a
        fresh lab, seeded with ``folder.catalog``. The run becomes one of this lab, recorded. No
        provider is asked, and none is needed. What a script decides is not on tape: it follows
        from the seed once more. For a replay without any app see :meth:`RunFolder.replay`.

        Args:
            folder: What :meth:`keep_run` made.
            brain: What plays; by default what played then. Its model is never asked.
            concurrency: How many use the app at the same time.

        Raises:
            RunFolderError: It is no run folder, or was changed.
            ConflictError: The lab stands elsewhere in time or in its ticks.
            InvalidInputError: Nobody but the caller has the brain.
            LabBusyError: A run is going on.
        """
        self._check_open()
        known = folder if isinstance(folder, RunFolder) else RunFolder.open(folder)
        await self._check_seeded()
        player = brain or known.brain()
        run, fleet = known.manifest.run, self._fleet
        self._check_place(known)
        tapes = _Tapes(known.tape, self._ledger)
        terms = Terms(
            player,
            concurrency,
            recording=Recording.of(player, self.registry, self._elsewhere).to_json(),
            app_on_tape=True,
            new_tape=tapes.of,
        )
        everybody = list(known.personas_df()["email"])
        lived = await fleet.simulate(
            until=run.ends_at,
            seed=run.seed,
            only=everybody if run.participants is None else run.participants,
            terms=terms,
        )
        became = await self._ledger.tape_of(lived.id)
        heard = RunTape(tapes.heard(became.ticks), became.offers, became.memory)
        return Replay(
            "brain",
            lived.ticks,
            lived.calls,
            first_difference(
                lived_on_tape(known.tape, known.warehouse),
                lived_on_tape(heard, self.warehouse, lived),
            ),
            self.warehouse.actions_df(lived),
            self.warehouse.feedback_df(lived),
        )

    def _check_place(self, known: RunFolder) -> None:
        """Check that the lab stands where the run began, and go there."""
        starts_at = known.manifest.run.starts_at
        if self.clock.now() > starts_at:
            raise ConflictError(
                f"this lab's time is {self.clock.now():%Y-%m-%d %H:%M} UTC, and the run began at "
                f"{starts_at:%Y-%m-%d %H:%M}; replay it in a fresh lab, seeded with folder.catalog"
            )
        lived = self.warehouse.ticks_df().groupby("email")["tick"].max().to_dict()
        firsts = known.warehouse.ticks_df().groupby("email")["tick"].min().to_dict()
        for email, number in sorted(firsts.items()):
            here = lived.get(email, 0) + 1
            if here != number:
                raise ConflictError(
                    f"the next tick of {email} is their tick {here} here, and was {number} when "
                    "the run began; replay it in a lab that has lived what that one had"
                )
        if isinstance(self.clock, SimulatedClock):
            self.clock.move_to(starts_at)


class _Tapes:
    """The models' tapes of a run that is played again."""

    def __init__(self, tape: RunTape, ledger: Ledger) -> None:
        self._known = {(tick.email, tick.number): tick for tick in tape.ticks}
        self._ledger = ledger
        self._played: dict[str, Again] = {}

    def of(self, opened: OpenTick) -> Again:
        """Return the tape of a tick, from its start."""
        known = self._known.get((opened.persona_email, opened.number))
        again = Again(known, partial(self._ledger.keep_said, opened.id))
        self._played[opened.id] = again
        return again

    def heard(self, ticks: Sequence[TickTape]) -> list[TickTape]:
        """Return ticks with all that their models were asked, whether it was answered or not."""
        return [
            replace(tick, model=self._played[tick.tick_id].asked)
            if tick.tick_id in self._played
            else tick
            for tick in ticks
        ]
