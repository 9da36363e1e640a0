import asyncio
import base64
import random
import struct
import zlib

import pytest
from sync_house import FLAT, insertion

from mana_lab.sync.server.cursor import encode_cursor


async def fill(house, count, *, start=0, **other):
    changes = [insertion(str(number), **other) for number in range(start, start + count)]
    assert (await house.push(*changes)).status_code == 200


async def pages(house, limit, since="", **query):
    """Return the ids of every page until the service says that there is no more."""
    found = []
    has_more = True
    while has_more:
        answer = (await house.pull(since=since, limit=limit, **query)).json()
        found.append([change["id"] for change in answer["serverChanges"]])
        since, has_more = answer["syncedUntil"], answer["hasMore"]
    return found


async def test_changes_come_in_the_order_of_their_commit(house):
    await fill(house, 3)
    await fill(house, 2, start=3)
    assert await house.pull_ids() == ["0", "1", "2", "3", "4"]


async def test_pages_neither_skip_nor_repeat_changes_of_one_instant(house):
    """All have the same created_at; the original's ``created_at >`` skips at a page's end."""
    await fill(house, 23)
    found = await pages(house, 5)
    assert [len(page) for page in found] == [5, 5, 5, 5, 3]
    assert [name for page in found for name in page] == [str(number) for number in range(23)]


@pytest.mark.parametrize("limit", [1, 5, 10])
async def test_a_page_that_ends_with_the_log_says_that_there_is_no_more(house, limit):
    await fill(house, 10)
    assert [len(page) for page in await pages(house, limit)] == [limit] * (10 // limit)


async def test_a_page_is_at_most_a_thousand_changes(house):
    """The original failed here: tools see the first thousand events only."""
    for start in range(0, 2001, 667):
        await fill(house, 667, start=start)
    found = await pages(house, 1000)
    assert [len(page) for page in found] == [1000, 1000, 1]


async def test_the_cursor_stays_where_it_is_when_nothing_came(house):
    await fill(house, 2)
    cursor = (await house.pull()).json()["syncedUntil"]
    for _ in range(3):
        house.clock.advance(60)
        answer = (await house.pull(since=cursor)).json()
        assert (answer["serverChanges"], answer["syncedUntil"]) == ([], cursor)


async def test_what_is_written_elsewhere_does_not_move_the_cursor(house):
    """So a space that is joined later is not half behind the cursor."""
    await fill(house, 2)
    cursor = (await house.pull()).json()["syncedUntil"]
    await fill(house, 1, table="labels")
    assert (await house.pull(since=cursor)).json()["syncedUntil"] == cursor


async def test_the_cursor_is_the_last_change_returned_and_not_the_end_of_the_log(house):
    await fill(house, 2)
    await fill(house, 5, start=2, table="labels")
    cursor = (await house.pull()).json()["syncedUntil"]
    assert await house.pull_ids(collection="labels", since=cursor) == ["2", "3", "4", "5", "6"]


async def test_an_empty_log_gives_a_cursor_that_misses_nothing(house):
    answer = (await house.pull()).json()
    await fill(house, 1)
    assert await house.pull_ids(since=answer["syncedUntil"]) == ["0"]


@pytest.mark.parametrize("query", [{}, {"since": ""}, {"since": "1970-01-01T00:00:00Z"}])
async def test_no_cursor_is_the_start(house, query):
    await fill(house, 1)
    assert await house.pull_ids(**query) == ["0"]


async def test_a_cursor_of_the_future_is_at_the_end(house):
    await fill(house, 2)
    answer = (await house.pull(since=encode_cursor(10**9))).json()
    assert answer["serverChanges"] == []
    await fill(house, 1, start=2)
    assert await house.pull_ids(since=answer["syncedUntil"]) == ["2"]
    assert await house.pull_ids(since=encode_cursor(2**63 - 1)) == []


async def test_a_time_as_cursor_never_skips_what_was_written_at_that_time(house):
    await fill(house, 1)
    house.clock.advance(1)
    since = house.now()
    await fill(house, 1, start=1)
    answer = (await house.pull(since=since)).json()
    assert [change["id"] for change in answer["serverChanges"]] == ["1"]
    assert answer["syncedUntil"] == (await house.pull()).json()["syncedUntil"]


async def test_a_time_to_come_as_cursor_does_not_skip_what_is_written_before_it(house):
    await fill(house, 1)
    answer = (await house.pull(since="2026-01-05T00:04:00+00:00")).json()
    assert answer["serverChanges"] == []
    await fill(house, 1, start=1)
    assert await house.pull_ids(since=answer["syncedUntil"]) == ["1"]


GOOD = encode_cursor(1)
BEYOND = struct.pack(">Q", 2**63)


def cursor_of(raw):
    return "c1." + base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize(
    "since",
    [
        "0",
        "-1",
        "c1.",
        "c1.-1",
        "now",
        GOOD[:-1],
        GOOD + "A",
        GOOD + "=",
        GOOD.upper(),
        GOOD[:-1] + ("A" if GOOD[-1] != "A" else "B"),
        f"c2{GOOD[2:]}",
        "c1.ä",
        cursor_of(struct.pack(">QI", 1, 0)),
        cursor_of(BEYOND + struct.pack(">I", zlib.crc32(BEYOND))),
        "2026-01-05",
        "2026-01-05T08:00:00",
        "1' OR '1'='1",
        "\x00",
        "9" * 5000,
    ],
)
async def test_a_malformed_cursor_is_refused(house, since):
    for answer in (await house.pull(since=since), await house.push(since=since)):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
        assert answer.json()["message"].startswith("since: ")


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "1000000000", "9" * 30, "ten", "1.5", ""])
async def test_a_limit_outside_1_to_1000_is_refused(house, limit):
    answer = await house.pull(limit=limit)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert "limit" in answer.json()["message"]


