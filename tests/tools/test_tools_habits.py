import asyncio
import uuid

import pytest

from mana_lab.clock import iso_millis
from mana_lab.errors import NotFoundError, ToolInputError


async def titles(caller, **arguments):
    return [habit["title"] for habit in (await caller.call("habits.list", **arguments))["habits"]]


async def test_a_new_habit_has_the_original_record_with_its_defaults(anna, house):
    made = await anna.call("habits.create", title="Read")
    now = iso_millis(house.clock.now())
    record = {
        "id": made["habit"]["id"],
        "title": "Read",
        "icon": "star",
        "color": "#6366f1",
        "targetPerDay": None,
        "defaultDuration": None,
        "order": 0,
        "isArchived": False,
        "createdAt": now,
        "updatedAt": now,
    }
    assert made == {"habit": record}
    assert await anna.call("habits.list") == {"habits": [record]}
    [change] = await anna.log("habits", "habits")
    assert change.data == record | {"spaceId": anna.space.id}


async def test_habits_need_no_vault(house):
    ben = await house.user("ben", vault=False)
    made = await ben.call("habits.create", title="Read")
    await ben.call("habits.update", id=made["habit"]["id"], title="Read more")
    assert await titles(ben) == ["Read more"]


async def test_an_archived_habit_leaves_the_list_until_it_is_asked_for(anna):
    """An update is folded into the record, and not one more habit."""
    made = await anna.call("habits.create", title="Run")
    assert await anna.call("habits.archive", id=made["habit"]["id"]) == {"ok": True}
    assert await titles(anna) == []
    assert await titles(anna, includeArchived=True) == ["Run"]
    await anna.call("habits.archive", id=made["habit"]["id"], archived=False)
    assert await titles(anna) == ["Run"]


async def test_what_an_update_leaves_out_stays_and_null_takes_away(anna):
    made = await anna.call("habits.create", title="Run", targetPerDay=2, defaultDuration=30)
    await anna.call("habits.update", id=made["habit"]["id"], icon="shoe", targetPerDay=None)
    [habit] = (await anna.call("habits.list"))["habits"]
    assert habit["title"] == "Run"
    assert habit["icon"] == "shoe"
    assert habit["targetPerDay"] is None
    assert habit["defaultDuration"] == 30


async def test_the_title_of_a_habit_cannot_be_taken_away(anna):
    made = await anna.call("habits.create", title="Run")
    with pytest.raises(ToolInputError, match=r'"title" must be a string of 1 to 120'):
        await anna.call("habits.update", id=made["habit"]["id"], title=None)


@pytest.mark.parametrize("tool", ["habits.update", "habits.archive"])
async def test_an_unknown_habit_is_refused_and_leaves_no_orphan(anna, tool):
    """The original pushed an update that receivers made a partial record of."""
    with pytest.raises(NotFoundError, match="no record"):
        await anna.call(tool, id=str(uuid.UUID(int=1)))
    assert await anna.log("habits", "habits") == []


async def test_habits_made_at_once_have_different_orders(anna):
    """The original took the number of events, which two calls could read at once."""
    made = await asyncio.gather(*(anna.call("habits.create", title=str(n)) for n in range(6)))
    assert sorted(one["habit"]["order"] for one in made) == list(range(6))


async def test_orders_do_not_count_updates(anna):
    first = await anna.call("habits.create", title="a")
    for n in range(3):
        await anna.call("habits.update", id=first["habit"]["id"], title=str(n))
    second = await anna.call("habits.create", title="b")
    assert second["habit"]["order"] == 1
