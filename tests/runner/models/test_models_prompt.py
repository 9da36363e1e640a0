"""What a model is told: every fact about the persona and the day reaches the request."""

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from models_house import calls, leaves, rates, script
from playing_house import ANNA, scene_of

from mana_lab.runner.models import ModelBrain, ModelLimits

PAST = {"visits": [{"date": "2026-01-04", "note": "The list of books is nearly done."}]}


async def told(mana, scene, **options):
    """Return what a model is told about *scene*, and the hash of it."""
    model = script(leaves("I am done."))
    async with await mana.app(ANNA) as app, ModelBrain(model.model, **options) as brain:
        await brain.use(app, scene)
    [heard] = model.heard
    return f"{heard.info.instructions}\n{heard.opening}", scene.memory.prompt_hash


def changed(**fields):
    return ANNA.model_copy(update=fields)


MUTATIONS = {
    "system prompt": (
        {"persona": changed(system_prompt="You are a lighthouse keeper {name}.")},
        "You are a lighthouse keeper {name}.",
    ),
    "name": ({"persona": changed(name="Nora")}, "The name is Nora"),
    "language": ({"persona": changed(language="pt-BR")}, '"pt-BR"'),
    "cadence": ({"persona": changed(tick_cadence="weekdays")}, "from Monday to Friday"),
    "time zone": ({"persona": changed(timezone="Asia/Tokyo")}, "in Asia/Tokyo"),
    "modules": ({"persona": changed(module_mix={"dreams": 1})}, "- dreams: 100.0%"),
    "weights": (
        {"persona": changed(module_mix=dict(ANNA.module_mix) | {"todo": 7.0})},
        "- todo: 90.9%",
    ),
    "memory": ({"past": PAST}, "The list of books is nearly done."),
    "strange memory": ({"past": {"other": ["\ud800", 1]}}, '{"other": ["?", 1]}'),
    "visit": ({"tick_number": 5}, "visit number 5"),
    "date": ({"now": scene_of().now + timedelta(days=1)}, "Tuesday, 2026-01-06"),
    "hour": ({"now": scene_of().now + timedelta(hours=1)}, "02:00 in Europe/Berlin"),
    "zone of the hour": ({"now": scene_of().now.astimezone(ZoneInfo("Asia/Tokyo"))}, "09:00"),
}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_every_fact_reaches_the_model_and_its_hash(mana, name):
    fields, expected = MUTATIONS[name]
    before, hash_before = await told(mana, scene_of())
    after, hash_after = await told(mana, scene_of(**fields))
    assert expected in after
    assert expected not in before
    assert hash_after != hash_before
    assert len(hash_after) == 64


async def test_the_same_facts_give_the_same_prompt(mana):
    assert await told(mana, scene_of()) == await told(mana, scene_of())


async def test_the_number_of_calls_that_are_left_is_told(mana):
    assert "no more than 5" in (await told(mana, scene_of(), limits=ModelLimits(calls=5)))[0]


async def test_a_long_memory_is_cut_for_the_prompt(mana):
    text, _ = await told(mana, scene_of(past={"visits": ["x" * 50_000]}))
    assert "(shortened: the first 6000 of 50016 characters)" in text
    assert len(text) < 12_000


async def test_what_is_kept_of_visits_reaches_the_next_one(mana):
    past = {}
    for number, note in enumerate(("First \ud800.", "Second."), start=1):
        model = script(calls(("todo_list", {}), ("todo_fly", {})), leaves(note))
        scene = scene_of(tick_number=number, past=past)
        async with await mana.app(ANNA) as app:
            await ModelBrain(model.model).use(app, scene)
        past = json.loads(json.dumps(scene.memory.kept))
    assert [visit["note"] for visit in past["visits"]] == ["First ?.", "Second."]
    assert past["visits"][0]["calls"] == {
        "todo.list": "worked 1 of 1",
        "todo.fly": "worked 0 of 1",
    }
    assert "First ?." in (await told(mana, scene_of(past=past)))[0]


async def test_a_persona_remembers_in_a_run_and_gives_up_in_it(fresh):
    model = script(
        calls(("todo_list", {})),
        leaves("I saw an empty list."),
        rates(("todo", 3, 1)),
        leaves("Enough.", gave_up="It is empty again."),
        leaves("Back."),
    )
    run = await fresh.live(ModelBrain(model.model), days=3)
    assert (run.ticks, run.failed_ticks, run.abandoned_ticks) == (3, 0, 1)
    assert "I saw an empty list." in model.heard[3].opening
    assert '"ratings": {"todo": 3}' in model.heard[3].opening
    assert "It is empty again." in model.heard[4].opening
    hashes = [tick["prompt_hash"] for tick in await fresh.rows("ticks")]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("past", [{}, {"visits": "none"}, {"visits": [["x" * 900]] * 50}])
async def test_what_is_kept_stays_small(mana, past):
    model = script(leaves("n" * 5_000))
    scene = scene_of(past=past)
    async with await mana.app(ANNA) as app:
        await ModelBrain(model.model).use(app, scene)
    assert len(json.dumps(scene.memory.kept)) < 5_200
    assert scene.memory.kept["visits"][-1]["note"] == "n" * 1_000
