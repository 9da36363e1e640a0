"""The audit: each rule is broken by one bad example, and by nothing else."""

from dataclasses import replace

import pytest
from pydantic import Field

from mana_lab.errors import InvalidInputError
from mana_lab.registry import Done, Registry, Table, ToolContext, ToolInput, Uuid, tool
from mana_lab.registry.audit import MAX_TOKENS, audit, tokens
from mana_lab.registry.manifest import drift, manifest_of, tool_hash
from mana_lab.registry.names import flat_name, tool_name

THINGS = Table("things", "things", encrypted=("secret",))
OTHERS = Table("things", "others")
ENCRYPTED = {"things/things": ["secret"]}


class Given(ToolInput):
    id: Uuid = Field(description="Which thing")


async def _elsewhere(ctx: ToolContext) -> None:
    await ctx.records(OTHERS).count()


@tool("things.touch", policy_hint="write", tables=(THINGS,))
async def touch(given: Given, ctx: ToolContext) -> Done:
    """Touch one thing, so that it counts as new.

    Not for looking at it: use things.get for that.

    Example: {"id": "<id from things.list>"}
    """
    await ctx.records(THINGS).update(given.id, {"touched": True})
    return Done()


def findings(*specs, encrypted=ENCRYPTED, manifest=None):
    registry = Registry(specs)
    known = manifest_of(registry) if manifest is None else manifest
    return [(each.subject, each.rule) for each in audit(registry, encrypted, known)]


def described(*lines):
    return replace(touch, description="\n".join(lines))


PURPOSE, ADVICE, EXAMPLE = touch.description.split("\n")


def test_a_good_tool_breaks_no_rule():
    assert findings(touch) == []


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (described("Touch.", ADVICE, EXAMPLE), "purpose"),
        (described(PURPOSE, "It is quick.", EXAMPLE), "advice"),
        (described(PURPOSE, ADVICE), "example"),
        (described(PURPOSE, ADVICE, EXAMPLE, EXAMPLE), "example"),
        (described(PURPOSE, ADVICE, "Example: touch it"), "example"),
        (described(PURPOSE, ADVICE, 'Example: {"id": "one"}'), "example"),
        (described(PURPOSE, ADVICE, 'Example: {"id": "<id>", "colour": 1}'), "example"),
        (described(PURPOSE, ADVICE + " very" * 2 * MAX_TOKENS, EXAMPLE), "length"),
        (described(PURPOSE + "\u202e", ADVICE, EXAMPLE), "hidden-characters"),
        (described(PURPOSE + "\u200b", ADVICE, EXAMPLE), "hidden-characters"),
        (described(PURPOSE + "\U000e0041", ADVICE, EXAMPLE), "hidden-characters"),
        (described(PURPOSE + "\t", ADVICE, EXAMPLE), "hidden-characters"),
    ],
    ids=range(12),
)
def test_a_bad_description_breaks_its_rule(bad, rule):
    assert findings(bad) == [("things.touch", rule)]


def test_a_hidden_character_of_an_argument_is_found():
    class Hidden(ToolInput):
        id: Uuid = Field(description="Which \u2066thing\u2069")

    assert findings(replace(touch, input=Hidden)) == [("things.touch", "hidden-characters")] * 2


def test_an_argument_without_a_description_is_no_tool():
    class Bare(ToolInput):
        id: Uuid

    with pytest.raises(InvalidInputError, match="no description for id"):
        replace(touch, input=Bare)


def test_a_table_that_is_opened_and_not_declared_is_found_also_in_a_function_that_is_called():
    async def straight(_given: Given, ctx: ToolContext) -> Done:
        await ctx.records(OTHERS).count()
        return Done()

    async def around(_given: Given, ctx: ToolContext) -> Done:
        await _elsewhere(ctx)
        return Done()

    for handler in (straight, around):
        assert findings(replace(touch, handler=handler)) == [("things.touch", "undeclared-table")]


@pytest.mark.parametrize(
    ("encrypted", "subject"),
    [
        ({}, "things/things"),
        ({"things/things": []}, "things/things"),
        ({"things/things": ["secret", "title"]}, "things/things"),
        (ENCRYPTED | {"things/others": ["title"]}, "things/others"),
    ],
)
def test_the_catalog_and_the_tools_encrypt_the_same(encrypted, subject):
    assert findings(touch, encrypted=encrypted) == [(subject, "encryption")]


@pytest.mark.parametrize("name", ["things.Touch", "things.t0uch", "thlngs.touch", "thing.stouch"])
def test_names_that_are_easily_mistaken_are_found(name):
    other = name if name[0].islower() and name.split(".")[1][0].islower() else "things.toUch"
    found = findings(touch, replace(touch, name=other))
    assert len(found) == 1
    assert found[0][1] == "look-alike"


def test_a_change_is_seen_until_the_manifest_is_refreshed():
    before = manifest_of(Registry([touch]))
    changed = described(PURPOSE + " Twice.", ADVICE, EXAMPLE)
    assert findings(changed, manifest=before) == [("things.touch", "manifest")]
    assert findings(changed, manifest=manifest_of(Registry([changed]))) == []
    added = replace(touch, name="things.poke")
    assert drift(Registry([touch, added]), before) == {"things.poke": "added"}
    assert drift(Registry([added]), before) == {"things.poke": "added", "things.touch": "removed"}


@pytest.mark.parametrize(
    "change",
    [
        {"description": "x"},
        {"policy_hint": "destructive"},
        {"idempotent": True},
        {"scope": "admin"},
        {"name": "things.poke"},
    ],
    ids=str,
)
def test_the_hash_is_of_all_that_a_client_sees(change):
    assert tool_hash(replace(touch, **change)) != tool_hash(touch)
    assert tool_hash(replace(touch, handler=_elsewhere)) == tool_hash(touch)


def test_tokens_are_estimated_on_the_high_side():
    assert tokens("") == 0
    assert tokens("Find notes by a text.") == 7
    assert tokens("a" * 400) == 100


@pytest.mark.parametrize("name", ["todo.create", "newsResearch.markRead"])
def test_a_flat_name_leads_back(name):
    assert "." not in flat_name(name)
    assert tool_name(flat_name(name)) == name


@pytest.mark.parametrize("name", ["todo", "todo_create", "a.b.c", "", "Todo.create", "x" * 5000])
def test_what_is_no_name_has_no_flat_one(name):
    with pytest.raises(InvalidInputError):
        flat_name(name)


@pytest.mark.parametrize("flat", ["todo", "todo.create", "a_b_c", "", "_create", "todo_Create"])
def test_what_is_no_flat_name_leads_nowhere(flat):
    with pytest.raises(InvalidInputError):
        tool_name(flat)
