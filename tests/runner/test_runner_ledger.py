from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import NotFoundError
from mana_lab.runner.ledger import METADATA, Ledger, TickOutcome
from mana_lab.runner.ledger_tables import TICKS
from mana_lab.runner.schedule import run_id, tick_id
from mana_lab.storage import Store

ANNA = "persona.anna@mana.test"
BEN = "persona.ben@mana.test"
DAY = timedelta(days=1)


@pytest.fixture
async def store(home):
    async with await Store.open(home.url("ledger"), METADATA) as opened:
        yield opened


@pytest.fixture
def ledger(store, clock):
    return Ledger(store, wall_clock=clock)


async def begin(ledger, starts_at=SIMULATION_EPOCH, seed=7):
    return await ledger.begin_run(
        seed=seed, brain="scripted", model=None, starts_at=starts_at, ends_at=starts_at + DAY
    )


async def statuses(store):
    query = select(TICKS.c.number, TICKS.c.status).order_by(TICKS.c.number)
    return await store.read(lambda connection: dict(connection.execute(query).all()))


async def test_a_run_adds_up_its_ticks(ledger):
    run = await begin(ledger)
    tick = await ledger.open_tick(run, ANNA, "u1", SIMULATION_EPOCH)
    await ledger.close_tick(tick.id, TickOutcome(calls=4, errors=1, skipped_modules={"mood": 2}))
    tick = await ledger.open_tick(run, ANNA, "u1", SIMULATION_EPOCH)
    failure = TickOutcome(
        calls=1, errors=1, skipped_modules={"mood": 1}, failed_step="rate", error="no"
    )
    await ledger.close_tick(tick.id, failure)
    await ledger.finish_run(run, "done")

    found = await ledger.run(run)
    assert (found.ticks, found.failed_ticks, found.calls, found.errors) == (2, 1, 5, 2)
    assert found.skipped_modules == {"mood": 3}
    assert found.status == "done"
    assert await ledger.runs() == [found]


async def test_ids_follow_from_the_count_of_runs_the_seed_and_the_start(ledger):
    first = await begin(ledger)
    second = await begin(ledger, SIMULATION_EPOCH + DAY)
    assert first == run_id(1, 7, SIMULATION_EPOCH)
    assert second == run_id(2, 7, SIMULATION_EPOCH + DAY)
    tick = await ledger.open_tick(second, ANNA, "u1", SIMULATION_EPOCH)
    assert tick.id == tick_id(second, ANNA, 1)


async def test_tick_numbers_and_simulated_time_go_on_after_reopening(home):
    url = home.url("ledger")
    async with await Store.open(url, METADATA) as store:
        ledger = Ledger(store)
        assert await ledger.reached_at() is None
        run = await begin(ledger)
        assert (await ledger.open_tick(run, ANNA, "u1", SIMULATION_EPOCH)).number == 1
        assert (await ledger.open_tick(run, BEN, "u2", SIMULATION_EPOCH)).number == 1
        await ledger.reach(run, SIMULATION_EPOCH + DAY / 2)
    async with await Store.open(url, METADATA) as store:
        ledger = Ledger(store)
        assert await ledger.reached_at() == SIMULATION_EPOCH + DAY / 2
        run = await begin(ledger, SIMULATION_EPOCH + DAY / 2)
        later = SIMULATION_EPOCH + DAY
        assert (await ledger.open_tick(run, ANNA, "u1", later)).number == 2
    async with await Store.open(url, METADATA) as store:
        assert await Ledger(store).reached_at() == later


async def test_what_a_killed_process_left_open_is_abandoned(ledger, store):
    killed = await begin(ledger)
    await ledger.open_tick(killed, ANNA, "u1", SIMULATION_EPOCH)
    await begin(ledger)
    assert [run.status for run in await ledger.runs()] == ["abandoned", "running"]
    assert await statuses(store) == {1: "abandoned"}


async def test_finishing_a_run_abandons_the_ticks_that_are_still_open(ledger, store):
    run = await begin(ledger)
    done = await ledger.open_tick(run, ANNA, "u1", SIMULATION_EPOCH)
    await ledger.close_tick(done.id, TickOutcome())
    await ledger.open_tick(run, ANNA, "u1", SIMULATION_EPOCH)
    await ledger.finish_run(run, "failed")
    assert await statuses(store) == {1: "done", 2: "abandoned"}
    assert (await ledger.run(run)).status == "failed"


async def test_an_unknown_run_is_not_found(ledger):
    with pytest.raises(NotFoundError):
        await ledger.run("none")


@pytest.mark.parametrize(
    "change", [{"status": "lost"}, {"number": 0}, {"errors": 3}, {"errors": -1}], ids=str
)
async def test_the_tables_refuse_what_cannot_be(ledger, store, change):
    run = await begin(ledger)
    tick = await ledger.open_tick(run, ANNA, "u1", SIMULATION_EPOCH)
    statement = update(TICKS).where(TICKS.c.id == tick.id).values(**change)
    with pytest.raises(IntegrityError):
        await store.write(lambda connection: connection.execute(statement))


async def test_a_tick_belongs_to_a_run(store):
    orphan = insert(TICKS).values(
        id="t",
        run_id="none",
        persona_email=ANNA,
        persona_id="u1",
        number=1,
        scheduled_at=SIMULATION_EPOCH,
        status="done",
    )
    with pytest.raises(IntegrityError):
        await store.write(lambda connection: connection.execute(orphan))
