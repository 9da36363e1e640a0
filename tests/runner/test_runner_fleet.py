import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from runner_house import cast, open_mana, story
from sqlalchemy import update
from starlette.responses import JSONResponse

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import (
    InvalidInputError,
    LabBusyError,
    ServiceUnavailableError,
)
from mana_lab.identity.server import METADATA as IDENTITY_TABLES
from mana_lab.personas import Persona
from mana_lab.runner import Rating, ScriptedBrain, Terms

PERSONAS = IDENTITY_TABLES.tables["personas"]
WISHES = {"cards": 0.4, "picture": 0.3, "practice": 0.3}
"""Modules that have no tools."""
CAST = cast("anna", "maya", "marcus", "paul")
CAST = [*CAST[:-1], CAST[-1].model_copy(update={"module_mix": WISHES})]


def down(_scope):
    return JSONResponse({"error": "service-unavailable", "message": "closed"}, 503)


def up(_scope):
    return None


async def live(folder, *, seed=7, days=3, concurrency=4):
    folder.mkdir()
    async with open_mana(folder, CAST) as mana:
        run = await mana.live(days=days, seed=seed, concurrency=concurrency)
        return run, await story(mana)


async def test_the_same_seed_gives_the_same_calls_and_ratings(tmp_path):
    run, happened = await live(tmp_path / "one", concurrency=1)
    again, happened_again = await live(tmp_path / "eight", concurrency=8)
    assert run.calls == len(happened[0]) > 30
    assert happened == happened_again
    assert run == again
    assert repr(run) == repr(again)


async def test_another_seed_gives_other_calls(tmp_path):
    run, happened = await live(tmp_path / "seven", days=1)
    other, happened_otherwise = await live(tmp_path / "eight", days=1, seed=8)
    assert run.id != other.id
    assert [row["input_hash"] for row in happened[0]] != [
        row["input_hash"] for row in happened_otherwise[0]
    ]


@pytest.fixture
async def lived(tmp_path):
    """Monday to Wednesday."""
    async with open_mana(tmp_path, CAST) as mana:
        seen = []
        run = await mana.live(days=3, seed=7, on_progress=lambda *news: seen.append(news))
        yield mana, run, seen


async def test_a_run_is_lived_hour_by_hour_and_kept(lived):
    mana, run, seen = lived
    ticks = await mana.rows("ticks")
    assert (run.ticks, run.failed_ticks, run.status) == (12, 0, "done")
    assert run.ends_at == mana.clock.now() == SIMULATION_EPOCH + timedelta(days=3)
    assert {(tick["status"], tick["failed_step"], tick["error"]) for tick in ticks} == {
        ("done", None, None)
    }
    # eight in the morning in Berlin, where all of them live
    mornings = [SIMULATION_EPOCH + timedelta(days=n, hours=7) for n in range(3)]
    assert sorted({tick["scheduled_at"] for tick in ticks}) == mornings
    assert [done for done, _ in seen] == list(range(1, 13))
    assert sorted({moment for _, moment in seen}) == mornings
    assert await mana.ledger.runs() == [run]
    assert run.calls == len(await mana.rows("persona_actions"))
    assert run.errors == sum(tick["errors"] for tick in ticks)


async def test_every_tick_has_a_rating_of_each_module_it_touched(lived):
    mana, run, _seen = lived
    touched = {(row["tick_id"], row["module"]) for row in await mana.rows("persona_actions")}
    feedback = await mana.rows("persona_feedback")
    assert {(row["tick_id"], row["module"]) for row in feedback} == touched
    assert {(row["run_id"], row["brain"]) for row in feedback} == {(run.id, "scripted")}
    assert Counter(row["rating"] for row in feedback).keys() <= {1, 2, 3, 4, 5}
    actions = {row["id"] for row in await mana.rows("persona_actions")}
    assert all(actions.issuperset(row["evidence"]) for row in feedback)


async def of_persona(mana, name):
    due = {tick["persona_email"]: tick["persona_id"] for tick in await mana.rows("ticks")}
    persona_id = due[f"persona.{name}@mana.test"]
    return [row for row in await mana.rows("persona_actions") if row["persona_id"] == persona_id]


async def test_the_newbie_makes_mistakes_and_the_ceo_hardly_uses_the_app(lived):
    mana, _run, _seen = lived
    maya = await of_persona(mana, "maya")
    kinds = Counter(row["error_kind"] for row in maya)
    assert kinds["invalid-input"]
    assert kinds["not-found"]
    assert kinds[None] > 0
    marcus = await of_persona(mana, "marcus")
    assert len(marcus) <= 6 < len(maya)


