import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import LeaseLostError, NotFoundError
from mana_lab.runner.claims import LEASE, EndedTick, Holder, LeftTick, OpenTick, Wanted
from mana_lab.runner.ledger import METADATA, Ledger, TickOutcome
from mana_lab.runner.ledger_tables import TICKS
from mana_lab.runner.run import RunPlan
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
    return Ledger(store, Holder("one"), wall_clock=clock)


@pytest.fixture
def other(store, clock):
    return Ledger(store, Holder("other"), wall_clock=clock)


def plan(starts_at=SIMULATION_EPOCH, seed=7, **given):
    return RunPlan(seed, "scripted", None, starts_at, starts_at + DAY, **given)


def wanted(run, email=ANNA, at=SIMULATION_EPOCH, *, active_at=None, brain="scripted"):
    return Wanted(run, email, f"id of {email}", at, active_at, brain)


async def tick_of(ledger, run, email=ANNA, at=SIMULATION_EPOCH, **given):
    """Return the next tick, which follows from whatever was before."""
    opened = await ledger.claim(wanted(run, email, at, active_at=at - DAY, **given))
    assert isinstance(opened, OpenTick)
    return opened


async def statuses(store):
    query = select(TICKS.c.number, TICKS.c.status).order_by(TICKS.c.number)
    return await store.read(lambda connection: dict(connection.execute(query).all()))


async def test_a_run_adds_up_its_ticks(ledger):
    run = await ledger.begin_run(plan())
    first = await tick_of(ledger, run)
    await ledger.close_tick(first.id, TickOutcome(calls=4, errors=1, skipped_modules={"mood": 2}))
    second = await tick_of(ledger, run, at=SIMULATION_EPOCH + DAY)
    failure = TickOutcome(
        calls=1, errors=1, skipped_modules={"mood": 1}, failed_step="rate", error="no"
    )
    await ledger.close_tick(second.id, failure)
    third = await tick_of(ledger, run, BEN)
    await ledger.close_tick(third.id, TickOutcome(gave_up="todo.create failed 3 times"))
    await tick_of(ledger, run, BEN, SIMULATION_EPOCH + DAY)
    await ledger.set_status(run, "stopped", "by hand")

    found = await ledger.run(run)
    assert (found.ticks, found.failed_ticks, found.calls, found.errors) == (4, 1, 5, 2)
    assert (found.abandoned_ticks, found.open_ticks) == (1, 1)
    assert found.skipped_modules == {"mood": 3}
    assert (found.status, found.reason) == ("stopped", "by hand")
    assert await ledger.runs() == [found]


async def test_ids_follow_from_the_count_of_runs_the_seed_and_the_start(ledger):
    first = await ledger.begin_run(plan())
    second = await ledger.begin_run(plan(SIMULATION_EPOCH + DAY))
    assert first == run_id(1, 7, SIMULATION_EPOCH)
    assert second == run_id(2, 7, SIMULATION_EPOCH + DAY)
    assert (await tick_of(ledger, second)).id == tick_id(second, ANNA, 1)


async def test_a_run_remembers_what_it_set_out_to_do(ledger):
    for given in (
        plan(),
        plan(participants=frozenset({ANNA, BEN})),
        plan(participants=frozenset()),
    ):
        assert await ledger.plan(await ledger.begin_run(given)) == given


async def test_tick_numbers_and_simulated_time_go_on_after_reopening(home):
    url = home.url("ledger")
    middle, later = SIMULATION_EPOCH + DAY / 2, SIMULATION_EPOCH + DAY
    async with await Store.open(url, METADATA) as store:
        ledger = Ledger(store, Holder("one"))
        assert await ledger.reached_at() is None
        run = await ledger.begin_run(plan())
        assert await ledger.progress(run) is None
        assert (await tick_of(ledger, run)).number == 1
        assert (await tick_of(ledger, run, BEN)).number == 1
        await ledger.reach(run, middle)
        await ledger.set_status(run, "done")
    async with await Store.open(url, METADATA) as store:
        ledger = Ledger(store, Holder("two"))
        assert await ledger.reached_at() == middle
        run = await ledger.begin_run(plan(middle))
        assert (await tick_of(ledger, run, at=later)).number == 2
        assert await ledger.progress(run) == later
    async with await Store.open(url, METADATA) as store:
        assert await Ledger(store, Holder("three")).reached_at() == later