async def test_a_pull_names_its_collection(house):
    answer = await house.http.get("/sync/todo/pull", headers=house.bearer())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert "collection" in answer.json()["message"]


async def test_a_collection_of_another_app_is_another_collection(house):
    await house.push(insertion("1"), app="todo")
    await house.push(insertion("2"), app="habits")
    assert await house.pull_ids(app="habits") == ["2"]


async def test_ones_own_client_id_is_not_left_out(house):
    """The original failed here: a client never sees what it, or its namesake, wrote."""
    await house.push(insertion(), headers={"x-client-id": "mana-mcp"})
    answer = await house.http.get(
        "/sync/todo/pull",
        params={"collection": "tasks", "since": ""},
        headers=house.bearer() | {"x-client-id": "mana-mcp"},
    )
    assert [change["id"] for change in answer.json()["serverChanges"]] == ["1"]


async def test_only_the_space_asked_for_comes_back(house):
    """The original failed here: rows of all the user's spaces are listed together."""
    await house.push(insertion("flat", spaceId=FLAT), insertion("mine"))
    assert await house.pull_ids() == ["flat", "mine"]
    assert await house.pull_ids(spaceId=FLAT) == ["flat"]
    assert await house.pull_ids(spaceId="_personal:anna") == ["mine"]


async def test_readers_among_writers_miss_nothing_and_see_nothing_twice(house):
    """Property: the union of the pages is the log, in its order, whatever runs at the same time."""
    chance = random.Random(11)
    writers = [[chance.randint(1, 40) for _ in range(8)] for _ in range(6)]
    expected = sum(map(sum, writers))
    written = set()

    async def write(number, sizes):
        for batch, size in enumerate(sizes):
            ids = [f"{number}/{batch}/{place}" for place in range(size)]
            answer = await house.push(
                *(insertion(name, spaceId=FLAT) for name in ids),
                user=("anna", "ben")[number % 2],
                since=encode_cursor(2**63 - 1),
            )
            assert answer.status_code == 200
            written.update(ids)

    async def read(user, limit):
        seen, since = [], ""
        while len(seen) < expected:
            answer = (await house.pull(user, since=since, limit=limit)).json()
            seen += [change["id"] for change in answer["serverChanges"]]
            since = answer["syncedUntil"]
        assert (await house.pull(user, since=since)).json()["serverChanges"] == []
        return seen

    async with asyncio.timeout(60):
        readers = [
            asyncio.create_task(read(*who))
            for who in [("anna", 7), ("ben", 1000), ("anna", 33), ("ben", 20)]
        ]
        await asyncio.gather(*(write(*job) for job in enumerate(writers)))
        found = await asyncio.gather(*readers)
    assert len(written) == expected
    assert all(len(seen) == expected and set(seen) == written for seen in found)
    assert all(seen == found[0] for seen in found)