async def test_a_module_without_tools_is_skipped_and_counted(lived):
    mana, run, _seen = lived
    assert await of_persona(mana, "paul") == []
    skipped: Counter[str] = Counter()
    for tick in await mana.rows("ticks"):
        if tick["persona_email"].startswith("persona.paul"):
            assert set(tick["skipped_modules"]) <= set(WISHES)
            skipped.update(tick["skipped_modules"])
    assert sum(skipped.values()) >= 3
    assert run.skipped_modules == skipped
    assert "todo" not in run.skipped_modules


async def test_a_second_run_goes_on_where_the_first_ended(lived):
    mana, run, _seen = lived
    second = await mana.live()
    assert second.starts_at == run.ends_at
    assert second.id != run.id
    assert second.ticks == 4
    assert await mana.ledger.reached_at() == second.ends_at
    numbers = [
        tick["number"]
        for tick in sorted(await mana.rows("ticks"), key=lambda tick: tick["scheduled_at"])
        if tick["persona_email"].startswith("persona.anna")
    ]
    assert numbers == [1, 2, 3, 4]
    ids = [row["id"] for row in await mana.rows("persona_actions")]
    assert len(ids) == len(set(ids)) == run.calls + second.calls


async def test_a_weekday_persona_rests_at_the_weekend(tmp_path):
    async with open_mana(tmp_path, cast("marcus")) as mana:
        # Friday evening in Berlin, and he was not active yet
        mana.clock.move_to(SIMULATION_EPOCH + timedelta(days=4, hours=22, minutes=30))
        await mana.live(days=3)
        ticks = await mana.rows("ticks")
    assert sorted(f"{tick['scheduled_at']:%a %H:%M}" for tick in ticks) == [
        "Fri 22:30",
        "Mon 07:00",
    ]


async def test_an_hourly_persona_is_asked_at_every_full_hour(tmp_path):
    [kai] = cast("kai")
    hourly = kai.model_copy(update={"tick_cadence": "hourly", "timezone": "Asia/Kolkata"})
    async with open_mana(tmp_path, [hourly]) as mana:
        mana.clock.move_to(SIMULATION_EPOCH + timedelta(minutes=30))
        await mana.live(days=0.2)
        ticks = await mana.rows("ticks")
    assert sorted(f"{tick['scheduled_at']:%H:%M}" for tick in ticks) == [
        "00:30",
        "02:00",
        "03:00",
        "04:00",
        "05:00",
    ]


async def test_only_those_who_are_named_take_part(lived):
    mana, _run, _seen = lived
    named = {"persona.anna@mana.test"}
    run = await mana.live(only=named)
    assert {t["persona_email"] for t in await mana.rows("ticks") if t["run_id"] == run.id} == named


async def test_a_persona_whose_app_is_down_has_a_failed_tick_and_is_not_due_again(mana):
    mana.gateway_service.refuse = down
    run = await mana.live()
    assert (run.ticks, run.failed_ticks, run.calls, run.status) == (2, 2, 0, "done")
    ticks = await mana.rows("ticks")
    assert {(tick["status"], tick["failed_step"], tick["error"]) for tick in ticks} == {
        ("failed", "sign-in", "service-unavailable: closed")
    }
    mana.gateway_service.refuse = up
    run = await mana.live()
    assert (run.ticks, run.failed_ticks) == (2, 0)


async def test_one_persona_that_fails_does_not_disturb_the_others(tmp_path):
    anna, maya = cast("anna", "maya")
    async with open_mana(tmp_path, [anna, maya]) as mana:

        class Picky(ScriptedBrain):
            async def use(self, app, scene):
                await super().use(app, scene)
                if scene.persona == anna:
                    raise ZeroDivisionError("a bug of the brain")

        run = await mana.live(Picky(), days=2)
        assert (run.ticks, run.failed_ticks) == (4, 2)
        ticks = {tick["id"]: tick for tick in await mana.rows("ticks")}
        failed = [tick for tick in ticks.values() if tick["status"] == "failed"]
        assert {tick["persona_email"] for tick in failed} == {anna.email}
        assert failed[0]["error"] == "ZeroDivisionError: a bug of the brain"
        assert failed[0]["failed_step"] == "use"
        # what a failed tick did before it failed is not lost
        kept = Counter(row["tick_id"] for row in await mana.rows("persona_actions"))
        assert {tick["id"]: tick["calls"] for tick in failed} == {
            tick["id"]: kept[tick["id"]] for tick in failed
        }
        rated = {row["tick_id"] for row in await mana.rows("persona_feedback")}
        assert not rated & {tick["id"] for tick in failed}


