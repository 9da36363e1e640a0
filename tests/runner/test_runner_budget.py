from datetime import timedelta
from decimal import Decimal

import pytest

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import BudgetExhaustedError, InvalidInputError, LeaseLostError
from mana_lab.runner.budget import Budget, Limits
from mana_lab.runner.claims import Holder, Wanted
from mana_lab.runner.ledger import METADATA, Ledger, TickOutcome
from mana_lab.runner.meter import Usage
from mana_lab.runner.run import RunPlan
from mana_lab.storage import Store

DAY = timedelta(days=1)
CENT = Decimal("0.01")


@pytest.fixture
async def store(home):
    async with await Store.open(home.url("ledger"), METADATA) as opened:
        yield opened


@pytest.fixture
def ledger(store, clock):
    return Ledger(store, Holder("one"), wall_clock=clock)


@pytest.fixture
async def run(ledger):
    return await ledger.begin_run(
        RunPlan(7, "model", "m", SIMULATION_EPOCH, SIMULATION_EPOCH + 9 * DAY)
    )


async def tick_of(ledger, run, name="anna", number=1):
    moment = SIMULATION_EPOCH + number * DAY
    return await ledger.claim(
        Wanted(run, f"persona.{name}@mana.test", name, moment, moment, "model", "m")
    )


async def use(meter, usage):
    await meter.reserve(usage)
    await meter.settle(usage)


async def test_what_is_used_adds_up_in_the_run(ledger, run):
    meter = ledger.meter(await tick_of(ledger, run), Budget())
    await use(meter, Usage(1, 100, 20, CENT))
    await use(meter, Usage(1, 50, 5, Decimal("0.000000001")))
    other = ledger.meter(await tick_of(ledger, run, "ben"), Budget())
    await use(other, Usage(1, 1, 1, CENT))
    assert (await ledger.run(run)).usage == Usage(3, 151, 26, 2 * CENT + Decimal("0.000000001"))


@pytest.mark.parametrize(
    "limits",
    [Limits(requests=2), Limits(tokens=250), Limits(cost_usd=CENT * 2)],
    ids=["requests", "tokens", "money"],
)
@pytest.mark.parametrize("scope", ["tick", "persona", "run"])
async def test_a_limit_is_reached_and_never_passed(ledger, run, limits, scope):
    request = Usage(1, 100, 20, CENT)
    budget = Budget(**{scope: limits})
    places = {
        "tick": [("anna", 1)] * 3,
        "persona": [("anna", 1), ("anna", 1), ("anna", 2)],
        "run": [("anna", 1), ("anna", 2), ("ben", 1)],
    }
    open_ticks = {}
    for name, number in places[scope]:
        if (name, number) not in open_ticks:
            if earlier := open_ticks.pop((name, number - 1), None):
                await ledger.close_tick(earlier.id, TickOutcome())
            open_ticks[name, number] = await tick_of(ledger, run, name, number)
        meter = ledger.meter(open_ticks[name, number], budget)
        if (await ledger.run(run)).usage.requests < 2:
            await use(meter, request)
    with pytest.raises(BudgetExhaustedError, match="raise it to go on") as refused:
        await meter.reserve(request)
    assert refused.value.scope == scope
    assert (await ledger.run(run)).usage.requests == 2


async def test_limits_of_one_tick_or_persona_are_not_those_of_others(ledger, run):
    budget = Budget(tick=Limits(requests=1), persona=Limits(requests=1))
    for name in ("anna", "ben"):
        await use(ledger.meter(await tick_of(ledger, run, name), budget), Usage(1, 1, 1))


async def test_what_is_held_for_a_request_counts_until_it_is_known(ledger, run):
    budget = Budget.of("0.05")
    first = ledger.meter(await tick_of(ledger, run), budget)
    second = ledger.meter(await tick_of(ledger, run, "ben"), budget)
    await first.reserve(Usage(1, 0, 0, CENT * 4))
    with pytest.raises(BudgetExhaustedError, match=r"to 0\.06 US dollars, and 0\.05 is the limit"):
        await second.reserve(Usage(1, 0, 0, CENT * 2))
    await first.settle(Usage(1, 0, 0, CENT))
    await second.reserve(Usage(1, 0, 0, CENT * 2))


async def test_what_a_dead_runner_held_counts_as_used(ledger, run, store):
    tick = await tick_of(ledger, run)
    await ledger.meter(tick, Budget.of(1)).reserve(Usage(1, 70, 7, CENT))
    after = Ledger(store, Holder("restarted", alone=True))
    assert (await after.take(tick.id)).attempt == 2
    used = (await after.run(run)).usage
    assert (used.tokens, used.cost_usd) == (77, CENT)


async def test_who_lost_a_tick_holds_nothing_more_for_it_and_frees_nothing(
    ledger, run, store, clock
):
    budget = Budget.of("0.10")
    tick = await tick_of(ledger, run)
    lost = ledger.meter(tick, budget)
    await lost.reserve(Usage(1, 0, 0, CENT * 2))
    clock.advance(31)
    after = Ledger(store, Holder("two"), wall_clock=clock)
    mine = after.meter(await after.take(tick.id), budget)
    await mine.reserve(Usage(1, 0, 0, CENT * 3))
    await lost.settle(Usage(1, 0, 0, CENT))
    with pytest.raises(LeaseLostError, match="another runner's"):
        await lost.reserve(Usage(1, 0, 0, CENT))
    with pytest.raises(BudgetExhaustedError, match=r"to 0\.11 US dollars"):
        await after.meter(await tick_of(after, run, "ben"), budget).reserve(
            Usage(1, 0, 0, CENT * 6)
        )
    await mine.settle(Usage(1, 0, 0, CENT * 3))
    assert (await after.run(run)).usage == Usage(2, 0, 0, CENT * 5)


async def test_who_lost_a_tick_without_limits_still_counts_what_was_taken(
    ledger, run, store, clock
):
    tick = await tick_of(ledger, run)
    lost = ledger.meter(tick, Budget())
    await lost.reserve(Usage(1, 0, 0, CENT * 2))
    clock.advance(31)
    await Ledger(store, Holder("two"), wall_clock=clock).take(tick.id)
    await lost.settle(Usage(1, 5, 5, CENT))
    assert (await ledger.run(run)).usage == Usage(1, 5, 5, CENT)


@pytest.mark.parametrize(
    "given", [0, -1, "nan", "inf", "-0.01", float("nan")], ids=[*"abcd", "cent", "nan"]
)
def test_a_budget_is_above_zero(given):
    with pytest.raises(InvalidInputError, match="must be above 0"):
        Budget.of(given)


@pytest.mark.parametrize("given", ["much", "", "1,5", object()], ids=["word", "none", "comma", "o"])
def test_a_budget_is_a_number(given):
    with pytest.raises(InvalidInputError, match="a number of US dollars"):
        Budget.of(given)


def test_a_number_is_the_runs_money():
    assert Budget.of(1.5) == Budget(run=Limits(cost_usd=Decimal("1.5")))
    assert Budget.of(None).scopes() == []
    exact = Budget(tick=Limits(tokens=5))
    assert Budget.of(exact) is exact
