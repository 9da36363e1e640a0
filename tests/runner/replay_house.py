"""Runs that are recorded, and the same runs again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import RequestUsage
from runner_house import SECRET, SERVICE_KEY

from mana_lab.clock import SimulatedClock
from mana_lab.runner import ManaDoor, ScriptedBrain
from mana_lab.runner.ledger_tape import RunTape
from mana_lab.runner.models import ModelBrain
from mana_lab.runner.replay.comparing import Lived, first_difference
from mana_lab.runner.replay.reliving import relive

ROW = ("id", "tick_id", "seq", "tool_name", "tool_hash", "module", "input_hash", "result")
ROW += ("error_kind", "error_code", "error_message", "latency_ms", "occurred_at")
MARK = ("tick_id", "run_id", "module", "rating", "notes", "evidence", "brain", "occurred_at")


class StillClock(SimulatedClock):
    """Simulated time; every call takes no time at all."""

    def monotonic(self):
        return 0.0


@dataclass
class Recorded:
    """A run, its tape, and the rows that it left."""

    id: str
    seed: int
    tape: RunTape
    people: list
    actions: list
    feedback: list

    @property
    def lived(self):
        return [
            Lived(
                tick,
                {
                    row["module"]: (row["rating"], row["notes"])
                    for row in self.feedback
                    if row["tick_id"] == tick.tick_id
                },
            )
            for tick in self.tape.ticks
        ]

    def with_tick(self, place, **other):
        """Return the recording with a tick changed."""
        ticks = list(self.tape.ticks)
        ticks[place] = replace(ticks[place], **other)
        return replace(self, tape=replace(self.tape, ticks=ticks))

    async def again(self, brain=None):
        return await relive(self.tape, self.id, self.seed, self.people, brain or ScriptedBrain())

    async def difference(self, brain=None):
        """Return where living it again without any app differs first."""
        return first_difference(self.lived, (await self.again(brain)).ticks)


async def record(mana, brain=None, **how):
    """Live a run and record it."""
    run = await mana.live(brain, app_on_tape=True, **how)
    return await recorded(mana, run)


async def recorded(mana, run):
    return Recorded(
        run.id,
        run.seed,
        await mana.ledger.tape_of(run.id),
        (await mana.identity.all_personas(SERVICE_KEY)).personas,
        await mana.rows("persona_actions"),
        await mana.rows("persona_feedback"),
    )


def rows(relived):
    """Return the calls and ratings of a run that was lived again, as identity would have them."""
    actions = [action.model_dump() for _, action in relived.actions]
    return _sorted(actions, [record.model_dump() for _, record in relived.feedback])


def stored(known):
    """Return the calls and ratings of a run as identity has them."""
    return _sorted(known.actions, known.feedback)


def _sorted(actions, ratings):
    return (
        sorted((pick(row, ROW) for row in actions), key=lambda row: row["id"]),
        sorted(
            (pick(row, MARK) for row in ratings), key=lambda row: (row["tick_id"], row["module"])
        ),
    )


def pick(row, names):
    return {name: row[name] for name in names}


def still_door(mana):
    return ManaDoor(mana.identity, SECRET, mana.endpoint, StillClock())


class Mind:
    """A model that writes a task, reads the list, leaves and rates; it can be told to fail.

    Attributes:
        asked: How often it was asked.
        failures: What it raises instead of its next answers.
    """

    def __init__(self):
        self.asked = 0
        self.failures = []

    @property
    def brain(self):
        return ModelBrain(FunctionModel(self._answer, model_name="mind"))

    def _answer(self, messages, info):
        self.asked += 1
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        said = sum(isinstance(message, ModelResponse) for message in messages)
        if info.output_tools:
            return _says("rate", {"ratings": [_judgement()]})
        if said == 0:
            return _says("todo_create", {"title": "Milk"})
        if said == 1:
            return _says("todo_list", {})
        return _says("leave", {"note": "I wrote down milk."})


def _judgement():
    return {"module": "todo", "experience": "Fine.", "reason": "So.", "cites": [1], "score": 4}


def _says(name, arguments):
    call = ToolCallPart(name, arguments, tool_call_id=f"{name} 0")
    return ModelResponse([call], usage=RequestUsage(input_tokens=1000, output_tokens=50))