@pytest.mark.parametrize(
    "opinion",
    [
        lambda: [Rating("calendar", 3, "never used it")],
        lambda: [Rating("todo", 9, "wow")],
        lambda: [Rating("todo", 3, "", ("made up",))],
    ],
    ids=["an untouched module", "a nine", "made-up evidence"],
)
async def test_a_rating_that_cannot_stand_is_a_failed_step_and_no_row(mana, opinion):
    class Confused(ScriptedBrain):
        async def rate(self, _scene, _actions):
            return opinion()

    run = await mana.live(Confused(), days=1)
    assert (run.ticks, run.failed_ticks) == (2, 2)
    assert {tick["failed_step"] for tick in await mana.rows("ticks")} == {"rate"}
    assert await mana.rows("persona_feedback") == []
    assert len(await mana.rows("persona_actions")) == run.calls > 0


async def test_a_tick_that_never_ends_is_given_up(mana):
    class Lost(ScriptedBrain):
        async def use(self, _app, _scene):
            await asyncio.Event().wait()

    fleet = mana.fleet(tick_timeout_s=0.05)
    run = await mana.live(Lost(), fleet=fleet)
    assert run.failed_ticks == run.ticks == 2
    assert {tick["error"] for tick in await mana.rows("ticks")} == {
        "timeout: the tick took too long and was given up"
    }


async def test_identity_being_down_ends_the_run(mana):
    mana.identity_service.refuse = down
    with pytest.raises(ServiceUnavailableError):
        await mana.live()
    [run] = await mana.ledger.runs()
    assert run.status == "failed"


async def test_a_cancelled_run_releases_its_ticks_and_can_go_on(mana):
    begun = asyncio.Event()

    class Slow(ScriptedBrain):
        async def use(self, _app, _scene):
            begun.set()
            await asyncio.Event().wait()

    fleet = mana.fleet()
    running = asyncio.create_task(mana.live(Slow(), fleet=fleet))
    await begun.wait()
    with pytest.raises(LabBusyError):
        await mana.live(fleet=fleet)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    [stopped] = await mana.ledger.runs()
    assert (stopped.status, stopped.reason, stopped.open_ticks) == ("stopped", "by hand", 2)
    assert {tick["status"] for tick in await mana.rows("ticks")} == {"waiting"}
    run = await fleet.resume(Terms(Slow.__base__()))
    assert (run.id, run.status) == (stopped.id, "done")
    assert (run.ticks, run.failed_ticks, run.open_ticks) == (2, 0, 0)
    assert {tick["attempt"] for tick in await mana.rows("ticks")} == {2}


async def test_a_record_of_identity_that_is_no_persona_is_a_failed_tick(tmp_path):
    odd = Persona(
        name="Odd",
        email="persona.odd@mana.test",
        archetype="unheard-of",
        system_prompt="A person whose record will be broken by hand.",
        module_mix={"todo": 1},
    )
    damage = update(PERSONAS).values(module_mix={"to do": 1})
    async with open_mana(tmp_path, [odd]) as mana:
        await mana.identity_store.write(lambda connection: connection.execute(damage).rowcount)
        run = await mana.live()
        assert run.failed_ticks == run.ticks == 1
        [tick] = await mana.rows("ticks")
    assert tick["failed_step"] == "prepare"
    assert tick["error"] == (
        "invalid-catalog: identity's record of persona.odd@mana.test is unusable: module_mix"
    )


@pytest.mark.parametrize("concurrency", [0, -1])
async def test_nobody_at_a_time_is_refused(mana, concurrency):
    with pytest.raises(InvalidInputError, match="at least 1"):
        await mana.live(concurrency=concurrency)
    assert await mana.ledger.runs() == []


async def test_no_time_at_all_is_refused_and_leaves_the_fleet_free(mana):
    fleet = mana.fleet()
    with pytest.raises(InvalidInputError, match="more than 0 days"):
        await mana.live(days=0, fleet=fleet)
    assert await mana.ledger.runs() == []
    assert (await mana.live(days=0.1, fleet=fleet)).ticks == 0
