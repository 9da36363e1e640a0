"""A recorded run lives again without app and model, or the first difference is named."""

import asyncio
import shutil
from dataclasses import replace

import pytest
from pydantic_ai.exceptions import ModelHTTPError
from replay_house import Mind, record, recorded, rows, still_door, stored
from runner_house import cast, open_mana
from starlette.responses import JSONResponse

from mana_lab.errors import (
    InvalidInputError,
    ProtocolError,
    ServiceUnavailableError,
    UnknownPersonaError,
)
from mana_lab.runner import ScriptedBrain, Terms
from mana_lab.runner.models import LocalFlow, ModelBrain, ModelLimits, Pace
from mana_lab.runner.models.taped import taped_brain
from mana_lab.runner.replay.brains import brain_on_tape
from mana_lab.runner.replay.comparing import first_difference
from mana_lab.runner.tape import Entry

ANNA = "persona.anna@mana.test"
TAPED = "function:mind"


def changed(entries, place, **other):
    """Return a track with one answer changed."""
    entry = entries[place]
    new = replace(entry, answer={**entry.answer, **other})
    return [*entries[:place], new, *entries[place + 1 :]]


async def test_a_scripted_run_lives_again_without_its_app(mana):
    known = await record(mana, days=2)
    assert {entry.answer["asked"]["do"] for tick in known.tape.ticks for entry in tick.app} == {
        "open",
        "tools",
        "call",
        "leave",
    }
    again = await known.again()
    assert first_difference(known.lived, again.ticks) is None
    assert rows(again) == stored(known)
    assert len(known.actions) > 20


async def test_a_models_run_lives_again_without_model_and_app(fresh):
    mind = Mind()
    known = await record(fresh, mind.brain, days=2)
    assert (mind.asked, len(known.actions), len(known.feedback)) == (8, 4, 2)
    again = await known.again(taped_brain(TAPED, {}))
    assert first_difference(known.lived, again.ticks) is None
    assert rows(again) == stored(known)
    assert mind.asked == 8


@pytest.mark.slow
async def test_a_later_run_lives_again_with_what_was_remembered_before_it(mana):
    await mana.live(days=2)
    known = await record(mana, days=2)
    assert set(known.tape.memory) == {ANNA, "persona.maya@mana.test"}
    assert await known.difference() is None


async def test_nothing_of_the_app_is_on_tape_unless_it_is_asked_for(mana):
    run = await mana.live(days=1)
    tape = await mana.ledger.tape_of(run.id)
    assert [tick.app for tick in tape.ticks] == [[], []]
    assert (tape.offers, await mana.rows("offers", "hash")) == ({}, [])


async def test_a_run_that_is_lived_in_parts_is_recorded_as_well(mana):
    fleet = mana.fleet()
    terms = Terms(ScriptedBrain(), app_on_tape=True)
    async with fleet.begin(days=1, seed=7, terms=terms) as run:
        await mana.ledger.begin_shards(run, 1)
    part = replace(await mana.ledger.plan(run), app_on_tape=False)
    assert await fleet.carry(run, 1, 1, part, Terms(ScriptedBrain())) == "done"
    known = await recorded(mana, await mana.ledger.run(run))
    assert all(tick.app for tick in known.tape.ticks)
    assert await known.difference() is None


async def test_a_list_of_tools_is_stored_once(mana):
    known = await record(mana, days=3)
    [stored_list] = await mana.rows("offers", "hash")
    assert list(known.tape.offers) == [stored_list["hash"]]


@pytest.mark.slow
async def test_the_same_tape_at_any_concurrency(tmp_path):
    (tmp_path / "seeded").mkdir()
    async with open_mana(tmp_path / "seeded", cast("anna", "maya", "ben", "kai")):
        pass
    tapes = []
    for concurrency in (1, 8):
        folder = shutil.copytree(tmp_path / "seeded", tmp_path / f"at {concurrency}")
        async with open_mana(folder) as mana:
            fleet = mana.fleet(door=still_door(mana))
            tapes.append((await record(mana, days=2, fleet=fleet, concurrency=concurrency)).tape)
    assert tapes[0] == tapes[1]


