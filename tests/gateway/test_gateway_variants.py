"""Variants: what one user is promised and given otherwise than the app is, and nobody else."""

import pytest
from gateway_house import ERAS, connected, modern, open_house
from mcp import MCPError

from mana_lab.errors import NotFoundError, ServiceUnavailableError
from mana_lab.gateway.variants import Variant, Variants


@pytest.fixture
def variants():
    return Variants()


@pytest.fixture
async def house(tmp_path, clock, variants):
    async with open_house(tmp_path, clock, variants=variants) as house:
        yield house


def described(text):
    def describe(tool):
        return tool.model_copy(update={"description": text}) if tool.name == "test.echo" else tool

    return Variant(f"described as {text}", describe)


def without(name):
    return Variant(f"without {name}", lambda tool: None if tool.name == name else tool)


async def listed(house, user, era="auto"):
    async with connected(house.http(user), era) as client:
        return {tool.name: tool for tool in (await client.list_tools()).tools}


async def told(house, user, name="test.echo", **arguments):
    async with connected(house.http(user), "auto") as client:
        return await client.call_tool(name, arguments)


@pytest.mark.parametrize("era", ERAS)
async def test_only_who_has_a_variant_is_promised_it(house, variants, era):
    anna, ben = await house.user("anna"), await house.user("ben")
    with variants.applied(anna.id, described("Say it twice.")):
        assert (await listed(house, anna, era))["test.echo"].description == "Say it twice."
        assert (await listed(house, ben, era))["test.echo"].description.startswith("Say what came")
    assert (await listed(house, anna, era))["test.echo"].description.startswith("Say what came")


async def test_an_answer_names_the_version_that_was_promised(house, variants):
    anna = await house.user("anna")
    usual = (await told(house, anna)).meta["how.mana/toolHash"]
    with variants.applied(anna.id, described("Say it twice.")):
        other = (await told(house, anna)).meta["how.mana/toolHash"]
    assert usual != other
    assert (await told(house, anna)).meta["how.mana/toolHash"] == usual


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_taken_away_is_neither_listed_nor_known(house, variants, era):
    anna = await house.user("anna")
    with variants.applied(anna.id, without("test.echo")):
        async with connected(house.http(anna), era) as client:
            assert "test.echo" not in {tool.name for tool in (await client.list_tools()).tools}
            with pytest.raises(MCPError, match="no tool called"):
                await client.call_tool("test.echo", {})
    assert house.tools.calls == []


async def test_what_is_taken_away_is_answered_as_what_was_never_there(house, variants):
    anna = await house.user("anna")
    with variants.applied(anna.id, without("test.echo")):
        gone = await house.http(anna).post("/mcp", **modern(name="test.echo", arguments={}))
        never = await house.http(anna).post("/mcp", **modern(name="test.nothing", arguments={}))
    assert gone.status_code == never.status_code == 200
    errors = [answer.json()["error"] for answer in (gone, never)]
    assert errors[0]["code"] == errors[1]["code"]
    assert errors[0]["data"] == errors[1]["data"]


async def test_a_page_goes_on_where_a_tool_was_taken_away(house, variants, monkeypatch):
    monkeypatch.setattr("mana_lab.gateway.surface.PAGE_SIZE", 2)
    anna = await house.user("anna")
    async with connected(house.http(anna), "auto") as client:
        first = await client.list_tools()
        names = [tool.name for tool in first.tools]
        with variants.applied(anna.id, without(names[-1])):
            second = await client.list_tools(cursor=first.next_cursor)
    assert [tool.name for tool in second.tools] == ["test.miss", "test.purge"]


async def test_a_callable_stands_around_the_work(house, variants):
    async def twice(call, proceed):
        answer = await proceed()
        data = {**answer["structuredContent"], "text": f"{call.arguments['text']} twice"}
        return {**answer, "structuredContent": data}

    anna = await house.user("anna")
    with variants.applied(anna.id, Variant("twice", around=twice)):
        assert (await told(house, anna, text="hello")).structured_content["text"] == "hello twice"


async def test_its_failure_is_the_tools_and_is_audited(house, variants, caplog):
    async def broken(_call, _proceed):
        raise ServiceUnavailableError("the cellar is flooded")

    anna = await house.user("anna")
    with variants.applied(anna.id, Variant("broken", around=broken)):
        result = await told(house, anna, text="hello")
    assert result.is_error
    assert result.content[0].text == "the cellar is flooded"
    assert result.meta["how.mana/error"]["code"] == "service-unavailable"
    assert house.tools.calls == []
    assert not caplog.records  # nothing of the gateway's own is broken


async def test_what_nobody_planned_in_a_callable_tells_nobody_anything(house, variants):
    async def careless(_call, _proceed):
        raise RuntimeError("the canary sings")

    anna = await house.user("anna")
    with variants.applied(anna.id, Variant("careless", around=careless)):
        result = await told(house, anna)
    assert result.is_error
    assert "canary" not in result.content[0].text


async def test_joined_variants_both_apply_the_second_outermost(house, variants):
    seen = []

    def noting(name):
        async def around(_call, proceed):
            seen.append(name)
            return await proceed()

        return Variant(name, around=around)

    anna = await house.user("anna")
    both = noting("inner") | noting("outer") | described("Say it twice.")
    with variants.applied(anna.id, both):
        await told(house, anna)
        assert (await listed(house, anna))["test.echo"].description == "Say it twice."
    assert seen == ["outer", "inner"]


async def test_a_variant_for_all_is_under_everybodys_own(house, variants):
    async def lost(_call, _proceed):
        raise NotFoundError("lost")

    anna, ben = await house.user("anna"), await house.user("ben")
    with (
        variants.for_all(described("Say it twice.")),
        variants.applied(anna.id, Variant("lost", around=lost)),
    ):
        assert (await listed(house, ben))["test.echo"].description == "Say it twice."
        assert (await listed(house, anna))["test.echo"].description == "Say it twice."
        assert (await told(house, anna)).is_error
        assert not (await told(house, ben)).is_error
    assert variants.of(ben.id) is None


def test_what_is_kept_of_the_app_is_kept_by_variant(variants):
    assert variants.partition("u") == "u"
    with variants.applied("u", described("otherwise")):
        inside = variants.partition("u")
        with variants.applied("u", described("again")):
            assert variants.partition("u") != inside
        assert variants.partition("u") == inside != "u"
    assert variants.partition("u") == "u"
