"""What is refused before MCP sees it."""

import asyncio
import json
from contextlib import suppress

import pytest
from gateway_house import call_echo, legacy, modern, open_house

from mana_lab.gateway.lingering import Deadline, Rounds


async def post(house, request, *, content=None):
    anna = await house.user("anna")
    headers = {"Content-Type": "application/json", **request["headers"]}
    async with house.http(anna) as http:
        body = json.dumps(request["json"]) if content is None else content
        return await http.post("/mcp", headers=headers, content=body)


def code(answer):
    assert answer.json()["jsonrpc"] == "2.0"
    return answer.json()["error"]["code"]


async def test_white_space_around_the_protocol_headers_does_not_matter(house):
    request = call_echo()
    request["headers"]["Mcp-Name"] = "test.echo \t"
    assert (await post(house, request)).status_code == 200


@pytest.mark.parametrize("version", [None, "2025-11-25"])
async def test_a_stateless_message_needs_its_version_header(house, version):
    request = call_echo()
    del request["headers"]["MCP-Protocol-Version"]
    if version is not None:
        request["headers"]["MCP-Protocol-Version"] = version
    answer = await post(house, request)
    assert answer.status_code == 400
    assert code(answer) == -32020
    assert answer.json()["id"] == 1
    assert "MCP-Protocol-Version" in answer.json()["error"]["message"]
    assert house.tools.calls == []


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Mcp-Method", "tools/list"),
        ("Mcp-Name", "test.miss"),
        ("MCP-Protocol-Version", "2026-07-29"),
    ],
)
async def test_a_header_that_contradicts_the_body_is_refused(house, header, value):
    request = call_echo()
    request["headers"][header] = value
    answer = await post(house, request)
    assert answer.status_code == 400
    assert code(answer) in {-32020, -32022}
    assert house.tools.calls == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"id": 1, "id": 2}',
        '{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": NaN}}',
        b'{"jsonrpc": "\xff"}',
        "[" * 1000 + "]" * 1000,
        '{"id": ' + "9" * 5000 + "}",
        '{"id": "\\ud800"}',
    ],
    ids=["empty", "torn", "twice", "nan", "not utf-8", "deep", "huge number", "half a character"],
)
async def test_json_that_is_not_json_or_can_be_read_in_two_ways_is_refused(house, content):
    answer = await post(house, call_echo(), content=content)
    assert answer.status_code == 400
    assert code(answer) == -32700


@pytest.mark.parametrize(
    "odd", [1.5, None, True, [], "x" * 257, 10**30], ids=lambda odd: repr(odd)[:12]
)
async def test_an_id_that_is_neither_text_nor_integer_is_refused_and_not_swallowed(house, odd):
    request = call_echo()
    request["json"]["id"] = odd
    answer = await post(house, request)
    assert answer.status_code == 400
    assert code(answer) == -32600
    assert house.tools.calls == []


@pytest.mark.parametrize("make", [call_echo, lambda: legacy("ping")], ids=["stateless", "older"])
async def test_a_batch_is_refused(house, make):
    request = make()
    answer = await post(house, request | {"json": [request["json"]]})
    assert answer.status_code == 400
    assert code(answer) == -32600


@pytest.fixture
async def narrow_house(tmp_path, clock):
    async with open_house(tmp_path, clock, max_body_bytes=2000) as house:
        yield house


async def test_a_body_above_the_limit_is_refused(narrow_house):
    answer = await post(narrow_house, call_echo("x" * 2000))
    assert answer.status_code == 413
    assert answer.json()["error"] == "payload-too-large"
    assert "2000 bytes" in answer.json()["message"]
    assert narrow_house.tools.calls == []


async def test_a_body_above_the_limit_is_refused_when_its_length_is_not_declared(narrow_house):
    async def endless():
        while True:
            yield b" " * 512

    answer = await post(narrow_house, call_echo(), content=endless())
    assert answer.status_code == 413


async def test_a_body_that_does_not_arrive_in_time_is_refused(tmp_path, clock):
    async def stalled():
        yield b'{"jsonrpc"'
        await asyncio.Event().wait()

    async with open_house(tmp_path, clock, body_deadline_s=0.0) as house:
        answer = await post(house, call_echo(), content=stalled())
    assert answer.status_code == 400
    assert "did not arrive within 0 s" in answer.json()["message"]


def test_a_deadline_ends_its_own_work_in_a_task_that_was_cancelled_before():
    async def main():
        task = asyncio.current_task()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        assert task.cancelling() == 1
        with Deadline(Rounds(0.0), 0.0):
            await asyncio.Event().wait()
        return task.cancelling()

    assert asyncio.run(main()) == 1


async def test_a_method_that_is_not_there_is_not_found(house):
    answer = await post(house, modern("resources/list"))
    assert answer.status_code == 404
    assert code(answer) == -32601


async def test_the_list_of_tools_is_the_same_bytes_every_time(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    seen = set()
    for user in (anna, ben, anna):
        async with house.http(user) as http:
            seen.add((await http.post("/mcp", **modern("tools/list"))).content)
    assert len(seen) == 1


async def test_the_list_of_tools_may_be_kept_by_the_one_who_got_it(house):
    result = (await post(house, modern("tools/list"))).json()["result"]
    assert result["cacheScope"] == "private"
    assert result["ttlMs"] > 0