@pytest.mark.slow
async def test_two_labs_differ_in_nothing_but_ids_and_times(tmp_path):
    lives = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        async with open_mana(tmp_path / name, cast("anna", "maya")) as mana:
            lives.append(await record(mana, days=2))
    here, there = lives
    assert here.tape != there.tape
    assert first_difference(here.lived, there.lived) is None


async def test_another_prompt_is_the_first_thing_that_a_model_is_asked(fresh):
    known = await record(fresh, Mind().brain, days=2)
    [anna] = known.people
    other = anna.model_copy(update={"system_prompt": "You are somebody else altogether."})
    found = await replace(known, people=[other]).difference(taped_brain(TAPED, {}))
    assert (found.persona, found.tick, found.track, found.step) == (ANNA, 1, "model", 0)
    assert str(found) == f"{ANNA}, tick 1, model, step 0: something else was asked"


async def test_another_answer_of_the_app_is_what_a_model_is_asked_next(fresh):
    known = await record(fresh, Mind().brain, days=2)
    app = known.tape.ticks[1].app
    other = known.with_tick(1, app=changed(app, 2, data={"task": {"title": "Bread"}}))
    found = await other.difference(taped_brain(TAPED, {}))
    assert (found.persona, found.tick, found.track, found.step) == (ANNA, 2, "model", 1)


async def test_an_app_that_answers_otherwise_is_named_with_both_answers(mana):
    known = await record(mana, days=1)
    place = next(
        place for place, entry in enumerate(known.tape.ticks[0].app) if "data" in entry.answer
    )
    app = changed(known.tape.ticks[0].app, place, data={"nothing": True})
    found = first_difference(known.lived, known.with_tick(0, app=app).lived)
    assert (found.tick, found.track, found.step) == (1, "app", place)
    assert found.was != found.became
    assert '"nothing":true' in found.became
    assert str(found).startswith(f"{found.persona}, tick 1, app, step {place}: it was ")


async def test_how_long_the_app_took_makes_no_difference(mana):
    known = await record(mana, days=1)
    app = changed(known.tape.ticks[0].app, 2, latency_ms=99_000.0)
    assert first_difference(known.lived, known.with_tick(0, app=app).lived) is None


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_a_tape_of_a_model_that_is_too_short_ends_the_tick_and_is_named(fresh, step):
    known = await record(fresh, Mind().brain, days=1)
    other = known.with_tick(0, model=known.tape.ticks[0].model[:step])
    again = await other.again(taped_brain(TAPED, {}))
    found = first_difference(other.lived, again.ticks)
    assert (found.track, found.step, found.was, found.became) == ("model", step, None, "a request")
    assert again.ticks[0].tape.status == "failed"
    assert again.ticks[0].tape.error.startswith("tape-ended: the tape has no answer to step")


async def test_a_tape_of_an_app_that_is_too_short_ends_the_tick_and_is_named(mana):
    known = await record(mana, days=1)
    app = known.tape.ticks[0].app
    cut = next(n for n, entry in enumerate(app) if n > 2 and entry.answer["asked"]["do"] == "call")
    other = known.with_tick(0, app=app[:cut])
    again = await other.again()
    assert again.ticks[0].tape.error.startswith("tape-ended: the tape has no answer to 'call'")
    found = first_difference(known.lived, again.ticks)
    assert (found.track, found.step, found.became) == ("app", cut, None)


@pytest.mark.slow
async def test_a_tape_that_goes_on_is_a_difference(fresh):
    known = await record(fresh, Mind().brain, days=1)
    model = known.tape.ticks[0].model
    longer = [*model, Entry(len(model), model[-1].request_hash, model[-1].answer)]
    found = await known.with_tick(0, model=longer).difference(taped_brain(TAPED, {}))
    assert (found.track, found.step, found.was, found.became) == ("model", 4, "a request", None)


