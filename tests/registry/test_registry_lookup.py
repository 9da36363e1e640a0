import pytest
from registry_tools import REGISTRY, SECRETS, keep

from mana_lab.crypto import Claims
from mana_lab.errors import (
    DuplicateToolError,
    InvalidInputError,
    ToolInputError,
    UnknownToolError,
)
from mana_lab.registry import Done, Principal, Registry, Table, ToolContext, ToolInput, tool


class Nothing(ToolInput):
    """No arguments."""


@tool("admin.wipe", policy_hint="destructive", scope="admin")
async def wipe(_given: Nothing, _ctx: ToolContext) -> Done:
    """Take <b>everything</b> away."""
    return Done()


@tool("zoo.feed", policy_hint="destructive", tables=(Table("diary", "secrets", ("place",)),))
async def feed(_given: Nothing, _ctx: ToolContext) -> Done:
    """Contradict what other tools say of a table."""
    return Done()


def test_tools_are_found_by_name_and_come_sorted():
    registry = Registry([keep, wipe])
    assert registry.get("secrets.keep") is keep
    assert list(registry) == [wipe, keep]
    assert "secrets.keep" in registry
    assert "secrets" not in registry
    assert len(registry) == 2
    assert registry.modules() == ["admin", "secrets"]


def test_a_second_tool_of_one_name_is_refused():
    with pytest.raises(DuplicateToolError, match=r"secrets\.keep"):
        Registry([keep, keep])


def test_tools_that_disagree_on_what_is_encrypted_are_refused():
    with pytest.raises(InvalidInputError, match=r"\['place'\] of diary/secrets.* \['text'\]"):
        Registry([keep, feed])


def test_the_tables_are_what_the_tools_declare():
    assert REGISTRY.tables() == [SECRETS]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("secrets.kep", r"did you mean secrets\.keep\?"),
        ("", "list the tools"),
        ("x" * 100_000, "list the tools"),
    ],
)
def test_an_unknown_tool_is_answered_with_a_hint(name, hint):
    with pytest.raises(UnknownToolError, match=hint) as unknown:
        REGISTRY.get(name)
    assert len(unknown.value.message) < 250


async def test_invoking_validates_runs_and_validates(anna, house):
    result = await house.registry.invoke("secrets.keep", {"place": 2}, anna.context())
    assert result.place == 2
    with pytest.raises(ToolInputError):
        await house.registry.invoke("secrets.keep", {"place": "2"}, anna.context())
    with pytest.raises(UnknownToolError):
        await house.registry.invoke("secrets.burn", {}, anna.context())


def test_admin_tools_are_not_exposable_and_destructive_ones_are():
    @tool("test.burn", policy_hint="destructive")
    async def burn(_given: Nothing, _ctx: ToolContext) -> Done:
        """Burn it."""
        return Done()

    assert list(Registry([wipe, keep, burn]).exposable()) == [keep, burn]


def test_a_registry_shows_what_it_has():
    assert repr(Registry([keep, wipe])) == "Registry(2 tools: admin 1, secrets 1)"
    assert repr(Registry()) == "Registry(no tools)"
    shown = Registry([keep, wipe])._repr_html_()
    assert "<code>secrets.keep</code>" in shown
    assert "&lt;b&gt;everything" in shown


def test_a_principal_is_its_claims_and_does_not_show_its_token():
    claims = Claims(
        sub="u1", email="anna@mana.test", kind="persona", iss="i", aud="a", iat=0, exp=9
    )
    principal = Principal.of(claims, "a.b.c")
    assert principal == Principal("u1", "anna@mana.test", kind="persona", token="a.b.c")
    assert "a.b.c" not in repr(principal)


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("", "UTC"),
        ("Atlantis", "UTC"),
        ("../etc", "UTC"),
        ("x" * 5000, "UTC"),
    ],
)
def test_a_principal_lives_where_the_token_says_and_else_in_utc(said, zone):
    claims = Claims(sub="u1", iss="i", aud="a", iat=0, exp=9, zoneinfo=said)
    assert Principal.of(claims, "a.b.c").zone.key == zone
