"""Pages of records, newest first, and records that are taken away."""

import pytest

from mana_lab.errors import InfrastructureError, InvalidInputError, NotFoundError
from mana_lab.registry import Table

THINGS = Table("things", "things", encrypted=("secret",))


def things(caller, hint="destructive", **more):
    return caller.context(**more).bounded((THINGS,), hint).records(THINGS)


async def fill(caller, count):
    records = things(caller)
    for n in range(count):
        await records.create({"n": n, "secret": f"secret {n}", "even": n % 2 == 0})
    return records


async def numbers(records, **how):
    """Read all pages; return what each one has."""
    pages, cursor = [], ""
    while cursor is not None:
        page = await records.page(cursor=cursor, **how)
        pages.append([row["n"] for row in page.rows])
        cursor = page.next_cursor
    return pages


@pytest.mark.parametrize(
    ("limit", "pages"),
    [(2, [[4, 3], [2, 1], [0]]), (5, [[4, 3, 2, 1, 0]]), (9, [[4, 3, 2, 1, 0]])],
)
async def test_pages_are_newest_first_and_the_last_one_says_so(anna, limit, pages):
    records = await fill(anna, 5)
    assert await numbers(records, limit=limit) == pages
    assert await numbers(things(await anna.house.user("ben")), limit=limit) == [[]]


async def test_pages_have_what_is_wanted_by_open_and_by_secret_fields(anna):
    records = await fill(anna, 7)
    even = {"limit": 2, "where": lambda row: row["even"]}
    assert await numbers(records, **even) == [[6, 4], [2, 0]]
    found = {"limit": 2, "matching": lambda row: row["secret"] in {"secret 5", "secret 2"}}
    assert await numbers(records, **found) == [[5, 2]]


async def test_what_is_added_or_taken_away_meanwhile_disturbs_no_page(anna):
    records = await fill(anna, 5)
    first = await records.page(limit=2)
    await records.create({"n": 99})
    await records.delete(first.rows[-1]["id"])
    second = await records.page(limit=2, cursor=first.next_cursor)
    assert [row["n"] for row in second.rows] == [2, 1]


@pytest.mark.parametrize("cursor", ["x", "-", "1 2", "z" * 5000])
async def test_a_cursor_of_nowhere_is_refused(anna, cursor):
    with pytest.raises(InvalidInputError, match="not a cursor"):
        await things(anna).page(limit=2, cursor=cursor)


async def test_a_cursor_of_another_list_is_refused(anna):
    await fill(anna, 3)
    cursor = (await things(anna).page(limit=1)).next_cursor
    ben = await anna.house.user("ben")
    await fill(ben, 3)
    with pytest.raises(InvalidInputError, match="not a cursor"):
        await things(ben).page(limit=1, cursor=cursor)


async def test_a_deleted_record_is_gone_and_leaves_a_tombstone(anna):
    records = await fill(anna, 2)
    (newest, _) = (await records.page(limit=2)).rows
    await records.delete(newest["id"])
    await records.delete(newest["id"])
    assert await numbers(records, limit=5) == [[0]]
    for use in (records.get(newest["id"]), records.update(newest["id"], {"n": 3})):
        with pytest.raises(NotFoundError):
            await use
    log = await anna.log("things", "things")
    assert [change.op for change in log] == ["insert", "insert", "delete"]


async def test_what_never_was_cannot_be_deleted(anna):
    with pytest.raises(NotFoundError, match="there is no record nowhere"):
        await things(anna).delete("nowhere")


async def test_what_is_in_another_space_is_neither_listed_nor_deleted(anna, house):
    await fill(anna, 1)
    (row,) = (await things(anna).page(limit=1)).rows
    flat = await house.share("Flat", anna)
    records = things(anna, space=flat)
    assert await numbers(records, limit=5) == [[]]
    with pytest.raises(NotFoundError):
        await records.delete(row["id"])


async def test_only_a_destructive_tool_deletes_and_a_reading_one_writes_nothing(anna):
    records = await fill(anna, 1)
    (row,) = (await records.page(limit=1)).rows
    for hint in ("read", "write"):
        with pytest.raises(InfrastructureError, match="not declared as destructive"):
            await things(anna, hint).delete(row["id"])
    with pytest.raises(InfrastructureError, match="declared as reading"):
        await things(anna, "read").update(row["id"], {"n": 1})
    assert len(await anna.log("things", "things")) == 1