async def test_a_tick_that_is_missing_or_new_is_a_difference(mana):
    known = await record(mana, days=1)
    fewer = replace(known, tape=replace(known.tape, ticks=known.tape.ticks[:1]))
    lost = first_difference(known.lived, fewer.lived)
    new = first_difference(fewer.lived, known.lived)
    assert (lost.track, lost.was, lost.became) == ("tick", "a tick", None)
    assert (new.track, new.was, new.became) == ("tick", None, "a tick")


class Harsh(ScriptedBrain):
    """Does what the script does, and rates everything a 1."""

    async def rate(self, scene, actions):
        return [replace(each, rating=1) for each in await super().rate(scene, actions)]


async def test_other_ratings_of_the_same_calls_are_a_difference(mana):
    known = await record(mana, days=1)
    found = await known.difference(Harsh())
    assert (found.tick, found.track, found.step) == (1, "ratings", None)
    assert found.became.split(":")[0].endswith(" 1")


def closed_at_first(times, path):
    left = [times]

    def refuse(scope):
        if left[0] and scope["path"].endswith(path):
            left[0] -= 1
            return JSONResponse({"error": "service-unavailable", "message": "closed"}, 503)
        return None

    return refuse


async def test_a_tick_that_entered_the_app_twice_lives_again(mana):
    mana.identity_service.refuse = closed_at_first(1, "/login")
    known = await record(mana, days=1, only={ANNA})
    app = known.tape.ticks[0].app
    assert [entry.answer["asked"]["do"] for entry in app].count("open") == 2
    again = await known.again()
    assert (first_difference(known.lived, again.ticks), rows(again)) == (None, stored(known))


async def test_a_tick_that_never_got_in_fails_again_in_the_same_way(mana):
    mana.gateway_service.refuse = closed_at_first(1_000, "/mcp")
    known = await record(mana, days=1, only={ANNA})
    [tick] = known.tape.ticks
    assert (tick.status, tick.failed_step) == ("failed", "sign-in")
    assert await known.difference() is None


class Wavering(ScriptedBrain):
    """Begins with something else each time, and is broken off so many times."""

    def __init__(self, breaks):
        self.breaks = breaks
        self.times = -breaks

    async def use(self, app, _scene):
        self.times += 1
        await app.call("todo.list", {"limit": 10 - self.times})
        if self.times <= 0:
            raise ServiceUnavailableError("the line is dead")


async def test_what_was_called_before_a_visit_broke_off_is_in_the_audit_again(mana):
    known = await record(mana, Wavering(2), days=1, only={ANNA})
    assert [row["seq"] for row in known.actions] == [0, 1, 2]
    again = await known.again(Wavering(0))
    assert (first_difference(known.lived, again.ticks), rows(again)) == (None, stored(known))


def hurried(mind):
    """Return a brain that tries once and waits for nothing."""

    async def no_time(_seconds):
        await asyncio.sleep(0)

    brain = mind.brain
    model = brain._line.model
    return ModelBrain(model, pace=Pace(LocalFlow(pause=no_time), tries=1, pause=no_time))


async def test_a_model_that_failed_on_the_way_is_replayed_as_if_it_had_not(fresh):
    mind = Mind()
    mind.failures = [None, ModelHTTPError(529, "mind"), None, None, ModelHTTPError(529, "mind")]
    known = await record(fresh, hurried(mind), days=1)
    [tick] = known.tape.ticks
    assert (tick.status, [entry.step for entry in tick.model]) == ("done", [0, 1, 2, 3])
    again = await known.again(taped_brain(TAPED, {}))
    assert (first_difference(known.lived, again.ticks), rows(again)) == (None, stored(known))


@pytest.mark.parametrize("answered", [0, 1, 3])
async def test_a_tick_whose_model_refused_fails_again_at_the_same_place(fresh, answered):
    mind = Mind()
    mind.failures = [None] * answered + [ModelHTTPError(400, "mind")]
    known = await record(fresh, hurried(mind), days=1)
    [tick] = known.tape.ticks
    assert tick.error.startswith("provider-refused:")
    again = await known.again(taped_brain(TAPED, {}))
    assert first_difference(known.lived, again.ticks) is None
    assert rows(again) == stored(known)