async def test_one_tick_follows_from_one_moment_however_many_know_of_it(ledger, other):
    run = await ledger.begin_run(plan())
    mine = await ledger.claim(wanted(run))
    assert (mine.number, mine.attempt) == (1, 1)
    assert await other.claim(wanted(run)) is None
    await ledger.close_tick(mine.id, TickOutcome())
    assert await other.claim(wanted(run)) == EndedTick(mine.id, SIMULATION_EPOCH)


async def test_nobody_has_two_ticks_at_a_time(ledger, other):
    run = await ledger.begin_run(plan())
    await tick_of(ledger, run)
    assert await other.claim(wanted(run, active_at=SIMULATION_EPOCH)) is None
    assert isinstance(await other.claim(wanted(run, BEN)), OpenTick)


async def test_a_lease_that_nobody_renews_ends_and_the_tick_is_anothers(ledger, other, clock):
    run = await ledger.begin_run(plan())
    tick = await ledger.claim(wanted(run))
    clock.advance(LEASE * 0.9)
    assert await ledger.renew() == 1
    clock.advance(LEASE * 0.9)
    assert await other.waiting() == []
    assert await other.take(tick.id) is None
    clock.advance(LEASE * 0.1)
    assert await other.waiting(run) == [tick.id]
    taken = await other.take(tick.id)
    assert (taken.id, taken.number, taken.attempt) == (tick.id, 1, 2)
    assert await ledger.renew() == 0
    with pytest.raises(LeaseLostError):
        await ledger.close_tick(tick.id, TickOutcome(calls=9))
    await other.close_tick(tick.id, TickOutcome(calls=3))
    assert (await ledger.run(run)).calls == 3
    with pytest.raises(LeaseLostError):
        await other.close_tick(tick.id, TickOutcome(calls=3))


async def test_who_is_alone_takes_at_once_what_a_dead_process_had(ledger, store, clock):
    run = await ledger.begin_run(plan())
    tick = await ledger.claim(wanted(run))
    after = Ledger(store, Holder("restarted", alone=True), wall_clock=clock)
    assert await after.interrupted() == [run]
    taken = await after.claim(wanted(run))
    assert (taken.id, taken.attempt) == (tick.id, 2)
    assert await after.waiting() == []


async def test_a_run_without_open_ticks_was_interrupted_too_if_nobody_else_is_there(
    ledger, store, clock
):
    run = await ledger.begin_run(plan())
    assert await ledger.interrupted() == []
    assert await Ledger(store, Holder("restarted", alone=True)).interrupted() == [run]
    del clock


async def test_a_run_whose_runner_lives_is_nobody_elses(ledger, other, clock):
    run = await ledger.begin_run(plan())
    tick = await tick_of(ledger, run)
    await ledger.release(tick.id)
    assert await other.interrupted() == []
    clock.advance(LEASE.total_seconds() - 1)
    await ledger.renew()
    clock.advance(LEASE.total_seconds() - 1)
    assert await other.interrupted() == []
    clock.advance(1)
    assert await other.interrupted() == [run]


async def test_a_run_whose_runner_died_between_two_ticks_was_interrupted(ledger, other, clock):
    run = await ledger.begin_run(plan())
    await ledger.close_tick((await tick_of(ledger, run)).id, TickOutcome())
    clock.advance(LEASE.total_seconds())
    assert await other.interrupted() == [run]
    await other.set_status(run, "running")
    assert await ledger.interrupted() == []
    await other.set_status(run, "done")
    clock.advance(LEASE.total_seconds())
    assert await ledger.interrupted() == []


async def test_who_works_on_a_tick_keeps_its_run_though_another_began_it(ledger, other, clock):
    run = await ledger.begin_run(plan())
    third = await tick_of(other, run)
    for _ in range(3):
        clock.advance(LEASE.total_seconds() - 1)
        await other.renew()
        assert await ledger.interrupted() == []
    await other.close_tick(third.id, TickOutcome())


async def test_a_run_whose_shards_are_still_to_be_lived_was_not_interrupted(ledger, other, clock):
    run = await ledger.begin_run(plan())
    await ledger.begin_shards(run, 2)
    await ledger.release((await tick_of(ledger, run)).id)
    clock.advance(LEASE.total_seconds())
    assert await other.interrupted() == []
    for number in (1, 2):
        await ledger.end_shard(run, number, "stopped", "by hand")
    assert await other.interrupted() == [run]


