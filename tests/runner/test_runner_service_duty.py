"""Personas live when they are due, in real time, by one runner or several."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from playing_house import few_tools
from replay_house import Mind
from runner_house import ADMIN, SERVICE_KEY, open_mana
from service_house import ANNA, BEN, MAYA, Paced, at_work, crashed, hired, id_of, until
from sqlalchemy import delete, update
from starlette.responses import PlainTextResponse

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import InvalidInputError, ServiceUnavailableError
from mana_lab.identity import server as identity_server
from mana_lab.runner import METADATA, Budget, Holder, Ledger
from mana_lab.runner.ledger import TickOutcome
from mana_lab.runner.meter import Usage
from mana_lab.runner.run import RunPlan
from mana_lab.storage import Store

EVERYBODY = [ANNA, MAYA, BEN]


@pytest.fixture
async def mana(tmp_path):
    async with open_mana(tmp_path, EVERYBODY, registry=few_tools()) as mana:
        yield mana


@pytest.fixture
async def abroad(tmp_path):
    """Return a lab with a persona in Tokyo and one in Berlin, who come once a day."""
    personas = [
        ANNA.model_copy(update={"tick_cadence": "daily", "timezone": "Europe/Berlin"}),
        MAYA.model_copy(update={"tick_cadence": "weekdays", "timezone": "Asia/Tokyo"}),
    ]
    async with open_mana(tmp_path, personas, registry=few_tools()) as mana:
        yield mana


async def test_everybody_comes_at_eight_of_their_own_time(abroad):
    brain = Paced()
    async with at_work(hired(abroad, brain)) as service:
        await service.looked()  # Monday, midnight UTC: nine in Tokyo, one in Berlin
        assert brain.entered == [("maya", 9)]
        await service.move(hours=6, minutes=59)
        assert brain.entered == [("maya", 9)]
        await service.move(minutes=1)
        assert brain.entered[1:] == [("anna", 8)]
        await service.move(hours=16)  # Tuesday in Tokyo
        assert brain.entered[2:] == [("maya", 8)]


async def test_who_comes_on_weekdays_stays_away_on_a_saturday_of_their_own(abroad):
    abroad.clock.move_to(SIMULATION_EPOCH + timedelta(days=4, hours=23, minutes=30))
    brain = Paced()  # Friday night in Berlin, Saturday half past eight in Tokyo
    async with at_work(hired(abroad, brain)) as service:
        await service.looked()
        assert brain.entered == []
        await service.move(hours=8)
        assert brain.entered == [("anna", 8)]


async def test_one_run_of_the_ledger_lasts_as_long_as_the_service(mana):
    brain = Paced()
    async with at_work(hired(mana, brain, seed=11)) as service:
        await service.looked()
        await service.move(hours=1)
        [row] = await mana.rows("runs")
        assert (row["seed"], row["brain"], row["status"]) == (11, "paced", "running")
        assert row["reached_at"] == SIMULATION_EPOCH + timedelta(hours=1)
        assert row["ends_at"] == row["reached_at"] + timedelta(minutes=1)
    [run] = await service.ledger.runs()
    assert (run.status, run.reason, run.ticks, run.calls) == ("done", None, 6, 6)
    actions = await mana.rows("persona_actions")
    assert {action["run_id"] for action in actions} == {run.id}
    assert len(await mana.rows("persona_feedback")) == 6


async def test_a_slow_persona_does_not_hold_up_the_others(mana):
    brain = Paced()
    brain.hold("anna")
    async with at_work(hired(mana, brain, concurrency=2)) as service:
        await until(lambda: set(brain.left) == {"maya", "ben"})
        assert brain.most == 2
        await until(lambda: service.duty.under_way == 1)
        assert service.duty.waiting == 0
        service.waits.move(hours=1)  # the others are due again
        await until(lambda: len(brain.left) == 4)
        assert sorted(brain.left) == ["ben", "ben", "maya", "maya"]
        brain.free("anna")
        await service.looked()
    assert brain.left[4] == "anna"


async def test_who_waits_has_their_turn_as_soon_as_one_leaves(mana):
    brain = Paced()
    brain.hold("anna", "ben", "maya")
    async with at_work(hired(mana, brain, concurrency=1)) as service:
        order = [each.slug for each in sorted(EVERYBODY, key=lambda each: each.email)]
        for place, slug in enumerate(order):
            await until(lambda expected=place + 1: len(brain.entered) == expected)
            assert service.duty.under_way == 1
            await until(lambda expected=2 - place: service.duty.waiting == expected)
            brain.free(slug)
        await service.looked()
    assert [slug for slug, _ in brain.entered] == order
    assert brain.most == 1


async def test_who_asked_for_a_tick_and_waits_is_told_that_the_runner_stops(mana):
    brain = Paced()
    brain.hold("anna")
    service = hired(mana, brain, concurrency=1)
    async with at_work(service):
        await until(lambda: len(brain.entered) == 1)
        everybody = (await mana.identity.all_personas(SERVICE_KEY)).personas
        asked = [
            asyncio.create_task(service.duty.tick_now(each))
            for each in everybody
            if each.email != ANNA.email
        ]
        await asyncio.sleep(0)
        asked[0].cancel()  # has gone away
        assert (await service.duty.drain(0)).released == 1
        with pytest.raises(ServiceUnavailableError, match="stops"):
            await asked[1]
    assert len(brain.entered) == 1


async def test_paused_nothing_begins_and_what_was_begun_ends(mana):
    brain = Paced()
    brain.hold("anna")
    async with at_work(hired(mana, brain, concurrency=1)) as service:
        await until(lambda: len(brain.entered) == 1)
        service.duty.pause()
        service.duty.pause()
        brain.free("anna")
        await until(lambda: not service.duty.under_way)
        service.waits.move(hours=1)
        await until(lambda: service.duty.waiting == 3)
        assert [slug for slug, _ in brain.entered] == ["anna"]
        service.duty.resume()
        service.duty.resume()
        await until(lambda: len(brain.left) == 4)
        await service.looked()
    assert (await service.ledger.runs())[0].status == "done"


async def test_a_runner_that_begins_paused_waits_to_be_told(mana):
    brain = Paced()
    async with at_work(hired(mana, brain, paused=True)) as service:
        await until(lambda: service.duty.waiting == 3)
        assert brain.entered == []
        service.duty.resume()
        await until(lambda: len(brain.left) == 3)


async def test_drained_it_lets_ticks_end_and_begins_no_more(mana):
    brain = Paced()
    brain.hold("anna")
    service = hired(mana, brain, concurrency=1)
    async with at_work(service):
        await until(lambda: len(brain.entered) == 1)
        draining = asyncio.create_task(service.duty.drain(60))
        await until(service.duty.draining.begun.is_set)
        brain.free("anna")
        drained = await draining
    assert (drained.finished, drained.released) == (1, 0)
    assert str(drained).endswith("1 finished, 0 left for the next start")
    assert await service.ticks() == [("anna", "done")]
    assert (await service.ledger.runs())[0].status == "done"


@pytest.mark.parametrize("hurried", [False, True])
async def test_what_does_not_end_in_the_grace_is_left_to_the_next_start(mana, hurried):
    brain = Paced()
    brain.hold("anna", "ben")
    first = hired(mana, brain, concurrency=2)
    async with at_work(first):
        await until(lambda: len(brain.entered) == 2)
        if hurried:
            first.duty.draining.over.set()
        drained = await first.duty.drain(60 if hurried else 0)
    assert (drained.finished, drained.released) == (0, 2)
    assert [row["status"] for row in await mana.rows("ticks")] == ["waiting"] * 2
    [run] = await first.ledger.runs()
    assert (run.status, run.reason) == ("stopped", "2 ticks were left")
    brain.free("anna")
    brain.free("ben")
    async with at_work(hired(mana, brain, holder="two")) as second:
        await second.looked()
    ticks = await mana.rows("ticks")
    assert [row["status"] for row in ticks] == ["done"] * 3
    assert sorted(row["attempt"] for row in ticks) == [1, 2, 2]
    assert len(await mana.rows("persona_actions")) == 3


async def test_what_a_killed_runner_had_begun_is_finished_when_its_lease_is_over(mana):
    left = await crashed(mana, ANNA)
    brain = Paced()
    async with at_work(hired(mana, brain, holder="two", seed=99)) as service:
        await service.looked()
        assert {slug for slug, _ in brain.entered} == {"ben", "maya"}
        assert service.is_patient  # it looks again when the lease is over, not in a minute
        await service.move(seconds=30)
        assert [slug for slug, _ in brain.entered][2:] == ["anna"]
        await service.move(seconds=60)
        assert len(brain.entered) == 3
    [row] = [each for each in await mana.rows("ticks") if each["id"] == left.id]
    assert (row["status"], row["attempt"], row["run_id"]) == ("done", 2, left.run_id)
    actions = await mana.rows("persona_actions")
    assert [each["run_id"] for each in actions].count(left.run_id) == 1


async def test_what_was_done_is_not_done_again_when_only_its_end_was_missing(mana):
    left = await crashed(mana, ANNA)
    await mana.identity.record_tick(SERVICE_KEY, left.persona_id, left.id, left.scheduled_at)
    mana.clock.move_to(mana.clock.now() + timedelta(seconds=31))
    brain = Paced()
    async with at_work(hired(mana, brain, holder="two")) as service:
        await service.looked()
    assert await service.ticks() == [("anna", "done"), ("ben", "done"), ("maya", "done")]
    assert len(await mana.rows("persona_actions")) == 3


async def test_a_tick_that_another_brain_had_begun_is_given_up(mana):
    left = await crashed(mana, ANNA, "other")
    mana.clock.move_to(mana.clock.now() + timedelta(seconds=31))
    brain = Paced()
    async with at_work(hired(mana, brain, holder="two")) as service:
        await service.looked()
        [row] = [each for each in await mana.rows("ticks") if each["id"] == left.id]
        assert (row["status"], row["failed_step"]) == ("failed", "prepare")
        assert "another one took over" in row["error"]
        assert "anna" not in brain.left
        await service.move(hours=2)
    assert "anna" in brain.left


@pytest.mark.slow
async def test_two_runners_share_the_work_and_live_each_tick_once(mana, home):
    brain = Paced()
    async with (
        await Store.open(home.url("shared"), METADATA) as here,
        await Store.open(home.url("shared"), METADATA) as there,
    ):
        one = hired(mana, brain, holder="one", store=here)
        two = hired(mana, brain, holder="two", store=there)
        await share(one, two)
        runs = await one.ledger.runs()
    assert [run.status for run in runs] == ["done", "done"]
    assert sum(run.ticks for run in runs) == len(brain.entered) == 12
    actions = await mana.rows("persona_actions")
    assert len(actions) == 12
    assert len({(each["persona_id"], each["occurred_at"]) for each in actions}) == 12


async def test_a_runner_leaves_the_run_of_another_that_lives_and_ends_that_of_one_that_died(mana):
    brain = Paced()
    dead = Ledger(mana.ledger_store, Holder("dead"), wall_clock=mana.clock)
    now = mana.clock.now()
    plan = RunPlan(5, "paced", None, now, now + timedelta(minutes=1))
    left = await dead.begin_run(plan)
    mana.clock.move_to(now + timedelta(seconds=29))
    alive = await Ledger(mana.ledger_store, Holder("alive"), wall_clock=mana.clock).begin_run(plan)
    mana.clock.move_to(now + timedelta(seconds=31))
    async with at_work(hired(mana, brain, holder="two")) as service:
        await service.looked()
        rows = {row["id"]: (row["status"], row["reason"]) for row in await mana.rows("runs")}
    assert rows[left] == ("stopped", "its runner ended; another one goes on")
    assert rows[alive] == ("running", None)


async def share(one, two):
    """Have two runners work on the same personas for three hours."""
    async with at_work(one), at_work(two):
        await one.looked()
        await two.looked()
        for _ in range(3):
            looks = one.looks, two.looks
            one.waits.move(hours=1)
            two.waits.move(hours=0)
            await one.looked(looks[0])
            await two.looked(looks[1])


@pytest.mark.slow
async def test_identity_that_is_down_costs_a_look_and_no_more(mana, caplog):
    brain = Paced()
    mana.identity_service.refuse = lambda _scope: PlainTextResponse("down", 503)
    async with at_work(hired(mana, brain)) as service:
        await service.looked()
        assert brain.entered == []
        assert service.count("looks_total", outcome="failed") == 1
        mana.identity_service.refuse = lambda _scope: None
        await service.move(minutes=1)
        assert len(brain.left) == 3
    assert "it cannot be seen who is due" in caplog.text


async def test_a_tick_whose_end_nobody_told_identity_is_told_later(mana, caplog):
    ended = await crashed(mana, ANNA)
    await Ledger(mana.ledger_store, Holder("dead")).close_tick(ended.id, TickOutcome())
    mana.identity_service.refuse = lambda scope: (
        PlainTextResponse("down", 503) if scope["path"].endswith("/ticks") else None
    )
    brain = Paced()
    async with at_work(hired(mana, brain, concurrency=1)) as service:
        await until(lambda: "a tick goes on later: service-unavailable" in caplog.text)
        mana.identity_service.refuse = lambda _scope: None
        await service.looked()
        await service.move(minutes=1)
        assert "anna" not in brain.left
        await service.move(hours=1)
        assert "anna" in brain.left


async def test_a_run_that_is_deleted_under_it_does_not_end_the_runner(mana, caplog):
    async with at_work(hired(mana, Paced())) as service:
        await service.looked()
        runs = METADATA.tables["runs"]
        await mana.ledger_store.write(lambda connection: connection.execute(delete(runs)).rowcount)
        await service.move(hours=1)
        assert "a tick goes on later" in caplog.text
        assert service.count("ticks_total", status="done") == 3
        assert service.looks == 2


async def test_a_ledger_that_is_gone_at_the_end_is_told_in_the_log(mana, caplog):
    async with at_work(hired(mana, Paced())) as service:
        await service.looked()
        await mana.ledger_store.close()
        await service.duty.drain(0)
        assert not [seconds for seconds in service.waits.waiting if seconds < 30]
    assert "the ledger was not told of the end" in caplog.text


async def test_money_that_is_spent_pauses_the_runner_and_leaves_the_tick_open(mana):
    brain = Paced(costs=Usage(1, 100, 10, Decimal("0.40")))
    service = hired(mana, brain, concurrency=1, budget=Budget.of("1.00"))
    async with at_work(service):
        await until(lambda: service.duty.paused)
        await until(lambda: not service.duty.under_way)
        assert len(brain.left) == 3
        assert "raise it to go on" in service.duty.paused_because
        assert sorted(status for _, status in await service.ticks()) == ["done", "done", "running"]
        service.waits.move(minutes=1)
        await until(lambda: service.duty.waiting == 1)
        assert service.count("cost_usd_total") == 0.8
    [run] = await service.ledger.runs()
    assert (run.status, run.open_ticks, run.usage.cost_usd) == ("stopped", 1, Decimal("0.80"))
    assert run.reason == service.duty.paused_because


async def test_a_language_model_plays_in_the_service_too(mana):
    mind = Mind()
    async with at_work(hired(mana, mind.brain)) as service:
        await service.looked()
        assert [status for _, status in await service.ticks()] == ["done"] * 3
        assert service.count("model_requests_total") == mind.asked == 12
        assert service.count("tokens_total", direction="output") == 600
    actions = await mana.rows("persona_actions")
    assert sorted(each["tool_name"] for each in actions) == ["todo.create"] * 3 + ["todo.list"] * 3
    assert {each["rating"] for each in await mana.rows("persona_feedback")} == {4}


async def test_a_persona_that_was_deleted_ends_their_tick_as_failed(mana):
    left = await crashed(mana, ANNA)
    token = (await mana.identity.login(ADMIN.email, ADMIN.password)).access_token
    await mana.identity.delete_persona(token, left.persona_id)
    mana.clock.move_to(mana.clock.now() + timedelta(seconds=31))
    async with at_work(hired(mana, Paced(), holder="two")) as service:
        await service.looked()
    [row] = [each for each in await mana.rows("ticks") if each["id"] == left.id]
    assert (row["status"], row["error"].split(":")[0]) == ("failed", "unknown-persona")


async def test_a_record_that_is_unusable_fails_one_tick_and_nobody_elses(mana):
    personas = identity_server.METADATA.tables["personas"]
    hers = personas.c.user_id == await id_of(mana, ANNA)
    change = update(personas).where(hers).values(timezone="Mars/Olympus")
    await mana.identity_store.write(lambda connection: connection.execute(change).rowcount)
    async with at_work(hired(mana, Paced())) as service:
        await service.looked()
        assert service.count("ticks_total", status="failed") == 1
        assert service.count("ticks_total", status="done") == 2
        [row] = [each for each in await mana.rows("ticks") if each["status"] == "failed"]
        assert (row["persona_email"], row["failed_step"]) == (ANNA.email, "prepare")
        assert "timezone" in row["error"]


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, True, 1.0])
async def test_a_seed_that_the_ledger_cannot_keep_is_refused(mana, seed):
    with pytest.raises(InvalidInputError, match="64 bits"):
        hired(mana, Paced(), seed=seed)
