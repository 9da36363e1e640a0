import re

import pytest
from runner_house import SERVICE_KEY
from starlette.responses import JSONResponse

from mana_lab.clock import ManualClock
from mana_lab.errors import ServiceUnavailableError
from mana_lab.runner.calls import CallError
from mana_lab.runner.recorder import Recorder

ERROR = CallError("not-found", "not-found", "there is no such task", "id")


@pytest.fixture
async def persona_id(mana, anna):
    mana.clock.move_to(mana.clock.now().replace(hour=12))
    due = await mana.identity.due_personas(SERVICE_KEY)
    return next(persona.user_id for persona in due.personas if persona.email == anna.email)


def recorder(mana, persona_id, tick_id="tick"):
    made = Recorder(persona_id, tick_id, "run", clock=mana.clock)
    for tool, error in (("todo.create", None), ("todo.complete", ERROR)):
        made.record(
            made.begin(tool, {"title": "a"}), tool, {"title": "a"}, error=error, latency_ms=1.5
        )
    return made


async def test_the_rows_reach_identity_as_they_were_recorded(mana, persona_id):
    made = recorder(mana, persona_id)
    assert await made.flush(mana.identity, SERVICE_KEY) == 2
    worked, failed = await mana.rows("persona_actions")
    assert [worked["id"], failed["id"]] == [action.id for action in made.actions]
    for action, row in zip(made.actions, (worked, failed), strict=True):
        for field in ("tick_id", "run_id", "seq", "tool_name", "module", "input_hash", "result"):
            assert row[field] == getattr(action, field)
        assert row["latency_ms"] == 1.5
        assert row["occurred_at"] == mana.clock.now()
    assert (failed["error_kind"], failed["error_message"]) == ("not-found", ERROR.message)


async def test_flushing_again_writes_nothing_again(mana, persona_id):
    made = recorder(mana, persona_id)
    assert await made.flush(mana.identity, SERVICE_KEY) == 2
    assert await made.flush(mana.identity, SERVICE_KEY) == 0
    assert await recorder(mana, persona_id).flush(mana.identity, SERVICE_KEY) == 0
    made.record(made.begin("todo.list", {}), "todo.list", {}, error=None, latency_ms=0)
    assert await made.flush(mana.identity, SERVICE_KEY) == 1
    assert len(await mana.rows("persona_actions")) == 3


async def test_a_flush_that_failed_can_be_repeated(mana, persona_id):
    made = recorder(mana, persona_id)
    mana.identity_service.refuse = lambda _scope: JSONResponse({}, 503)
    with pytest.raises(ServiceUnavailableError):
        await made.flush(mana.identity, SERVICE_KEY)
    mana.identity_service.refuse = lambda _scope: None
    assert await made.flush(mana.identity, SERVICE_KEY) == 2


async def test_more_calls_than_fit_a_batch_are_handed_on_in_batches(mana, persona_id):
    made = Recorder(persona_id, "tick", None, clock=mana.clock)
    for _ in range(501):
        made.record(made.begin("todo.list", {}), "todo.list", {}, error=None, latency_ms=0)
    assert await made.flush(mana.identity, SERVICE_KEY) == 501


@pytest.mark.parametrize("name", ["", ".", "x" * 300, "\ud800.list"], ids=ascii)
async def test_a_call_of_a_tool_that_cannot_be_is_audited_all_the_same(mana, persona_id, name):
    made = Recorder(persona_id, "tick", None, clock=mana.clock)
    error = CallError("", "not-found", "no such tool\ud800" + "x" * 3000)
    made.record(made.begin(name, {}), name, {}, error=error, latency_ms=0)
    assert await made.flush(mana.identity, SERVICE_KEY) == 1
    [row] = await mana.rows("persona_actions")
    assert row["id"] == made.actions[0].id
    assert len(row["error_message"]) == 500


async def test_a_call_that_is_done_again_has_its_place_and_its_key(mana, persona_id):
    made = Recorder(persona_id, "tick", None, clock=mana.clock)
    calls = [("todo.list", {}), ("todo.create", {"title": "a"}), ("todo.list", {})]

    def begun():
        places = [made.begin(*call) for call in calls]
        return places, [made.idempotency_key(place) for place in places]

    first = begun()
    assert first[0] == [0, 1, 2]
    assert len(set(first[1])) == 3
    made.begin_again()
    assert begun() == first


async def test_a_call_that_differs_from_the_one_before_is_another_one_and_none_is_lost(
    mana, persona_id
):
    made = Recorder(persona_id, "tick", None, clock=mana.clock)
    for title in ("a", "b", "c"):
        call = ("todo.create", {"title": title})
        made.record(made.begin(*call), *call, error=None, latency_ms=0)
    made.begin_again()
    for title in ("a", "x", "c"):
        call = ("todo.create", {"title": title})
        made.record(made.begin(*call), *call, error=None, latency_ms=0)
    assert [action.seq for action in made.actions] == [0, 1, 2, 3, 4]
    assert len({action.input_hash for action in made.actions}) == 4


async def test_the_same_call_in_a_shared_space_is_another_one(mana, persona_id):
    made = Recorder(persona_id, "tick", None, clock=mana.clock)
    made.begin("todo.list", {})
    made.begin_again()
    assert made.begin("todo.list", {}, shared=True) == 1


@pytest.mark.parametrize(
    "tick", ["c3a8b8a0-9b3e-5a7e-8c55-0a8f2c7f6e31", "by-hand-1", "0" * 32, "ü"]
)
def test_the_calls_of_a_tick_are_places_in_one_trace(tick):
    recorder = Recorder("anna", tick, None, clock=ManualClock())
    places = [recorder.trace_parent(recorder.begin("todo.list", {"n": n})) for n in range(3)]
    form = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-01")
    found = [form.fullmatch(place) for place in places]
    assert len({place[1] for place in found}) == 1
    assert len({place[2] for place in found}) == 3
    if tick.startswith("c3a8"):
        assert found[0][1] == tick.replace("-", "")