async def test_what_is_released_waits_for_anybody(ledger, other, store):
    run = await ledger.begin_run(plan())
    done = await tick_of(ledger, run)
    await ledger.close_tick(done.id, TickOutcome())
    await tick_of(ledger, run, at=SIMULATION_EPOCH + DAY)
    await ledger.set_status(run, "failed", "identity is down")
    assert await statuses(store) == {1: "done", 2: "waiting"}
    [waiting] = await other.waiting()
    assert (await other.take(waiting)).attempt == 2
    assert (await ledger.run(run)).status == "failed"


async def test_giving_a_run_up_ends_what_waits(ledger, store):
    run = await ledger.begin_run(plan())
    await tick_of(ledger, run)
    await ledger.set_status(run, "stopped")
    await ledger.give_up(run, TickOutcome(failed_step="prepare", error="interrupted"))
    assert await statuses(store) == {1: "failed"}
    assert await ledger.interrupted() == []


async def test_what_a_brain_kept_is_told_to_the_same_brain_in_the_next_tick(ledger):
    run = await ledger.begin_run(plan())

    async def live(number, outcome, **given):
        tick = await tick_of(ledger, run, at=SIMULATION_EPOCH + number * DAY, **given)
        await ledger.close_tick(tick.id, outcome)
        return tick.past

    assert await live(1, TickOutcome(kept={"open": ["a"]})) == {}
    assert await live(2, TickOutcome(failed_step="use", error="no")) == {"open": ["a"]}
    assert await live(3, TickOutcome(kept={"diary": []}), brain="model") == {}
    assert await live(4, TickOutcome(gave_up="enough", kept={"open": []})) == {"open": ["a"]}
    assert await live(5, TickOutcome()) == {"open": []}
    assert await live(6, TickOutcome(), brain="model") == {"diary": []}


async def test_a_tick_that_is_done_again_is_told_the_same(ledger):
    run = await ledger.begin_run(plan())
    first = await tick_of(ledger, run)
    await ledger.close_tick(first.id, TickOutcome(kept={"n": 1}))
    second = await tick_of(ledger, run, at=SIMULATION_EPOCH + DAY)
    await ledger.set_status(run, "stopped")
    assert (await ledger.take(second.id)).past == second.past == {"n": 1}


async def test_an_unknown_run_is_not_found(ledger):
    for look in (ledger.run, ledger.plan):
        with pytest.raises(NotFoundError):
            await look("none")


@pytest.mark.parametrize(
    "change",
    [
        {"status": "lost"},
        {"status": "waiting"},
        {"holder": None},
        {"number": 0},
        {"attempt": 0},
        {"errors": 3},
        {"errors": -1},
        {"cost_nano_usd": -1},
    ],
    ids=str,
)
async def test_the_tables_refuse_what_cannot_be(ledger, store, change):
    run = await ledger.begin_run(plan())
    tick = await tick_of(ledger, run)
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
        brain="scripted",
    )
    with pytest.raises(IntegrityError):
        await store.write(lambda connection: connection.execute(orphan))


async def test_runs_that_begin_at_once_have_numbers_of_their_own(home, ledger, other):
    async with await Store.open(home.url("ledger"), METADATA) as elsewhere:
        third = Ledger(elsewhere, Holder("third"))
        begun = [each.begin_run(plan()) for each in (ledger, other, third) for _ in range(4)]
        runs = await asyncio.gather(*begun)
        assert [run.id for run in await third.runs()] == [
            run_id(ordinal, 7, SIMULATION_EPOCH) for ordinal in range(1, 13)
        ]
    assert len(set(runs)) == 12


async def test_a_run_without_an_end_of_its_own_is_extended(ledger):
    run = await ledger.begin_run(plan())
    await ledger.extend(run, SIMULATION_EPOCH + DAY, SIMULATION_EPOCH + 2 * DAY)
    assert (await ledger.run(run)).ends_at == SIMULATION_EPOCH + 2 * DAY
    assert await ledger.reached_at() == SIMULATION_EPOCH + DAY


async def test_one_tick_is_released_and_the_others_are_kept(ledger, other):
    run = await ledger.begin_run(plan())
    anna, ben = await tick_of(ledger, run), await tick_of(ledger, run, BEN)
    await other.release(anna.id)
    assert await other.left() == []
    await ledger.release(anna.id)
    assert await other.left() == [LeftTick(anna.id, ANNA)]
    await ledger.close_tick(ben.id, TickOutcome())
    with pytest.raises(LeaseLostError):
        await ledger.close_tick(anna.id, TickOutcome())
    assert await ledger.is_well()
