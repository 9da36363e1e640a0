"""Quick tools answer with JSON, slow ones say how far they are, and long lists have pages."""

import asyncio
import json

import pytest
from gateway_house import ERAS, Nothing, modern, open_house

from mana_lab.gateway.surface import PAGE_SIZE
from mana_lab.registry import ADMITTED, Done, Registry, ToolContext, ToolSpec


@pytest.fixture
async def anna(room):
    return await room.house.user("anna")


def climb(token=None):
    request = modern(name="shelf.climb", arguments={})
    if token is not None:
        request["json"]["params"]["_meta"]["progressToken"] = token
    return request


def events(answer):
    return [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: {")
    ]


async def test_a_quick_tool_answers_with_json(room, anna):
    async with room.house.http(anna) as http:
        answer = await http.post("/mcp", **modern(name="shelf.quote", arguments={"text": "x"}))
    assert answer.headers["content-type"] == "application/json"


async def test_a_tool_that_says_how_far_it_is_answers_with_a_stream(room, anna):
    async with room.house.http(anna) as http:
        answer = await http.post("/mcp", **climb("p1"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    *steps, last = events(answer)
    assert [step["params"] for step in steps] == [
        {"progressToken": "p1", "progress": n, "total": 3, "message": f"board {n}"}
        for n in (1, 2, 3)
    ]
    assert last["result"]["isError"] is False


async def test_where_nobody_wants_to_know_it_answers_with_json(room, anna):
    async with room.house.http(anna) as http:
        answer = await http.post("/mcp", **climb())
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["result"]["isError"] is False


@pytest.mark.parametrize("era", ERAS)
async def test_clients_of_both_eras_hear_it(room, anna, era):
    heard = []

    async def hear(progress, total, message):
        heard.append((progress, total, message))

    async with room.caller(anna, era) as client:
        await client.call_tool("shelf.climb", {}, progress_callback=hear)
    assert heard == [(n, 3, f"board {n}") for n in (1, 2, 3)]


async def test_two_that_climb_at_once_hear_of_themselves_alone(room, anna):
    ben = await room.house.user("ben")
    async with room.house.http(anna) as hers, room.house.http(ben) as his:
        answers = await asyncio.gather(
            *(hers.post("/mcp", **climb(f"hers {n}")) for n in range(5)),
            *(his.post("/mcp", **climb(f"his {n}")) for n in range(5)),
        )
    for answer, whose in zip(answers, ["hers"] * 5 + ["his"] * 5, strict=True):
        tokens = {step["params"]["progressToken"] for step in events(answer)[:-1]}
        assert len(tokens) == 1
        assert tokens.pop().startswith(whose)


def many(count):
    async def handler(_given: Nothing, _ctx: ToolContext) -> Done:
        return Done()

    specs = [
        ToolSpec(f"many.t{n:04}", "Do nothing.", Nothing, Done, handler, policy_hint="read")
        for n in range(count)
    ]
    return Registry(specs, admitted=dict.fromkeys(ADMITTED))


@pytest.mark.parametrize("count", [PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE + 50])
async def test_a_long_list_has_pages_that_together_are_all_tools_once(tmp_path, clock, count):
    async with open_house(tmp_path, clock, registry=many(count)) as house:
        user = await house.user("anna")
        async with house.http(user) as http, house.running_again() as other:
            names, cursor, pages = [], None, 0
            while pages == 0 or cursor is not None:
                params = {} if cursor is None else {"cursor": cursor}
                # every page from another process
                page_http = http if pages % 2 else other(user)
                answer = await page_http.post("/mcp", **modern("tools/list", **params))
                result = answer.json()["result"]
                assert (result["cacheScope"], result["ttlMs"]) == ("private", 300_000)
                names += [tool["name"] for tool in result["tools"]]
                cursor, pages = result.get("nextCursor"), pages + 1
    assert names == [f"many.t{n:04}" for n in range(count)]
    assert pages == -(-count // PAGE_SIZE)
