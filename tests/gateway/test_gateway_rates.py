"""Nobody calls one tool too often, however many calls come at once and wherever they come in."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from calls_house import open_room
from gateway_house import ERAS, from_stream, legacy, modern, open_session

from mana_lab import gateway
from mana_lab.clock import ManualClock, SimulatedClock
from mana_lab.errors import SettingsError
from mana_lab.gateway import ERROR_META, IDEMPOTENCY_META, GatewayConfig
from mana_lab.gateway.rates import MemoryRates, SharedRates
from mana_lab.storage import Store


def quote(text="x"):
    return modern(name="shelf.quote", arguments={"text": text})


def is_refused(answer):
    return answer.json()["result"]["isError"]


async def test_of_a_hundred_calls_at_once_thirty_are_done(room):
    user = await room.house.user("anna")
    async with room.house.http(user) as http:
        await http.post("/mcp", **modern(name="shelf.miss", arguments={}))
        # fewer at a time than the gateway takes of one user at once
        answers = []
        for _ in range(10):
            answers += await asyncio.gather(*(http.post("/mcp", **quote()) for _ in range(10)))
    refused = [answer for answer in answers if is_refused(answer)]
    assert (len(answers) - len(refused), room.shelf.runs) == (30, 31)
    told = refused[0].json()["result"]
    assert told["_meta"][ERROR_META] == {
        "code": "rate-limited",
        "kind": "refused",
        "retryAfterSec": 60,
        "rule": "rate-limit-exceeded",
    }
    assert refused[0].headers["retry-after"] == "60"
    assert "60 s" in told["content"][0]["text"]


async def test_other_tools_and_other_users_are_not_slowed_down(room):
    anna, ben = await room.house.user("anna"), await room.house.user("ben")
    async with room.house.http(anna) as http, room.house.http(ben) as bens:
        for _ in range(31):
            last = await http.post("/mcp", **quote())
        assert is_refused(last)
        put = modern(name="shelf.put", arguments={"text": "x"})
        assert not is_refused(await http.post("/mcp", **put))
        assert not is_refused(await bens.post("/mcp", **quote()))


async def test_the_minute_slides(room, clock):
    user = await room.house.user("anna")
    async with room.house.http(user) as http:
        for _ in range(30):
            assert not is_refused(await http.post("/mcp", **quote()))
            clock.advance(1)
        early = await http.post("/mcp", **quote())
        assert (is_refused(early), early.headers["retry-after"]) == (True, "30")
        clock.advance(30)
        assert not is_refused(await http.post("/mcp", **quote()))
        assert is_refused(await http.post("/mcp", **quote()))


@pytest.mark.parametrize("tool", ["shelf.climb", "shelf.burn", "shelf.quote"])
async def test_an_older_session_is_told_when_again_also_where_the_tool_may_stream(
    tmp_path, clock, tool
):
    async with open_room(tmp_path, clock, calls_per_minute=1) as room:
        user = await room.house.user("anna")
        await room.allow(user, "shelf.burn")
        async with room.house.http(user) as http:
            session = await open_session(http)
            call = legacy("tools/call", session, 1, name=tool, arguments={"text": "x"})
            first, second = [await http.post("/mcp", **call) for _ in range(2)]
    assert "retry-after" not in first.headers
    assert "rate-limit" in second.text
    assert second.headers["retry-after"] == "60"


async def test_an_older_session_is_counted_together_with_stateless_calls(room):
    user = await room.house.user("anna")
    async with room.house.http(user) as http:
        session = await open_session(http)
        for n in range(30):
            call = legacy("tools/call", session, n, name="shelf.quote", arguments={"text": "x"})
            assert from_stream(await http.post("/mcp", **call))["result"]["isError"] is False
        assert is_refused(await http.post("/mcp", **quote()))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["shelf.put", "shelf.quote"])
async def test_a_call_that_is_done_again_is_no_call_of_its_own(room, era, tool):
    user = await room.house.user("anna")
    async with room.client(user, era) as client:

        async def calls(*keys):
            metas = [{IDEMPOTENCY_META: key} for key in keys]
            results = [await client.call_tool(tool, {"text": "x"}, meta=meta) for meta in metas]
            return [result.is_error for result in results]

        assert await calls(*["k"] * 31) == [False] * 31
        assert await calls(*range_of_keys(30)) == [False] * 29 + [True]
        assert await calls("k", "key 0") == [False, False]
        assert await calls("new") == [True]


def range_of_keys(count):
    return [f"key {n}" for n in range(count)]


async def test_a_call_that_is_tried_anew_is_counted_again(room):
    """Under the same key or another one: it acts, or another call than the first one does."""
    user = await room.house.user("anna")
    room.shelf.broken = True
    async with room.client(user) as client:
        for n in range(30):
            meta = {IDEMPOTENCY_META: "k"}
            text = "another" if n % 2 else "x"
            result = await client.call_tool("shelf.put", {"text": text}, meta=meta)
        assert result.meta[ERROR_META]["code"] == "idempotency-conflict"
        result = await client.call_tool("shelf.put", {"text": "x"}, meta=meta)
    assert result.meta[ERROR_META]["rule"] == "rate-limit-exceeded"
    assert room.shelf.runs == 15


async def test_a_simulated_fortnight_is_not_throttled_and_a_lab_at_rest_not_for_ever():
    clock = SimulatedClock()
    rates = MemoryRates(clock, limit=3)
    for _ in range(100):
        assert await rates.take("anna", "todo.create") is None
        clock.move_to(clock.now() + timedelta(hours=1))
    still = ManualClock()
    rates = MemoryRates(still, limit=1)
    assert await rates.take("anna", "todo.create") is None
    assert await rates.take("anna", "todo.create") == 60
    still.advance(60)
    assert await rates.take("anna", "todo.create") is None


async def test_gateways_of_one_memory_count_together(room, clock):
    """And as the memory says, which has counted nothing yet."""
    rates = MemoryRates(clock, limit=2)
    memory = replace(room.house.memory, rates=rates)
    user = await room.house.user("anna")
    async with (
        room.house.running_again(memory=memory) as one,
        room.house.running_again(memory=memory) as other,
    ):
        answers = [await http(user).post("/mcp", **quote()) for http in (one, other, one)]
    assert [is_refused(answer) for answer in answers] == [False, False, True]


async def test_what_is_counted_is_forgotten():
    clock = ManualClock()
    rates = MemoryRates(clock)
    for n in range(1000):
        await rates.take(f"user {n}", "todo.create")
    clock.advance(60)
    await rates.take("anna", "todo.create")
    assert len(rates) == 1


async def test_processes_that_share_a_store_count_as_one(home, clock):
    """Many at once, through two stores on one database: never one too many."""
    stores = [await Store.open(home.url("gateway"), gateway.METADATA) for _ in range(2)]
    try:
        rates = [SharedRates(store, clock, limit=30) for store in stores]
        waits = await asyncio.gather(
            *(rates[n % 2].take("anna", "todo.create") for n in range(100)),
            *(rates[n % 2].take("ben", "todo.create") for n in range(10)),
        )
        assert waits[:100].count(None) == 30
        assert waits[100:] == [None] * 10
        assert set(waits[:100]) == {None, 60}
        clock.advance(45)
        assert await rates[0].take("anna", "todo.create") == 15
        clock.advance(15)
        assert await rates[1].take("anna", "todo.create") is None
    finally:
        for store in stores:
            await store.close()


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_lets_nobody_in_is_no_setting(limit):
    with pytest.raises(SettingsError, match="calls_per_minute"):
        GatewayConfig(calls_per_minute=limit)
