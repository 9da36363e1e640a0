"""A flow that several processes share: together they never make more requests than one would."""

import asyncio

import pytest

from mana_lab.runner import METADATA
from mana_lab.runner.models import SharedFlow
from mana_lab.storage import Store


@pytest.fixture
async def store(home):
    async with await Store.open(home.url("ledger"), METADATA) as opened:
        yield opened


@pytest.fixture
def flow(store, clock):
    async def pause(seconds):
        clock.advance(seconds)
        await asyncio.sleep(0)

    def of(holder, **other):
        limits = {"start": 8, "most": 100} | other
        return SharedFlow(store, "anthropic", holder, clock=clock, pause=pause, **limits)

    return of


async def once(flow, outcome="answered", **other):
    await flow.leave(await flow.enter(), outcome, **other)


async def looks(clock, *flows):
    """Have each of them look at the store again."""
    clock.advance(2)
    for each in flows:
        await once(each, "failed")


async def test_one_process_takes_all_and_two_share(flow, clock):
    first, second = flow("a"), flow("b")
    await once(first, "failed")
    assert first.limit == 8
    await once(second, "failed")
    await looks(clock, first)
    assert (first.limit, second.limit) == (4, 4)


@pytest.mark.parametrize(("limit", "shares"), [(8, [3, 3, 2]), (1, [1, 1, 1]), (3, [1, 1, 1])])
async def test_all_shares_together_are_the_limit_and_nobody_has_none(flow, clock, limit, shares):
    flows = [flow(name, start=limit) for name in "abc"]
    for _ in range(2):
        await looks(clock, *flows)
    assert [each.limit for each in flows] == shares


async def test_who_is_gone_leaves_the_share_to_the_others(flow, clock):
    first, second = flow("a"), flow("b")
    await looks(clock, first, second)
    await looks(clock, first)
    assert first.limit == 4
    clock.advance(180)
    await once(first, "failed")
    assert first.limit == 4
    clock.advance(40)
    await once(first, "failed")
    assert first.limit == 8


async def test_a_refusal_slows_everybody_down_once(flow, clock):
    first, second = flow("a"), flow("b")
    await looks(clock, first, second)
    tickets = [await first.enter() for _ in range(3)]
    for ticket in tickets:
        await first.leave(ticket, "refused")
    await looks(clock, first, second)
    assert (first.limit, second.limit) == (2, 2)


async def test_while_the_provider_wants_none_nobody_makes_a_request(flow, clock):
    first, second = flow("a"), flow("b")
    await looks(clock, first, second)
    await first.leave(await first.enter(), "refused", retry_after_s=30.0)
    told = clock.now()
    clock.advance(2)
    await once(second, "failed")
    assert (clock.now() - told).total_seconds() >= 30


async def test_answers_of_all_raise_the_limit(flow, clock):
    first, second = flow("a", start=2), flow("b", start=2)
    for _ in range(4):
        for each in (first, second):
            await once(each)
        await looks(clock, first, second)
    assert first.limit + second.limit > 2


async def test_no_more_than_the_share_are_under_way_and_a_place_that_is_given_up_is_free(flow):
    only = flow("a", start=2)
    tickets = [await only.enter() for _ in range(2)]
    third = asyncio.create_task(only.enter())
    fourth = asyncio.create_task(only.enter())
    for _ in range(50):
        await asyncio.sleep(0)
    assert (only.in_flight, third.done(), fourth.done()) == (2, False, False)
    third.cancel()
    await only.leave(tickets[0], "failed")
    await fourth
    assert only.in_flight == 2
