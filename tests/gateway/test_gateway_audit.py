"""Every attempt leaves one line, that says all but what was asked; and what it says is counted."""

import asyncio
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from calls_house import agreeing
from gateway_house import ERAS, legacy, modern, open_session
from mcp import MCPError
from sqlalchemy import text

from mana_lab import gateway
from mana_lab.gateway import GatewayKeys
from mana_lab.gateway.audit import CallLog, Line, line_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
CANARY = "canary-7f3a9c"


@pytest.fixture
async def anna(room):
    return await room.house.user("anna")


def line(n=0, clock=None, **changes):
    given = {
        "id": f"line {n}",
        "occurred_at": clock.now(),
        "principal": "anna",
        "space_id": "space",
        "tool": "todo.create",
        "tool_hash": None,
        "input_hmac": "0" * 64,
        "trace_id": TRACE,
    }
    return Line(**(given | changes))


@pytest.mark.parametrize("era", ERAS)
async def test_every_way_in_which_an_attempt_can_end_is_one_line(room, anna, era):
    async with room.caller(anna, era, elicitation_callback=agreeing()) as client:
        await client.call_tool("shelf.quote", {"text": CANARY})
        await client.call_tool("shelf.quote", {"texts": CANARY})
        await client.call_tool("shelf.miss", {})
        await client.call_tool("shelf.burn", {"text": CANARY})
        with pytest.raises(MCPError):
            await client.call_tool("shelf.nothing", {"text": CANARY})
        meta = {"how.mana/idempotencyKey": 7}
        with pytest.raises(MCPError):
            await client.call_tool("shelf.put", {"text": CANARY}, meta=meta)
    lines = await room.lines()
    assert {
        (each.tool, each.decision, each.rule, each.outcome, each.error_code) for each in lines
    } == {
        ("shelf.quote", "allow", "clean", "success", None),
        ("shelf.quote", "allow", "clean", "invalid", "invalid-arguments"),
        ("shelf.miss", "allow", "clean", "failed", "not-found"),
        ("shelf.burn", "deny", "destructive-not-allowed", "denied", "forbidden"),
        ("shelf.nothing", "deny", "unknown-tool", "invalid", "unknown-tool"),
        ("shelf.put", "allow", "clean", "invalid", "invalid-request"),
    }
    assert len(lines) == 6
    for each in lines:
        assert each.principal == anna.id
        assert each.space_id == anna.personal_space
        assert re.fullmatch("[0-9a-f]{64}", each.input_hmac)
        assert re.fullmatch("[0-9a-f]{32}", each.trace_id)
        assert each.latency_ms >= 0
        assert (each.tool_hash is None) == (each.tool == "shelf.nothing")
    assert CANARY not in str(lines)


async def test_the_digest_tells_equal_arguments_and_nothing_else(room, anna):
    async with room.house.http(anna) as http:
        for words in ("one", "one", "two"):
            await http.post("/mcp", **modern(name="shelf.quote", arguments={"text": words}))
    digests = [each.input_hmac for each in await room.lines()]
    assert len(set(digests)) == 2
    keys = room.house.memory.keys
    assert keys.digest({"text": "one"}) in digests
    assert keys.digest({"b": 1, "a": [2]}) == keys.digest({"a": [2], "b": 1})
    assert GatewayKeys(b"x" * 32).digest({"text": "one"}) not in digests


@pytest.mark.parametrize("place", ["meta", "header", "both"])
async def test_a_call_belongs_to_the_trace_that_its_client_names(room, anna, place):
    request = modern(name="shelf.quote", arguments={"text": "x"})
    said = f"00-{TRACE}-b7ad6b7169203331-01"
    other = f"00-{'1' * 32}-b7ad6b7169203331-01"
    if place != "header":
        request["json"]["params"]["_meta"]["traceparent"] = said
    if place != "meta":
        request["headers"]["traceparent"] = said if place == "header" else other
    async with room.house.http(anna) as http:
        await http.post("/mcp", **request)
    assert [each.trace_id for each in await room.lines()] == [TRACE]


