"""How many requests a provider gets, and how often a failed one is made again."""

import asyncio
from random import Random

import pytest

from mana_lab.clock import ManualClock
from mana_lab.errors import InvalidInputError, ProviderUnavailableError
from mana_lab.runner.models.flow import LocalFlow
from mana_lab.runner.models.pace import Pace, TryAgainError


class Waiting:
    """Waits by moving a clock."""

    def __init__(self):
        self.clock = ManualClock()
        self.waited = []

    async def __call__(self, seconds):
        self.waited.append(seconds)
        self.clock.advance(seconds)


def flow(**options):
    waiting = Waiting()
    return LocalFlow(clock=waiting.clock, pause=waiting, **options), waiting


async def settled():
    """Let all that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_answers_raise_the_limit_by_one_a_round():
    line, _ = flow(start=2, most=4)
    for limit in (2, 2, 2, 3, 3, 3, 4, 4, 4, 4):
        assert line.limit == limit
        await line.leave(await line.enter(), "answered")
    assert line.in_flight == 0


async def test_a_refusal_halves_the_limit_once_for_all_that_were_under_way():
    line, _ = flow(start=8)
    tickets = [await line.enter() for _ in range(8)]
    for ticket in tickets:
        await line.leave(ticket, "refused")
    assert line.limit == 4
    await line.leave(await line.enter(), "refused")
    assert line.limit == 2
    for _ in range(5):
        await line.leave(await line.enter(), "refused")
    assert line.limit == 1


async def test_a_failure_says_nothing_about_the_limit():
    line, _ = flow(start=8)
    await line.leave(await line.enter(), "failed")
    assert line.limit == 8


async def test_no_more_are_admitted_than_the_limit_and_the_first_come_first():
    line, _ = flow(start=2)
    order = []

    async def one(number):
        ticket = await line.enter()
        order.append(number)
        return ticket

    tasks = [asyncio.create_task(one(number)) for number in range(4)]
    await settled()
    assert (order, line.in_flight) == ([0, 1], 2)
    await line.leave(tasks[0].result(), "failed")
    await settled()
    assert (order, line.in_flight) == ([0, 1, 2], 2)
    await line.leave(tasks[1].result(), "refused")
    await settled()
    assert (order, line.in_flight) == ([0, 1, 2], 1)
    await line.leave(tasks[2].result(), "answered")
    await settled()
    assert order == [0, 1, 2, 3]


async def test_who_stops_waiting_takes_no_place():
    line, _ = flow(start=1)
    first = await line.enter()
    waiting = [asyncio.create_task(line.enter()) for _ in range(3)]
    await settled()
    waiting[0].cancel()
    await line.leave(first, "failed")
    waiting[1].cancel()
    await settled()
    assert line.in_flight == 1
    await line.leave(waiting[2].result(), "answered")
    assert line.in_flight == 0


async def test_who_is_stopped_in_the_moment_of_admission_gives_the_place_back():
    line, _ = flow(start=1)
    first = await line.enter()
    late = asyncio.create_task(line.enter())
    await settled()
    await line.leave(first, "failed")
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert line.in_flight == 0
    await asyncio.wait_for(line.enter(), 1)


async def test_everybody_waits_as_long_as_the_provider_wants():
    line, waiting = flow(start=4)
    early = await line.enter()
    await line.leave(early, "refused", retry_after_s=9.0)
    waiting.clock.advance(2.0)
    await line.enter()
    assert waiting.waited == [7.0]
    await line.enter()
    assert waiting.waited == [7.0]


async def test_who_is_stopped_while_the_provider_rests_gives_the_place_back():
    clock = ManualClock()
    line = LocalFlow(clock=clock, pause=lambda _seconds: asyncio.Event().wait())
    await line.leave(await line.enter(), "refused", retry_after_s=9.0)
    task = asyncio.create_task(line.enter())
    await settled()
    task.cancel()
    await settled()
    assert line.in_flight == 0


@pytest.mark.parametrize(("start", "most"), [(0, 5), (6, 5)])
def test_a_flow_starts_within_its_bounds(start, most):
    with pytest.raises(InvalidInputError, match="a flow starts with 1 to 5"):
        LocalFlow(start=start, most=most)


def attempts(*outcomes):
    """Return what fails or answers in that order."""
    left = list(outcomes)

    async def attempt():
        outcome = left.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return attempt


def paced(**options):
    line, waiting = flow()
    return Pace(line, pause=waiting, **options), line, waiting


async def test_failed_requests_are_made_again_after_growing_pauses_shortened_by_chance():
    pace, line, waiting = paced()
    failures = [TryAgainError("an accident")] * 5
    assert await pace.run(attempts(*failures, "hello"), Random(7)) == "hello"
    chances = Random(7)
    assert waiting.waited == [2**n * (0.5 + chances.random() / 2) for n in range(5)]
    assert (line.limit, line.in_flight) == (8, 0)


async def test_pauses_have_an_end():
    pace, _, waiting = paced(tries=20)
    await pace.run(attempts(*[TryAgainError("no")] * 19, 1), Random(7))
    assert max(waiting.waited) <= 30


async def test_a_refused_request_waits_as_asked_and_lowers_the_limit():
    pace, line, waiting = paced()
    refused = TryAgainError("slow down", refused=True, retry_after_s=20.0)
    assert await pace.run(attempts(refused, "hello"), Random(7)) == "hello"
    assert waiting.waited == [20.0]
    assert line.limit == 4


async def test_who_did_not_answer_after_all_tries_is_unavailable():
    pace, line, _ = paced(tries=2)
    with pytest.raises(ProviderUnavailableError, match=r"\(try 2 of 2\): an accident$"):
        await pace.run(attempts(*[TryAgainError("an accident")] * 2, 1), Random(7))
    assert line.in_flight == 0


async def test_other_failures_are_passed_on_and_the_place_is_free():
    pace, line, waiting = paced()
    with pytest.raises(KeyError):
        await pace.run(attempts(KeyError("x"), 1), Random(7))
    assert not waiting.waited
    assert line.in_flight == 0


async def test_a_long_rest_is_not_waited_for_by_anybody():
    pace, _, waiting = paced(longest_wait_s=60.0)
    refused = TryAgainError("tomorrow", refused=True, retry_after_s=86_400.0)
    with pytest.raises(
        ProviderUnavailableError, match=r"try 1 of 6\): tomorrow; it may in 86400 s"
    ):
        await pace.run(attempts(refused), Random(7))
    assert await pace.run(attempts("hello"), Random(7)) == "hello"
    assert waiting.waited == [60.0]