class Dreamer(ScriptedBrain):
    """Calls a tool, and then never comes back."""

    async def use(self, app, scene):
        await app.call("todo.list")
        await scene.tape.answer("what is there to dream of?", asyncio.Event().wait)


async def test_a_tick_that_took_too_long_is_given_up_again(mana):
    known = await record(mana, Dreamer(), fleet=mana.fleet(tick_timeout_s=0.5), only={ANNA})
    [tick] = known.tape.ticks
    assert tick.error == "timeout: the tick took too long and was given up"
    again = await known.again(Dreamer())
    assert (first_difference(known.lived, again.ticks), rows(again)) == (None, stored(known))


@pytest.mark.slow
async def test_a_run_that_is_cancelled_and_goes_on_has_the_same_tape(tmp_path):
    (tmp_path / "seeded").mkdir()
    async with open_mana(tmp_path / "seeded", cast("anna", "maya")):
        pass
    tapes = []
    for stops in ([], [3, 9]):
        folder = shutil.copytree(tmp_path / "seeded", tmp_path / f"{len(stops)} stops")
        async with open_mana(folder) as mana:
            run = await stopped_at(mana, stops)
            tapes.append((await recorded(mana, run)).tape)
    assert tapes[0] == tapes[1]


async def stopped_at(mana, stops):
    """Live a run that is cancelled at some calls of the gateway, and goes on each time."""
    calls, begun = [0], False
    while True:
        fleet = mana.fleet(door=still_door(mana))
        terms = Terms(ScriptedBrain(), 1, app_on_tape=True)
        living = fleet.resume(terms) if begun else fleet.simulate(days=2, seed=7, terms=terms)
        task, begun = asyncio.create_task(living), True

        def count(scope, task=task):
            if (b"mcp-method", b"tools/call") in scope["headers"]:
                calls[0] += 1
                if calls[0] in stops:
                    task.cancel()

        mana.gateway_service.refuse = count
        try:
            return await task
        except asyncio.CancelledError:
            continue


async def test_a_tape_of_somebody_who_is_not_in_the_run_is_refused(mana):
    known = await record(mana, days=1)
    with pytest.raises(UnknownPersonaError, match=r"persona\.anna@mana\.test, who is not in"):
        await replace(known, people=[]).again()


@pytest.mark.parametrize(
    "answer",
    [None, [], "open", {}, {"asked": {"do": "fly"}}, {"asked": {"do": "open"}, "more": 1}],
    ids=str,
)
async def test_what_is_no_answer_of_an_app_is_refused(mana, answer):
    known = await record(mana, days=1, only={ANNA})
    app = known.tape.ticks[0].app
    other = known.with_tick(0, app=[app[0], replace(app[1], answer=answer), *app[2:]])
    with pytest.raises(ProtocolError, match="step 1 of the tape is not an answer of an app"):
        await other.again()


def test_a_brain_is_made_from_what_it_said_of_itself():
    limits = ModelLimits(calls=3, cost_usd="0.5")
    made = ModelBrain(Mind().brain._line.model, limits=limits)
    again = brain_on_tape("model", TAPED, made.to_record())
    assert (again.name, again.model, again.limits) == ("model", TAPED, limits)
    assert isinstance(brain_on_tape("scripted", None, {}), ScriptedBrain)


@pytest.mark.parametrize(
    ("name", "recorded_brain", "reason"),
    [
        ("human", {}, "a person played this run"),
        ("mine", {}, "a brain called 'mine' played this run; give it"),
        ("model", {"limits": {"calls": 3, "more": 1}}, "not that of a model"),
        ("model", {"limits": {"calls": "many"}}, "the limit calls must be a whole number"),
        ("model", {"price": {"input_usd": "1"}}, "not that of a model"),
    ],
)
def test_a_brain_that_cannot_be_made_is_refused(name, recorded_brain, reason):
    with pytest.raises(InvalidInputError, match=reason):
        brain_on_tape(name, TAPED, recorded_brain)
