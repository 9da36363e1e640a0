"""Reliving: the ticks of a run once more, with nobody there but the brain and the tape."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mana_lab.clock import SIMULATION_EPOCH, PinnedClock
from mana_lab.errors import UnknownPersonaError
from mana_lab.identity.wire import ActionRecord, DuePersona, DuePersonas, FeedbackRecord
from mana_lab.runner.brain import Brain
from mana_lab.runner.claims import OpenTick
from mana_lab.runner.ledger import TickOutcome
from mana_lab.runner.ledger_tape import RunTape, TickTape
from mana_lab.runner.meter import Tally
from mana_lab.runner.records import InMemory
from mana_lab.runner.replay.again import Again
from mana_lab.runner.replay.comparing import Lived
from mana_lab.runner.replay.playing import PlayedDoor
from mana_lab.runner.replay.recording import RecordingDoor
from mana_lab.runner.tape import Entry
from mana_lab.runner.tick import House, Tick


@dataclass(frozen=True)
class Relived:
    """What came of reliving a run.

    Attributes:
        ticks: Its ticks.
        actions: The audited calls, each with whose it is.
        feedback: The ratings, each with whose it is.
    """

    ticks: Sequence[Lived]
    actions: Sequence[tuple[str, ActionRecord]]
    feedback: Sequence[tuple[str, FeedbackRecord]]


async def relive(
    tape: RunTape, run: str, seed: int, people: Sequence[DuePersona], brain: Brain
) -> Relived:
    """Live the ticks of a run once more; the app and the model answer from the tape.

    Who was due when is not asked again: the ticks are those of the tape, with their ids. What a
    brain keeps of a tick is what the next one remembers, as in any run.

    Args:
        tape: What the run has on tape.
        run: Its id.
        seed: Its seed.
        people: The personas.
        brain: Who plays them.

    Raises:
        UnknownPersonaError: The tape has ticks of somebody who is not among them.
        ProtocolError: The tape is damaged.
    """
    known = {persona.email: persona for persona in people}
    memory: dict[str, Mapping[str, Any]] = dict(tape.memory)
    records = InMemory(DuePersonas(personas=list(people), server_time=_start(tape)))
    kept = _Kept()
    door = RecordingDoor(PlayedDoor(tape), kept.keep)
    house = House(records, "", door, pauses_s=())
    lived: list[Lived] = []
    for was in tape.ticks:
        persona = known.get(was.email)
        if persona is None:
            raise UnknownPersonaError(f"the tape has ticks of {was.email}, who is not in the run")
        again = Again(was)
        opened = _opened(was, run, persona, memory)
        tick = Tick(
            house,
            brain,
            persona,
            opened,
            seed=seed,
            clock=PinnedClock(was.scheduled_at),
            meter=Tally(),
            new_tape=lambda again=again: again,  # type: ignore[misc]
        )
        outcome = await tick.run()
        if outcome.kept is not None:
            memory[was.email] = json.loads(json.dumps(outcome.kept))
        app = kept.tracks.get(was.tick_id, ())
        lived.append(_lived(_came_to(was, outcome, again.asked, app), records))
    return Relived(lived, records.actions, records.feedback)


@dataclass
class _Kept:
    """Keeps the app's tracks in memory."""

    tracks: dict[str, Sequence[Entry]] = field(default_factory=dict)

    async def keep(
        self, tick: str, entries: Sequence[Entry], _offers: Mapping[str, Sequence[Any]]
    ) -> None:
        self.tracks[tick] = tuple(entries)


def _start(tape: RunTape) -> datetime:
    return min((tick.scheduled_at for tick in tape.ticks), default=SIMULATION_EPOCH)


def _opened(
    tick: TickTape, run: str, persona: DuePersona, memory: Mapping[str, Mapping[str, Any]]
) -> OpenTick:
    return OpenTick(
        id=tick.tick_id,
        run_id=run,
        number=tick.number,
        attempt=1,
        persona_email=tick.email,
        persona_id=persona.user_id,
        scheduled_at=tick.scheduled_at,
        past=dict(memory.get(tick.email, {})),
    )


def _came_to(
    tick: TickTape, outcome: TickOutcome, model: Sequence[Entry], app: Sequence[Entry]
) -> TickTape:
    return replace(
        tick,
        status=outcome.status,
        failed_step=outcome.failed_step,
        error=outcome.error or outcome.gave_up,
        model=tuple(model),
        app=app,
    )


def _lived(tick: TickTape, records: InMemory) -> Lived:
    ratings = {
        record.module: (record.rating, record.notes or "")
        for _, record in records.feedback
        if record.tick_id == tick.tick_id
    }
    return Lived(tick, ratings)
