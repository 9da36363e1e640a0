"""What a tool says of itself is what it does to the store."""

import pytest
from tools_house import CREATORS, filled, thing_of

from mana_lab.errors import NotFoundError
from mana_lab.tools import default_registry

REGISTRY = default_registry()
SPECS = {spec.name: spec for spec in REGISTRY}
MISSING = "00000000-0000-4000-8000-000000000000"


def named(*hints, idempotent=None):
    return one_of_each_module(
        spec
        for spec in REGISTRY
        if spec.policy_hint in hints and idempotent in (None, spec.idempotent)
    )


def one_of_each_module(specs):
    """Return the tools' names, of which all but the first of each module are left to CI."""
    modules, found = set(), []
    for spec in specs:
        marks = [pytest.mark.slow] if spec.module in modules else []
        found.append(pytest.param(spec.name, marks=marks))
        modules.add(spec.module)
    return found


def takes_id(spec):
    return any(
        name == "id" or name.endswith("Id") for name in spec.input_schema().get("required", ())
    )


async def log(caller, spec):
    """Return every change of the tables that the tool declares, in order."""
    return [
        change.model_dump(mode="json")
        for table in spec.tables
        for change in await caller.log(table.app_id, table.name)
    ]


async def prepared(caller, spec, *, everything=True):
    """Make what the tool works on, and return arguments for it."""
    made = None if spec.module == "spaces" else await thing_of(caller, REGISTRY, spec.module)
    return filled(spec.input_schema(), made, everything=everything)


@pytest.mark.parametrize("name", named("read"))
async def test_a_reading_tool_changes_nothing(anna, name):
    spec = SPECS[name]
    for everything in (False, True):
        arguments = await prepared(anna, spec, everything=everything)
        before = await log(anna, spec)
        await anna.call(name, **arguments)
        assert await log(anna, spec) == before


@pytest.mark.parametrize("name", named("write"))
async def test_a_writing_tool_takes_nothing_away(anna, name):
    spec = SPECS[name]
    arguments = await prepared(anna, spec)
    if name == "invoices.markPaid":
        await anna.call("invoices.send", id=arguments["id"])
    before = await log(anna, spec)
    await anna.call(name, **arguments)
    after = await log(anna, spec)
    assert {change["op"] for change in after} <= {"insert", "update"}
    if not spec.idempotent:
        assert len(after) > len(before)


@pytest.mark.parametrize("name", named("destructive"))
async def test_a_destructive_tool_takes_one_record_away(anna, name):
    spec = SPECS[name]
    arguments = await prepared(anna, spec)
    other = await thing_of(anna, REGISTRY, spec.module)
    await anna.call(name, **arguments)
    assert [change["id"] for change in await log(anna, spec) if change["op"] == "delete"] == [
        arguments["id"]
    ]
    with pytest.raises(NotFoundError):
        await anna.call(f"{spec.module}.get", **arguments)
    assert await anna.call(f"{spec.module}.get", id=other)


@pytest.mark.parametrize("name", named("write", "destructive", idempotent=True))
async def test_an_idempotent_tool_changes_nothing_more_the_second_time(anna, house, name):
    spec = SPECS[name]
    arguments = await prepared(anna, spec)
    if name == "invoices.markPaid":
        await anna.call("invoices.send", id=arguments["id"])
    first = await anna.call(name, **arguments)
    once = await log(anna, spec)
    house.clock.advance(60)
    second = await anna.call(name, **arguments)
    assert await log(anna, spec) == once
    assert second == first


@pytest.mark.parametrize("name", named("write", idempotent=False))
async def test_a_tool_that_is_not_idempotent_adds_each_time(anna, name):
    spec = SPECS[name]
    arguments = await prepared(anna, spec)
    await anna.call(name, **arguments)
    once = await log(anna, spec)
    await anna.call(name, **arguments)
    assert len(await log(anna, spec)) > len(once)


@pytest.mark.parametrize("name", one_of_each_module(filter(takes_id, REGISTRY)))
async def test_an_id_of_nothing_is_a_clear_error_and_writes_nothing(anna, name):
    spec = SPECS[name]
    with pytest.raises(NotFoundError, match=MISSING) as caught:
        await anna.call(name, **filled(spec.input_schema(), MISSING, everything=True))
    assert len(caught.value.message) <= 400
    assert await log(anna, spec) == []


@pytest.mark.parametrize("module", CREATORS)
async def test_what_one_made_nobody_else_gets(anna, house, module):
    made = await thing_of(anna, REGISTRY, module)
    ben = await house.user("ben")
    with pytest.raises(NotFoundError):
        await ben.call(f"{module}.get", id=made)


@pytest.mark.parametrize("module", CREATORS)
async def test_what_was_made_is_got_in_full(anna, module):
    spec = SPECS[CREATORS[module]]
    arguments = filled(spec.input_schema(), everything=True)
    (made,) = (await anna.call(spec.name, **arguments)).values()
    (got,) = (await anna.call(f"{module}.get", id=made["id"])).values()
    assert got == made
    for name, value in arguments.items():
        if name in made and name not in {"lines", "startTime", "endTime"}:
            assert made[name] == value
