import asyncio
import uuid

import pytest

from mana_lab.clock import iso_millis
from mana_lab.crypto import is_encrypted
from mana_lab.errors import NotFoundError


async def titles(caller, space=None, **arguments):
    found = await caller.call("todo.list", space=space, **arguments)
    return [task["title"] for task in found["tasks"]]


async def test_a_new_task_has_the_original_record_with_its_defaults(anna, house):
    made = await anna.call("todo.create", title="Essay")
    now = iso_millis(house.clock.now())
    plain = {
        "id": made["task"]["id"],
        "priority": "medium",
        "isCompleted": False,
        "completedAt": None,
        "dueDate": None,
        "order": 0,
        "subtasks": None,
        "createdAt": now,
        "updatedAt": now,
    }
    assert made == {"task": plain | {"title": "Essay", "description": None}}
    assert await anna.call("todo.list") == {"tasks": [made["task"]]}
    [change] = await anna.log("todo", "tasks")
    title = change.data.pop("title")
    assert is_encrypted(title)
    assert change.data == plain | {"spaceId": anna.space.id}


async def test_title_and_description_leave_encrypted(anna):
    due = "2026-01-09T16:00:00.5Z"
    await anna.call("todo.create", title="Essay", description="", dueDate=due, priority="high")
    [change] = await anna.log("todo", "tasks")
    assert is_encrypted(change.data["description"])
    assert (change.data["dueDate"], change.data["priority"]) == (due, "high")
    [task] = (await anna.call("todo.list"))["tasks"]
    assert (task["title"], task["description"], task["dueDate"]) == ("Essay", "", due)


async def test_a_completed_task_leaves_the_list(anna, house):
    """The original listed every insert, whatever came after it."""
    made = await anna.call("todo.create", title="Essay")
    await anna.call("todo.create", title="Laundry")
    house.clock.advance(600)
    assert await anna.call("todo.complete", id=made["task"]["id"]) == {"ok": True}
    assert await titles(anna) == ["Laundry"]
    done, _ = (await anna.call("todo.list", includeCompleted=True))["tasks"]
    now = iso_millis(house.clock.now())
    assert (done["isCompleted"], done["completedAt"], done["updatedAt"]) == (True, now, now)


async def test_completing_twice_is_completing_once(anna, house):
    made = await anna.call("todo.create", title="Essay")
    await anna.call("todo.complete", id=made["task"]["id"])
    before = await anna.call("todo.list", includeCompleted=True)
    house.clock.advance(600)
    await anna.call("todo.complete", id=made["task"]["id"])
    assert await anna.call("todo.list", includeCompleted=True) == before
    assert len(await anna.log("todo", "tasks")) == 2


async def test_completing_needs_no_key(anna, house):
    made = await anna.call("todo.create", title="Essay")
    fetched = house.identity_app.paths.count("/api/v1/me/encryption-vault/key")
    other = house.new_backend()
    await anna.call("todo.complete", backend=other, id=made["task"]["id"])
    assert house.identity_app.paths.count("/api/v1/me/encryption-vault/key") == fetched


async def test_an_unknown_task_is_refused_and_leaves_no_orphan(anna):
    with pytest.raises(NotFoundError, match="no record"):
        await anna.call("todo.complete", id=str(uuid.UUID(int=1)))
    assert await anna.log("todo", "tasks") == []


async def test_a_task_of_another_space_is_neither_listed_nor_completed(anna, house):
    """The original listed the tasks of all spaces."""
    flat = await house.share("Flat", anna)
    made = await anna.call("todo.create", title="Mine")
    await anna.call("todo.create", space=flat, title="Ours")
    assert await titles(anna) == ["Mine"]
    assert await titles(anna, space=flat) == ["Ours"]
    with pytest.raises(NotFoundError):
        await anna.call("todo.complete", space=flat, id=made["task"]["id"])


async def test_flatmates_share_their_tasks_in_readable_form(anna, house):
    """The original encrypted with the author's key what others were to read."""
    ben = await house.user("ben")
    flat = await house.share("Flat", anna, ben)
    made = await anna.call("todo.create", space=flat, title="Clean the kitchen")
    assert await titles(ben, space=flat) == ["Clean the kitchen"]
    await ben.call("todo.complete", space=flat, id=made["task"]["id"])
    assert await titles(anna, space=flat) == []


async def test_a_list_has_the_oldest_tasks_up_to_its_limit(anna):
    for n in range(4):
        await anna.call("todo.create", title=str(n))
    assert await titles(anna, limit=3) == ["0", "1", "2"]


async def test_tasks_made_at_once_have_different_orders(anna):
    made = await asyncio.gather(*(anna.call("todo.create", title=str(n)) for n in range(6)))
    assert sorted(one["task"]["order"] for one in made) == list(range(6))
    assert len(set(await titles(anna))) == 6


async def test_first_tasks_made_at_once_fetch_the_key_once(anna, house):
    """The original's cache let every concurrent caller through to the vault."""
    await asyncio.gather(*(anna.call("todo.create", title=str(n)) for n in range(6)))
    assert house.identity_app.paths.count("/api/v1/me/encryption-vault/key") == 1


async def test_a_redone_call_leaves_one_task(anna):
    first = await anna.call("todo.create", key="tick/3", title="Essay")
    assert await anna.call("todo.create", key="tick/3", title="Essay") == first
    assert await titles(anna) == ["Essay"]
