"""Calls that carry an idempotency key: one effect and one answer, whatever goes wrong."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from calls_house import open_room
from gateway_house import ERAS, from_stream, http_into, legacy, modern, open_session
from sqlalchemy import select, text

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.gateway import ERROR_META, IDEMPOTENCY_META, GatewayKeys, Memory
from mana_lab.gateway.once import Terms
from mana_lab.gateway.tables import ANSWERS


@pytest.fixture
async def anna(room):
    return await room.house.user("anna")


def put(text="a book", key="tick-1/0", tool="shelf.put", **arguments):
    request = modern(name=tool, arguments={"text": text, **arguments})
    request["json"]["params"]["_meta"][IDEMPOTENCY_META] = key
    return request


async def call(room, user, request, **headers):
    async with room.house.http(user, **headers) as http:
        return (await http.post("/mcp", **request)).json()


def code_of(answer):
    return answer["result"]["_meta"][ERROR_META]["code"]


async def kept(room):
    return await room.house.memory.store.read(lambda c: list(c.execute(select(ANSWERS))))


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_done_again_happens_once_and_brings_the_same_answer(room, anna, clock, era):
    async with room.client(anna, era) as client:
        meta = {IDEMPOTENCY_META: "tick-1/0"}
        first = await client.call_tool("shelf.put", {"text": "a book"}, meta=meta)
        clock.advance(3)
        second = await client.call_tool("shelf.put", {"text": "a book"}, meta=meta)
    assert first.structured_content == second.structured_content
    assert (room.shelf.runs, list(room.shelf.written.values())) == (1, ["a book"])


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_fifty_at_once_have_one_effect_and_one_answer(tmp_path, clock, era):
    """With the usual limit of calls a minute: they are one call."""
    async with open_room(tmp_path, clock, max_calls_per_user=50) as room:
        anna = await room.house.user("anna")
        entered = asyncio.Queue()

        async def door(scope, receive, send):
            entered.put_nowait(scope["path"])
            await room.house.app(scope, receive, send)

        async with http_into(door, anna.headers) as http:
            session = await open_session(http) if era == "legacy" else None
            arguments = {"name": "shelf.put", "arguments": {"text": "wait"}}
            meta = {IDEMPOTENCY_META: "tick-1/0"}

            async def answered(number):
                request = put("wait")
                if session is not None:
                    request = legacy("tools/call", session, number, **arguments, _meta=meta)
                answer = await http.post("/mcp", **request)
                return (from_stream(answer) if session else answer.json())["result"]

            while not entered.empty():
                entered.get_nowait()
            going = [asyncio.create_task(answered(number)) for number in range(50)]
            for _ in going:
                await entered.get()
            room.shelf.gate.set()
            answers = await asyncio.gather(*going)
        lines = await room.lines()
    assert len({str(answer) for answer in answers}) == 1
    assert answers[0]["isError"] is False
    assert (room.shelf.runs, list(room.shelf.written.values())) == (1, ["wait"])
    assert [(line.rule, line.outcome) for line in lines] == [("clean", "success")] * 50


async def test_the_order_of_the_arguments_says_nothing(room, anna):
    first = await call(room, anna, put())
    request = put()
    request["json"]["params"] = dict(reversed(request["json"]["params"].items()))
    assert (await call(room, anna, request)) == first


@pytest.mark.parametrize(
    "other",
    [put("another book"), put(tool="shelf.quote"), put(colour="red")],
    ids=["arguments", "tool", "more"],
)
async def test_the_same_key_for_another_call_is_a_conflict(room, anna, other):
    await call(room, anna, put())
    assert code_of(await call(room, anna, other)) == "idempotency-conflict"
    assert list(room.shelf.written.values()) == ["a book"]


async def test_the_same_key_in_another_space_is_a_conflict(room, anna):
    ben = await room.house.user("ben")
    space = await room.house.share("Books", anna, ben)
    await call(room, anna, put())
    answer = await call(room, anna, put(), **{"X-Mana-Space": space})
    assert code_of(answer) == "idempotency-conflict"


async def test_keys_of_two_users_have_nothing_to_do_with_one_another(room, anna):
    ben = await room.house.user("ben")
    hers, his = await call(room, anna, put()), await call(room, ben, put("his book"))
    assert hers["result"]["structuredContent"] != his["result"]["structuredContent"]
    assert sorted(room.shelf.written.values()) == ["a book", "his book"]


async def test_a_failure_of_the_call_itself_is_an_answer_too(room, anna):
    request = modern(name="shelf.miss", arguments={})
    request["json"]["params"]["_meta"][IDEMPOTENCY_META] = "k"
    first, second = await call(room, anna, request), await call(room, anna, request)
    assert first == second
    assert (code_of(first), room.shelf.runs) == ("not-found", 1)


async def test_what_failed_in_passing_is_done_when_it_is_called_again(room, anna, clock):
    room.shelf.broken = True
    assert code_of(await call(room, anna, put())) == "service-unavailable"
    room.shelf.broken = False
    clock.advance(60)
    answer = await call(room, anna, put())
    said = answer["result"]["structuredContent"]
    assert list(room.shelf.written.items()) == [(said["id"], "a book")]
    assert said["writtenAt"] == "2026-01-05T00:00:00.000Z"  # when it was called first
    assert room.shelf.runs == 2


async def test_a_process_that_dies_between_the_effect_and_the_answer_leaves_one_effect(
    room, anna, clock
):
    """Its claim ends, and the next process does the call as of the same moment."""
    house, shelf = room.house, room.shelf
    dying = asyncio.create_task(call(room, anna, put("wait")))
    await shelf.reached.wait()
    [claimed] = await kept(room)
    assert (claimed.holder, claimed.sealed_answer) == (house.memory.terms.holder, None)
    other = Memory(house.memory.store, house.memory.keys, Terms("other"), wall_clock=clock)
    clock.advance(6)
    shelf.gate.set()
    async with house.running_again(memory=other) as http:
        answer = (await http(anna).post("/mcp", **put("wait"))).json()["result"]
    assert answer["structuredContent"]["writtenAt"] == "2026-01-05T00:00:00.000Z"
    assert list(shelf.written.values()) == ["wait"]
    late = (await dying)["result"]  # it was not dead after all: it says the same
    assert late["structuredContent"] == answer["structuredContent"]


async def test_alone_on_its_store_a_process_waits_for_no_dead_one(room, anna):
    house, shelf = room.house, room.shelf
    dead = asyncio.create_task(call(room, anna, put("wait")))
    await shelf.reached.wait()
    shelf.gate.set()
    alone = Memory(house.memory.store, house.memory.keys, Terms("next", alone=True))
    async with house.running_again(memory=alone) as http:
        answer = (await http(anna).post("/mcp", **put("wait"))).json()
    assert answer["result"]["isError"] is False
    await dead
    assert list(shelf.written.values()) == ["wait"]


async def test_a_call_that_was_hung_up_on_can_be_called_again_at_once(room, anna):
    hung_up = asyncio.create_task(call(room, anna, put("wait")))
    await room.shelf.reached.wait()
    hung_up.cancel()
    with suppress(asyncio.CancelledError):
        await hung_up
    room.shelf.gate.set()
    answer = await call(room, anna, put("wait"))
    assert answer["result"]["isError"] is False
    assert list(room.shelf.written.values()) == ["wait"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_store_that_breaks_tells_the_caller_nothing(room, anna, era):
    await room.house.memory.store.write(
        lambda connection: connection.execute(text("DROP TABLE keyed_answers"))
    )
    async with room.client(anna, era) as client:
        meta = {IDEMPOTENCY_META: "k"}
        result = await client.call_tool("shelf.put", {"text": "x"}, meta=meta)
    assert result.content[0].text == "Internal error"
    assert result.meta[ERROR_META] == {"code": "infrastructure", "kind": "infrastructure"}
    assert room.shelf.written == {}


async def test_answers_are_kept_sealed(room, anna):
    await call(room, anna, put("a secret book", tool="shelf.quote"))
    await call(room, anna, put("a secret book", key="k2"))
    rows = await kept(room)
    assert len(rows) == 2
    assert "secret" not in str(rows)
    assert "tick-1" not in str(rows)
    with pytest.raises(Exception, match="not one of this gateway"):
        GatewayKeys(b"x" * 32).answers.open(rows[0].sealed_answer)


async def test_reading_with_a_key_brings_what_was_read_first(room, anna):
    first = await call(room, anna, put("x", tool="shelf.quote"))
    assert await call(room, anna, put("x", tool="shelf.quote")) == first
    assert room.shelf.runs == 1


async def test_answers_are_forgotten_after_a_day(room, anna, clock):
    await call(room, anna, put())
    clock.advance(24 * 3600 + 1)
    user = await room.house.sign_in(anna.email)
    async with room.house.http(user) as http:
        for n in range(50):
            await http.post("/mcp", **put(key=f"k{n}"))
            clock.advance(3)
    assert min(row.acts_at for row in await kept(room)) == SIMULATION_EPOCH + timedelta(
        days=1, seconds=1
    )
