"""Attempts that never become calls are in the audit too, and those of strangers fill no disk."""

import asyncio
import json

import pytest
from calls_house import open_room
from gateway_house import call_echo, http_into, modern

from mana_lab.gateway.attempts import NOBODY, STRANGERS_A_MINUTE

PATIENCE_S = 10
CANARY = "canary-7f3a9c"
REFUSED = "mana_mcp_requests_refused_total"


@pytest.fixture
async def anna(room):
    return await room.house.user("anna")


def quote(**members):
    """Return a call as a body that may be odd, and its headers."""
    request = modern(name="shelf.quote", arguments={"text": CANARY})
    headers = {**request["headers"], "Content-Type": "application/json"}
    return headers, request["json"] | members


def without(name):
    headers, body = quote()
    del headers[name]
    return headers, body


def other_version():
    headers, body = quote()
    body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2027-01-01"
    return {**headers, "MCP-Protocol-Version": "2027-01-01"}, body


def as_text(text):
    return quote()[0], text


REFUSALS = {
    "no version": (without("MCP-Protocol-Version"), 400, "shelf.quote", "not-a-request"),
    "unknown version": (other_version(), 400, "shelf.quote", "not-a-request"),
    "odd id": (quote(id=1.5), 400, "shelf.quote", "not-a-request"),
    "odd params": (quote(params=[CANARY]), 400, "", "not-a-request"),
    "no name": (without("Mcp-Name"), 400, "shelf.quote", "not-a-request"),
    "batch": (as_text(json.dumps([quote()[1]])), 400, "", "not-a-request"),
    "no json": (as_text(CANARY), 400, "", "not-a-request"),
    "twice": (as_text('{"method": "tools/call", "method": "x"}'), 400, "", "not-a-request"),
    "too long": (as_text(CANARY * 1000), 413, "", "payload-too-large"),
}


@pytest.mark.parametrize(("sent", "status", "tool", "rule"), REFUSALS.values(), ids=REFUSALS)
async def test_what_is_refused_before_it_is_a_call_is_a_line(
    tmp_path, clock, sent, status, tool, rule
):
    headers, body = sent
    async with open_room(tmp_path, clock, max_body_bytes=2000) as room:
        anna = await room.house.user("anna")
        async with room.house.http(anna) as http:
            content = body if isinstance(body, str) else json.dumps(body)
            answer = await http.post("/mcp", headers=headers, content=content)
            assert answer.status_code == status
            counted = (await http.get("/metrics")).text
        [line] = await room.lines()
    assert (line.principal, line.tool, line.decision) == (anna.id, tool, "deny")
    assert (line.rule, line.outcome, line.error_code) == (rule, "denied", rule)
    assert f'{REFUSED}{{reason="{rule}"}} 1.0' in counted
    assert CANARY not in str(line)
    assert room.shelf.runs == 0


async def test_other_messages_that_are_refused_are_no_attempts(room, anna):
    async with room.house.http(anna) as http:
        for odd in ({"id": 1.5}, {"id": None}):
            request = modern("tools/list")
            request["json"] |= odd
            assert (await http.post("/mcp", **request)).status_code == 400
    assert await room.lines() == []


@pytest.mark.parametrize(
    ("limits", "status", "rule"),
    [
        ({"max_calls_per_user": 1}, 429, "rate-limited"),
        ({"max_calls": 1}, 503, "service-unavailable"),
    ],
)
async def test_a_body_too_many_is_a_line(tmp_path, clock, limits, status, rule):
    sending, rest = asyncio.Event(), asyncio.Event()

    async def slowly():
        yield b"{"
        sending.set()
        await rest.wait()

    async with (
        asyncio.timeout(PATIENCE_S),
        open_room(tmp_path, clock, **limits) as room,
        asyncio.TaskGroup() as tasks,
    ):
        anna = await room.house.user("anna")
        async with room.house.http(anna) as http:
            tasks.create_task(room.house.http(anna).post("/mcp", content=slowly()))
            await sending.wait()
            answer = await http.post("/mcp", **call_echo())
            assert (answer.status_code, answer.headers["retry-after"]) == (status, "1")
            [line] = await room.lines()
            rest.set()
    assert (line.principal, line.tool, line.rule) == (anna.id, "", rule)


STRANGERS = {
    "no token": ({}, "unauthenticated"),
    "bad token": ({"Authorization": f"Bearer {CANARY}"}, "invalid-token"),
    "twice": ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], "invalid-input"),
    "many headers": ([(f"X-{n}", CANARY) for n in range(101)], "headers-too-large"),
    "other page": ({"Origin": f"http://{CANARY}.example"}, "forbidden"),
    "other host": ({"Host": f"{CANARY}.example"}, "misdirected-request"),
}


@pytest.mark.parametrize(("shown", "rule"), STRANGERS.values(), ids=STRANGERS)
async def test_a_request_of_nobody_knows_whom_is_a_line_about_nobody(room, shown, rule):
    headers = [*call_echo()["headers"].items(), ("X-Mana-Space", CANARY)]
    headers += list(shown.items()) if isinstance(shown, dict) else shown
    async with room.house.http() as http:
        answer = await http.post("/mcp", headers=headers, json=call_echo()["json"])
    assert answer.json()["error"] == rule
    [line] = await room.lines()
    assert (line.principal, line.space_id, line.tool) == (NOBODY, "", "")
    assert (line.decision, line.rule, line.outcome) == ("deny", rule, "denied")
    assert CANARY not in str(line)


async def test_a_token_that_has_expired_is_a_line_about_nobody(room, anna, clock):
    clock.advance(3600)
    async with room.house.http(anna) as http:
        assert (await http.post("/mcp", **call_echo())).status_code == 401
    [line] = await room.lines()
    assert (line.principal, line.rule) == (NOBODY, "token-expired")


async def test_a_flood_of_strangers_is_counted_and_fills_no_disk(room, anna, clock):
    async def flood():
        async with http_into(room.house.app, {}) as http:
            for _ in range(10):
                await asyncio.gather(*(http.post("/mcp", **call_echo()) for _ in range(10)))

    async def lines_of(principal):
        return len([line for line in await room.lines() if line.principal == principal])

    await flood()
    async with room.house.http(anna) as http:
        bad = modern(name="shelf.quote", arguments={})
        bad["json"]["id"] = 1.5
        assert (await http.post("/mcp", **bad)).status_code == 400
        assert await lines_of(NOBODY) == STRANGERS_A_MINUTE
        assert await lines_of(anna.id) == 1  # who is known is not crowded out
        assert f'{REFUSED}{{reason="unauthenticated"}} 100.0' in (await http.get("/metrics")).text
        clock.advance(60)
        await flood()
        assert await lines_of(NOBODY) == 2 * STRANGERS_A_MINUTE
        assert f'{REFUSED}{{reason="unauthenticated"}} 200.0' in (await http.get("/metrics")).text
