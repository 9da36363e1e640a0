"""Shared spaces: what may be done there, by whom, and who reads it."""

import pytest
from tools_house import CREATORS, filled

from mana_lab.errors import ModuleNotAdmittedError, NotAMemberError, NotFoundError
from mana_lab.identity.wire import SpaceType
from mana_lab.registry import ADMITTED, Registry, admits
from mana_lab.tools import default_registry

SHARED = ("brand", "club", "family", "practice", "team")
PRIVATE = ("articles", "dreams", "habits", "journal", "library", "mood")
COMMON = ("calendar", "contacts", "notes", "todo")
WRITTEN = {
    "calendar": ("calendar.create", "events"),
    "contacts": ("contacts.add", "contacts"),
    "notes": ("notes.create", "notes"),
    "todo": ("todo.create", "tasks"),
}


@pytest.fixture
async def ben(house):
    return await house.user("ben")


@pytest.fixture
async def eve(house):
    return await house.user("eve")


def test_the_table_speaks_of_every_type_of_space_and_of_modules_that_there_are():
    assert set(ADMITTED) == set(SpaceType.__args__)
    modules = set(default_registry().modules())
    assert ADMITTED["personal"] is None
    for kind in SHARED:
        assert ADMITTED[kind] <= modules


@pytest.mark.parametrize("kind", SHARED)
def test_every_shared_space_admits_what_people_do_together_and_nothing_private(kind):
    """The original left tasks out of all of them."""
    for module in (*COMMON, "spaces"):
        assert admits(kind, module)
    for module in PRIVATE:
        assert not admits(kind, module)


def test_invoices_are_for_those_who_work_together():
    assert [kind for kind in SHARED if admits(kind, "invoices")] == [
        "brand",
        "club",
        "practice",
        "team",
    ]


def test_a_personal_space_admits_everything_and_an_unknown_type_nothing():
    assert admits("personal", "plants")
    assert not admits("commune", "todo")
    assert not admits("family", "plants")


@pytest.mark.parametrize("kind", SHARED)
async def test_each_module_works_exactly_where_it_is_admitted(anna, house, kind):
    space = await house.share("Ours", anna, kind=kind)
    for module, name in CREATORS.items():
        arguments = filled(house.registry.get(name).input_schema())
        if admits(kind, module):
            assert await anna.call(name, space=space, **arguments)
        else:
            with pytest.raises(ModuleNotAdmittedError):
                await anna.call(name, space=space, **arguments)
        assert await anna.call(name, **arguments)


async def test_the_refusal_says_what_may_be_used_instead(anna, house):
    flat = await house.share("Flat", anna, kind="family")
    before = len(house.sync_app.paths)
    with pytest.raises(ModuleNotAdmittedError) as refused:
        await anna.call("journal.add", space=flat, content="Dear diary")
    assert refused.value.message == (
        "journal is not for family spaces, which several people share; they admit calendar, "
        "contacts, goals, notes, spaces, todo. Use journal in your personal space"
    )
    assert (refused.value.kind, refused.value.status) == ("refused", 403)
    assert house.sync_app.paths[before:] == []


async def test_a_module_that_is_not_admitted_is_refused_before_its_arguments_are_read(anna, house):
    flat = await house.share("Flat", anna, kind="family")
    for name in ("mood.log", "mood.today", "habits.list", "dreams.record"):
        with pytest.raises(ModuleNotAdmittedError):
            await anna.call(name, space=flat, nonsense=["x"] * 100)


async def test_a_registry_may_admit_more(anna, house):
    flat = await house.share("Flat", anna, kind="family")
    tools = [spec for spec in house.registry if spec.module == "habits"]
    ours = Registry(tools, admitted={**ADMITTED, "family": frozenset({"habits"})})
    for registry in (ours, ours.exposable()):
        await registry.invoke("habits.list", {}, anna.context(flat))
    with pytest.raises(ModuleNotAdmittedError):
        await Registry(tools).invoke("habits.list", {}, anna.context(flat))


async def stored(caller, module):
    """Return what sync has of a module, as text."""
    app, table = module, WRITTEN[module][1]
    return str([change.data for change in await caller.log(app, table)])


@pytest.mark.parametrize("module", COMMON)
async def test_a_members_record_is_readable_for_the_others_and_ones_own_is_not(
    anna, ben, house, module
):
    flat = await house.share("Flat", anna, ben, kind="family")
    name = WRITTEN[module][0]
    arguments = filled(house.registry.get(name).input_schema())
    secret = next(value for value in arguments.values() if isinstance(value, str))
    await anna.call(name, **arguments)
    assert secret not in await stored(anna, module)
    assert await stored(ben, module) == "[]"
    await anna.call(name, space=flat, **arguments)
    assert secret in await stored(ben, module)
    assert "enc:" not in await stored(ben, module)


async def test_a_member_sees_and_edits_what_the_others_wrote(anna, ben, house):
    flat = await house.share("Flat", anna, ben, kind="family")
    made = (await anna.call("todo.create", space=flat, title="Buy milk"))["task"]
    (seen,) = (await ben.call("todo.list", space=flat))["tasks"]
    assert (seen["id"], seen["title"]) == (made["id"], "Buy milk")
    await ben.call("todo.complete", space=flat, id=made["id"])
    assert (await anna.call("todo.list", space=flat))["tasks"] == []
    note = (await ben.call("notes.create", space=flat, title="Wifi", content="key: 1234"))["note"]
    (found,) = (await anna.call("notes.search", space=flat, query="1234"))["notes"]
    assert found["id"] == note["id"]


async def test_nobody_else_sees_or_edits_it(anna, ben, eve, house):
    flat = await house.share("Flat", anna, ben, kind="family")
    made = (await anna.call("todo.create", space=flat, title="Buy milk"))["task"]
    before = await anna.log("todo", "tasks")
    for name, arguments in (
        ("todo.list", {}),
        ("todo.create", {"title": "Mine now"}),
        ("todo.complete", {"id": made["id"]}),
    ):
        with pytest.raises(NotAMemberError):
            await eve.call(name, space=flat, **arguments)
    with pytest.raises(NotFoundError):
        await eve.call("todo.complete", id=made["id"])
    assert await anna.log("todo", "tasks") == before
    assert await eve.log("todo", "tasks") == []


async def test_who_was_taken_out_sees_nothing_any_more(anna, ben, house):
    flat = await house.share("Flat", anna, ben, kind="family")
    await anna.call("todo.create", space=flat, title="Buy milk")
    assert (await ben.call("todo.list", space=flat))["tasks"]
    await house.identity.remove_member(anna.token, flat.id, "ben@mana.test")
    house.clock.advance(31)
    for name, arguments in (("todo.list", {}), ("todo.create", {"title": "Still here"})):
        with pytest.raises(NotAMemberError):
            await ben.call(name, space=flat, backend=house.new_backend(), **arguments)


async def test_the_list_of_spaces_tells_type_and_role(anna, ben, house):
    flat = await house.share("Flat", anna, ben, kind="family")
    spaces = await ben.call("spaces.list", space=flat)
    assert spaces["activeSpaceId"] == flat.id
    told = {(space["name"], space["type"], space["role"]) for space in spaces["spaces"]}
    assert told == {("ben", "personal", "owner"), ("Flat", "family", "member")}
