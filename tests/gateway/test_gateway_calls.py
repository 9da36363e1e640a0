"""Listing and calling tools through the SDK's client, in both protocol eras."""

import json
import logging

import httpx2
import pytest
from gateway_house import ERAS, connected
from mcp import MCPError
from serving_house import served

from mana_lab.gateway import ERROR_META, IDEMPOTENCY_META

pytestmark = pytest.mark.parametrize("era", ERAS)


@pytest.fixture
async def anna(house, era):
    user = await house.user("anna")
    async with house.http(user) as http, connected(http, era) as client:
        yield client


async def test_the_client_connects_in_the_era_it_asks_for(anna, era):
    assert anna.protocol_version == {"auto": "2026-07-28", "legacy": "2025-11-25"}[era]
    assert anna.server_info.name == "mana"


async def test_tools_are_listed_by_name_with_hints_and_both_schemas(anna):
    tools = {tool.name: tool for tool in (await anna.list_tools()).tools}
    assert list(tools) == ["test.crash", "test.echo", "test.miss", "test.purge", "test.wait"]
    hints = tools["test.echo"].annotations.model_dump()
    assert hints == {
        "title": "Test: echo",
        "read_only_hint": True,
        "destructive_hint": False,
        "idempotent_hint": True,
        "open_world_hint": False,
    }
    assert tools["test.crash"].annotations.destructive_hint is False
    assert tools["test.crash"].annotations.read_only_hint is False
    assert tools["test.purge"].annotations.destructive_hint is True
    assert tools["test.echo"].input_schema["properties"].keys() == {"text"}
    assert "userId" in tools["test.echo"].output_schema["required"]


async def test_tool_names_keep_their_dot_so_that_the_module_can_be_read_off_them(anna):
    # the original failed here: no dot, no module, no ratings ever
    names = [tool.name for tool in (await anna.list_tools()).tools]
    assert {name.split(".")[0] for name in names} == {"test"}
    assert not (await anna.call_tool("test.echo", {})).is_error


async def test_a_result_comes_as_structured_content_and_as_the_same_json_text(anna):
    result = await anna.call_tool("test.echo", {"text": "grüße"})
    assert result.is_error is False
    assert result.structured_content["text"] == "grüße"
    assert result.structured_content["nothing"] is None
    assert json.loads(result.content[0].text) == result.structured_content


async def test_a_tool_learns_who_calls_and_in_which_space(anna):
    said = (await anna.call_tool("test.echo", {})).structured_content
    assert said["email"] == "anna@mana.test"
    assert said["spaceType"] == "personal"


async def test_a_wrong_argument_is_a_failure_that_names_path_value_and_expectation(anna, house):
    result = await anna.call_tool("test.echo", {"text": 5})
    assert result.is_error is True
    sentence = result.content[0].text
    assert '"text"' in sentence
    assert "got integer 5" in sentence
    assert "must be a string" in sentence
    assert result.meta[ERROR_META] == {
        "code": "invalid-arguments",
        "kind": "invalid-input",
        "path": "text",
    }
    assert house.tools.calls == []


async def test_a_failure_of_a_tool_carries_its_code_and_kind(anna):
    result = await anna.call_tool("test.miss", {})
    assert result.is_error is True
    assert result.content[0].text == "there is no such thing"
    assert result.meta[ERROR_META] == {"code": "not-found", "kind": "not-found"}
    assert result.structured_content is None


async def test_an_unplanned_failure_is_logged_and_tells_the_caller_nothing(anna, caplog):
    with caplog.at_level(logging.ERROR, "mana_lab.gateway"):
        result = await anna.call_tool("test.crash", {})
    assert result.is_error is True
    assert result.content[0].text == "Internal error"
    assert "canary" not in result.model_dump_json()
    assert "the canary sings" in caplog.text


async def test_an_unknown_tool_is_a_protocol_error_that_names_a_similar_one(anna):
    with pytest.raises(MCPError, match=r"did you mean test\.echo") as got:
        await anna.call_tool("test.ecko", {})
    assert got.value.code == -32602
    assert got.value.data == {"code": "unknown-tool", "kind": "not-found"}


async def test_an_admin_tool_is_neither_listed_nor_callable_nor_told_from_an_unknown_one(
    anna, house
):
    assert "admin.wipe" not in {tool.name for tool in (await anna.list_tools()).tools}
    errors = []
    for name in ("admin.wipe", "admin.wine"):
        with pytest.raises(MCPError) as got:
            await anna.call_tool(name, {})
        errors.append((got.value.code, got.value.message.replace(name, "?"), got.value.data))
    assert errors[0] == errors[1]
    assert house.tools.calls == []


async def test_a_destructive_tool_is_refused_with_its_reason(anna, house):
    result = await anna.call_tool("test.purge", {})
    assert result.is_error is True
    assert "takes something away for good" in result.content[0].text
    assert result.meta[ERROR_META] == {
        "code": "forbidden",
        "kind": "refused",
        "rule": "destructive-not-allowed",
    }
    assert house.tools.calls == []


async def test_a_call_done_again_under_its_key_makes_the_same_ids(anna):
    async def first_id(key):
        meta = None if key is None else {IDEMPOTENCY_META: key}
        result = await anna.call_tool("test.echo", {}, meta=meta)
        return result.structured_content["firstId"]

    assert await first_id("tick-1/0") == await first_id("tick-1/0")
    assert await first_id("tick-1/0") != await first_id("tick-1/1")
    assert await first_id(None) != await first_id(None)


@pytest.mark.parametrize("key", ["", "k" * 256, 7], ids=["empty", "long", "number"])
async def test_an_odd_idempotency_key_is_a_protocol_error(anna, key):
    with pytest.raises(MCPError, match="idempotencyKey"):
        await anna.call_tool("test.echo", {}, meta={IDEMPOTENCY_META: key})


@pytest.mark.parametrize("cursor", ["2", "ä", "A" * 300, "/w=="])
async def test_a_cursor_that_nobody_gave_out_is_a_protocol_error(anna, cursor):
    with pytest.raises(MCPError, match="no such cursor"):
        await anna.list_tools(cursor=cursor)


async def test_the_same_calls_work_over_a_real_port(house, era):
    user = await house.user("ben")
    async with (
        served(house.new_app()) as url,
        httpx2.AsyncClient(headers=user.headers) as http,
        connected(http, era, f"{url}/mcp") as client,
    ):
        assert len((await client.list_tools()).tools) == 5
        said = (await client.call_tool("test.echo", {"text": "x"})).structured_content
    assert said["userId"] == user.id
