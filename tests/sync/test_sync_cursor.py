"""Property P16: whoever follows the cursor gets every change once, in one order, at any page size.

These go at the cursor directly: a machine of random replicas finds a row skipped at a page's end
only now and then.
"""

import asyncio
import random
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sync_house import FLAT, insertion

from mana_lab.sync.server.cursor import encode_cursor, read_since

END = encode_cursor(2**63 - 1)


async def push(house, ids, user="anna", **other):
    changes = [insertion(name, spaceId=FLAT, **other) for name in ids]
    for start in range(0, len(changes), 1000):
        part = changes[start : start + 1000]
        answer = await house.push(*part, user=user, since=END)
        assert answer.status_code == 200, answer.text


async def follow(house, limit, since="", user="anna"):
    """Return the answers of a reader that goes on for as long as it is told that there is more."""
    answers = []
    while not answers or answers[-1]["hasMore"]:
        answer = (await house.pull(user, since=since, limit=limit, spaceId=FLAT)).json()
        assert len(answer["serverChanges"]) <= limit
        answers.append(answer)
        since = answer["syncedUntil"]
    return answers


def ids_of(answers):
    return [change["id"] for answer in answers for change in answer["serverChanges"]]


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_p16_a_page_that_ends_about_where_the_log_does_loses_nothing(house, limit, extra):
    """Exactly at the limit there is no more, one beyond it there is, and later ones follow."""
    count = limit + extra
    await push(house, [f"{number}" for number in range(count)])
    answers = await follow(house, limit)
    assert ids_of(answers) == [f"{number}" for number in range(count)]
    assert [answer["hasMore"] for answer in answers] == [True] * (extra == 1) + [False]
    await push(house, ["late"])
    assert ids_of(await follow(house, limit, answers[-1]["syncedUntil"])) == ["late"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from("mmo"), max_size=12), st.lists(st.integers(1, 4), min_size=12))
async def test_p16_every_cursor_in_the_middle_leads_to_the_same_rest(house, places, limits):
    """Changes of one instant, foreign ones among them; any page size at every step."""
    table = f"t{uuid4()}"
    mine = []
    for number, place in enumerate(places):
        spot = f"{number}"
        if place == "m":
            mine.append(spot)
            await push(house, [spot], table=table)
        else:
            await house.push(insertion(spot, table=table), user="cleo", since=END)
    seen, since = [], ""
    for limit in limits:
        answer = (await house.pull("ben", collection=table, since=since, limit=limit)).json()
        found = [change["id"] for change in answer["serverChanges"]]
        seen += found
        if found:
            assert read_since(answer["syncedUntil"]).seq == answer["serverChanges"][-1]["seq"]
        assert answer["hasMore"] == (len(seen) < len(mine))
        since = answer["syncedUntil"]
        if not answer["hasMore"]:
            break
    assert seen == mine


async def test_p16_more_changes_of_one_instant_than_a_page_holds_all_come(house):
    """All 2,500 have one created_at; ``created_at >`` would lose those after a page's end."""
    for start in range(0, 2500, 500):
        await push(house, [f"{number}" for number in range(start, start + 500)])
    answers = await follow(house, 1000)
    assert ids_of(answers) == [f"{number}" for number in range(2500)]
    by_time = await follow(house, 1000, house.now())
    assert ids_of(by_time) == ids_of(answers)


@pytest.mark.slow
async def test_p16_a_pull_during_a_push_of_ten_thousand_gets_all_of_them_whole_batch_by_batch(
    house,
):
    """A reader never sees a part of a push, so what it has seen ends where a push ends."""
    sizes = [500] * 20
    seen, since, answers = [], "", 0

    async def write():
        for batch, size in enumerate(sizes):
            await push(house, [f"{batch}/{number}" for number in range(size)])

    writing = asyncio.create_task(write())
    async with asyncio.timeout(120):
        while len(seen) < sum(sizes):
            (*_, answer) = pages = await follow(house, 1000, since)
            seen += ids_of(pages)
            since = answer["syncedUntil"]
            answers += len(pages)
            assert len(seen) % 500 == 0
        await writing
    assert seen == [
        f"{batch}/{number}" for batch, size in enumerate(sizes) for number in range(size)
    ]
    assert answers > 1
    assert ids_of(await follow(house, 1000, since)) == []


async def soak(house, chance, writers, batches):
    """Write from many sides while readers of all page sizes follow; nobody misses anything."""
    written = []

    async def write(number):
        for batch in range(batches):
            ids = [f"{number}/{batch}/{place}" for place in range(chance.randint(1, 9))]
            await push(house, ids, user=("anna", "ben")[number % 2])
            written.extend(ids)

    async def read(limit, done):
        seen, since, last = [], "", 0
        while True:
            is_last = done.is_set()
            answer = (await house.pull("ben", since=since, limit=limit, spaceId=FLAT)).json()
            places = [change["seq"] for change in answer["serverChanges"]]
            assert places == sorted(set(places))
            assert all(place > last for place in places)
            last = max(places, default=last)
            seen += [change["id"] for change in answer["serverChanges"]]
            since = answer["syncedUntil"]
            if is_last and not answer["hasMore"]:
                return seen

    done = asyncio.Event()
    readers = [asyncio.create_task(read(limit, done)) for limit in (1, 3, 17, 1000)]
    await asyncio.gather(*(write(number) for number in range(writers)))
    done.set()
    for seen in await asyncio.gather(*readers):
        assert len(seen) == len(written)
        assert set(seen) == set(written)


async def test_p5_p16_readers_that_pull_while_many_push_miss_nothing(house):
    """Properties P5 and P16: every acknowledged change is in what every reader saw, once."""
    async with asyncio.timeout(120):
        await soak(house, random.Random(16), writers=6, batches=6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_p16_readers_that_pull_for_long_while_many_push_miss_nothing(house, seed):
    async with asyncio.timeout(1200):
        await soak(house, random.Random(seed), writers=12, batches=150)
