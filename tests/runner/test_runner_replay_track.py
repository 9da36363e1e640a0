"""What is kept of an app is what the app said, however odd."""

import json
import math
from contextlib import asynccontextmanager

import pytest
from runner_house import cast

from mana_lab.clock import SIMULATION_EPOCH, ManualClock
from mana_lab.errors import NotFoundError, ServiceUnavailableError, TapeEndedError
from mana_lab.runner import CallError, CallOutcome, Recorder
from mana_lab.runner.ledger_tape import RunTape, TickTape
from mana_lab.runner.replay.playing import PlayedDoor
from mana_lab.runner.replay.recording import RecordingDoor

ODD = {
    "nothing": None,
    "no text": "",
    "numbers": {"b": 1, "a": [1.5, -0.0, True]},
    "signs": {"text": "é\x00\u2028😀"},
    "half a sign": {"half": "\ud83d"},
    "too large": {"large": 2**80, "nan": math.nan},
    "long": {"long": "x" * 3_000_000},
    "deep": json.loads("[" * 300 + "]" * 300),
}
[ANNA] = cast("anna")


class OddApp:
    """Answers each call with the next of some values."""

    shared_spaces = ()

    def __init__(self, values, recorder):
        self._values = iter(values)
        self._recorder = recorder

    async def tools(self):
        raise NotFoundError("there is no list")

    async def call(self, name, arguments=None, *, space_id=None):
        seq = self._recorder.begin(name, arguments or {}, shared=space_id is not None)
        value = next(self._values)
        error = value if isinstance(value, CallError) else None
        data = None if error else value
        action = self._recorder.record(
            seq, name, arguments or {}, error=error, latency_ms=1.25, data=data
        )
        return CallOutcome(name, data, error, 1.25, action.id, seq)


class OddDoor:
    """Lets personas into such an app; it may refuse them or be gone in the end."""

    def __init__(self, *values, before=None, after=None):
        self.values, self.before, self.after = values, before, after

    def module_of(self, tool_name):
        return f"module of {tool_name}"

    def cast(self, persona):
        return persona

    @asynccontextmanager
    async def open(self, _persona, recorder):
        if self.before:
            raise self.before
        yield OddApp(self.values, recorder)
        if self.after:
            raise self.after


def recorder_for(door):
    return Recorder("anna", "a tick", None, clock=ManualClock(), modules=door.module_of)


async def taped(door, use):
    """Use an app through a door that records; return a door to what was recorded."""
    kept = {}

    async def keep(_tick, entries, offers):
        kept["tape"] = (list(entries), dict(offers))

    recorder = recorder_for(door)
    try:
        async with RecordingDoor(door, keep).open(ANNA, recorder) as app:
            await use(app)
    except ServiceUnavailableError:
        pass
    entries, offers = kept["tape"]
    through_json = json.loads(json.dumps([entry.answer for entry in entries]))
    assert json.dumps(through_json) == json.dumps([entry.answer for entry in entries])
    tick = TickTape("a tick", ANNA.email, 1, SIMULATION_EPOCH, "done", None, None, [], entries)
    return PlayedDoor(RunTape([tick], offers, {})), recorder


async def again(door, use):
    recorder = recorder_for(door)
    async with door.open(ANNA, recorder) as app:
        await use(app)
    return recorder


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
async def test_whatever_a_tool_returns_is_returned_again(value):
    outcomes = []

    async def use(app):
        outcomes.append(await app.call("notes.list", {"limit": 3}))

    door, recorder = await taped(OddDoor(value), use)
    assert (await again(door, use)).actions == recorder.actions
    here, there = outcomes
    assert json.dumps(here.data) == json.dumps(there.data)
    assert (here.error, here.latency_ms, here.action_id) == (None, 1.25, there.action_id)


@pytest.mark.parametrize("arguments", ODD.values(), ids=ODD)
async def test_whatever_a_tool_is_called_with_is_called_again(arguments):
    async def use(app):
        await app.call("notes.list", {"given": arguments})

    door, recorder = await taped(OddDoor({}), use)
    assert (await again(door, use)).actions == recorder.actions


async def test_failures_are_the_same_failures():
    outcomes = []
    failure = CallError("not-a-member", "refused", "this is not yours \ud83d", "space")

    async def use(app):
        with pytest.raises(NotFoundError, match="there is no list"):
            await app.tools()
        outcomes.append(await app.call("notes.\x00list", space_id="a space"))

    door, recorder = await taped(OddDoor(failure), use)
    assert (await again(door, use)).actions == recorder.actions
    assert [outcome.error for outcome in outcomes] == [failure, failure]


async def test_a_module_is_that_of_the_app_which_is_not_there():
    async def use(app):
        await app.call("get-weather")

    door, recorder = await taped(OddDoor({}), use)
    assert door.module_of("get-weather") == recorder.actions[0].module == "module of get-weather"
    assert door.module_of("todo.create") == "todo"


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_app_that_was_gone_is_gone_again(moment):
    async def use(app):
        await app.call("notes.list")

    gone = {moment: ServiceUnavailableError("it is gone")}
    door, _ = await taped(OddDoor({}, **gone), use)
    with pytest.raises(ServiceUnavailableError, match="it is gone"):
        await again(door, use)


async def test_an_app_that_is_asked_for_more_than_there_is_has_no_answer():
    async def use(app):
        await app.call("notes.list")

    async def use_more(app):
        await use(app)
        await app.call("notes.list")

    async def ask_otherwise(app):
        await app.tools()

    door, _ = await taped(OddDoor({}), use)
    with pytest.raises(TapeEndedError, match=r"no answer to 'call' at step 2 .* has 'leave' there"):
        await again(door, use_more)
    with pytest.raises(TapeEndedError, match=r"no answer to 'tools' at step 1 .* has 'call' there"):
        await again(door, ask_otherwise)


async def test_a_persona_who_is_not_on_the_tape_is_not_let_in():
    door = PlayedDoor(RunTape([], {}, {}))
    with pytest.raises(TapeEndedError, match="the tape has nothing of the app for Anna here"):
        await again(door, None)