@pytest.mark.parametrize(
    "said",
    [7, "", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{TRACE}-b7ad6b7169203331-01", "x" * 999],
)
async def test_a_trace_that_is_none_begins_a_new_one(room, anna, said):
    request = modern(name="shelf.quote", arguments={"text": "x"})
    request["json"]["params"]["_meta"]["traceparent"] = said
    async with room.house.http(anna) as http:
        assert (await http.post("/mcp", **request)).status_code == 200
    [each] = await room.lines()
    assert each.trace_id not in {TRACE, "0" * 32}


async def test_an_attempt_that_is_refused_at_the_door_is_a_line_too(room, anna):
    ben = await room.house.user("ben")
    quote = modern(name="shelf.quote", arguments={"text": CANARY})
    async with (
        room.house.http(ben) as bens,
        room.house.http(anna, **{"X-Mana-Space": ben.personal_space}) as elsewhere,
        room.house.http(anna) as http,
    ):
        session = await open_session(bens)
        assert (await elsewhere.post("/mcp", **quote)).status_code == 403
        stolen = legacy("tools/call", session, 7, name="shelf.quote", arguments={})
        assert (await http.post("/mcp", **stolen)).status_code == 403
        nameless = modern("tools/call")
        unnamed = modern(name="shelf.quote", arguments={})
        unnamed["headers"]["Mcp-Name"] = "shelf.put"
        assert (await http.post("/mcp", **unnamed)).status_code == 400
        assert (await http.post("/mcp", **nameless)).status_code == 400
        assert (await http.post("/mcp", **modern("tools/list"))).status_code == 200
    lines = await room.lines()
    assert {(each.tool, each.rule, each.outcome) for each in lines} == {
        ("shelf.quote", "not-a-member", "denied"),
        ("shelf.quote", "foreign-session", "denied"),
        ("shelf.quote", "not-a-request", "denied"),
        ("", "not-a-request", "denied"),
    }
    assert {each.principal for each in lines} == {anna.id}
    assert ben.personal_space in {each.space_id for each in lines}
    assert room.shelf.runs == 0
    assert CANARY not in str(lines)


async def test_what_writes_is_put_down_before_it_acts(room, anna):
    async with room.house.http(anna) as http:
        request = modern(name="shelf.put", arguments={"text": "wait"})
        call = asyncio.create_task(http.post("/mcp", **request))
        await room.shelf.reached.wait()
        [begun] = await room.lines()
        assert (begun.outcome, begun.latency_ms) == ("begun", None)
        room.shelf.gate.set()
        await call
    [ended] = await room.lines()
    assert (ended.id, ended.outcome) == (begun.id, "success")


async def test_a_call_that_is_hung_up_on_is_told_as_cancelled(room, anna):
    async with room.house.http(anna) as http:
        call = asyncio.create_task(
            http.post("/mcp", **modern(name="shelf.put", arguments={"text": "wait"}))
        )
        await room.shelf.reached.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    [ended] = await room.lines()
    assert ended.outcome == "cancelled"


async def test_where_the_audit_is_not_taken_nothing_is_written_and_reading_goes_on(room, anna):
    await room.house.memory.store.write(
        lambda connection: connection.execute(text("ALTER TABLE attempts RENAME TO gone"))
    )
    log = gateway.log_of(room.house.app)
    async with room.house.http(anna) as http:
        put = await http.post("/mcp", **modern(name="shelf.put", arguments={"text": "x"}))
        read = await http.post("/mcp", **modern(name="shelf.quote", arguments={"text": "x"}))
        assert put.json()["result"]["_meta"][gateway.ERROR_META]["rule"] == "audit-unavailable"
        assert read.json()["result"]["isError"] is False
        assert room.shelf.written == {}
        assert (await http.get("/ready")).status_code == 503
        assert "mana_mcp_audit_failing 1.0" in (await http.get("/metrics")).text
        await room.house.memory.store.write(
            lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO attempts"))
        )
        again = await http.post("/mcp", **modern(name="shelf.put", arguments={"text": "x"}))
    assert again.json()["result"]["isError"] is False
    await log.close()
    assert log.waiting == 0
    assert len(await room.lines()) == 3  # the two that waited, and the last


async def test_what_waits_is_written_down_when_the_gateway_stops(room, clock):
    log = CallLog(room.house.memory.store)
    for n in range(50):
        log.end(line(n, clock, outcome="success"))
    assert log.waiting == 50
    await log.close()
    await log.close()
    assert (log.waiting, len(await room.lines())) == (0, 50)


async def test_too_many_lines_that_wait_stop_all_calls(room, anna, clock):
    log = gateway.log_of(room.house.app)
    log._new.extend(line(n, clock) for n in range(10_000))
    async with room.house.http(anna) as http:
        read = await http.post("/mcp", **modern(name="shelf.quote", arguments={"text": "x"}))
    told = read.json()["result"]["_meta"][gateway.ERROR_META]
    assert (told["code"], told["rule"]) == ("service-unavailable", "audit-unavailable")


async def test_of_a_user_who_is_forgotten_no_line_stays(room, anna):
    ben = await room.house.user("ben")
    for user in (anna, ben):
        async with room.house.http(user) as http:
            request = modern(name="shelf.put", arguments={"text": "x"})
            request["json"]["params"]["_meta"]["how.mana/idempotencyKey"] = "k"
            await http.post("/mcp", **request)
    await gateway.log_of(room.house.app).forget_user(anna.id)
    assert [each.principal for each in await room.lines()] == [ben.id]

    def everything(connection):
        return str(
            [list(connection.execute(table.select())) for table in gateway.METADATA.sorted_tables]
        )

    assert anna.id not in await room.house.memory.store.read(everything)


async def test_the_metrics_count_decisions_calls_and_time(room, anna):
    async with room.house.http(anna) as http:
        await http.post("/mcp", **modern(name="shelf.quote", arguments={"text": "x"}))
        await http.post("/mcp", **modern(name="shelf.quote", arguments={}))
        await http.post("/mcp", **modern(name="shelf.miss", arguments={}))
        await http.post("/mcp", **modern(name="shelf.burn", arguments={"text": "x"}))
        for n in range(3):
            await http.post("/mcp", **modern(name=f"tool.{n}", arguments={}))
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    told = answer.text.splitlines()
    calls = "mana_mcp_tool_invocations_total"
    decisions = "mana_mcp_policy_decisions_total"
    refused = "destructive-not-allowed"
    for expected in (
        f'{calls}{{outcome="success",tool="shelf.quote"}} 1.0',
        f'{calls}{{outcome="input-invalid",tool="shelf.quote"}} 1.0',
        f'{calls}{{outcome="handler-error",tool="shelf.miss"}} 1.0',
        f'{calls}{{outcome="denied",tool="shelf.burn"}} 1.0',
        f'{calls}{{outcome="input-invalid",tool="unknown"}} 3.0',
        f'{decisions}{{decision="allow",mode="enforce",reason="clean"}} 3.0',
        f'{decisions}{{decision="deny",mode="enforce",reason="{refused}"}} 1.0',
        'mana_mcp_tool_duration_seconds_count{outcome="success",tool="shelf.quote"} 1.0',
        "mana_mcp_sessions 0.0",
        "mana_mcp_jwks_keys 1.0",
        "mana_mcp_jwks_stale 0.0",
        "mana_mcp_verified_tokens 1.0",
    ):
        assert expected in told
    assert anna.id not in answer.text


def test_the_ids_of_lines_are_in_the_order_of_time_and_of_version_7():
    drawn = [uuid.UUID(int=0), uuid.UUID(int=(1 << 128) - 1)]
    moment = datetime(2026, 1, 5, 7, 0, 0, 123_000, tzinfo=UTC)
    ids = [
        line_id(moment + timedelta(milliseconds=n), each)
        for n in range(3)
        for each in reversed(drawn)
    ]
    assert [each[:13] for each in ids] == sorted(each[:13] for each in ids)
    for each in map(uuid.UUID, ids):
        assert (each.version, each.variant) == (7, uuid.RFC_4122)
    assert uuid.UUID(ids[0]).int >> 80 == int(moment.timestamp() * 1000)
    assert len(set(ids)) == 6
