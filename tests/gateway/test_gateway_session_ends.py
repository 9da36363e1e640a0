"""When a session of the older era is over, and what becomes of those who still listen."""

import asyncio
import os
import re
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from gateway_house import (
    connected,
    from_stream,
    legacy,
    open_house,
    open_session,
)
from gateway_sessions import hello, use
from serving_house import served

from mana_lab.errors import SettingsError
from mana_lab.gateway import GatewayConfig

PATIENCE_S = 10
STATM = Path("/proc/self/statm")
LIMITS = {"session_idle_s": 1000.0, "session_lifetime_s": 3600.0, "session_check_s": 0.01}


@pytest.fixture
async def house(tmp_path, clock):
    async with open_house(tmp_path, clock, **LIMITS) as house:
        yield house


async def status(http, session, method="POST"):
    return (await use(http, method, session)).status_code


def resident_bytes():
    return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def nothing_left(sessions):
    """Wait until no session is left here nor behind."""
    async with asyncio.timeout(PATIENCE_S):
        while sessions.live() != (0, 0):  # noqa: ASYNC110 - nothing tells when the last one is gone
            await asyncio.sleep(0)


@asynccontextmanager
async def at_a_port(house, user):
    """Serve a gateway of the house, for streams; yield the user's client."""
    async with (
        asyncio.timeout(PATIENCE_S),
        served(house.new_app()) as url,
        httpx2.AsyncClient(base_url=url, headers=user.headers) as http,
    ):
        yield http


def listening(http, session):
    return http.stream("GET", "/mcp", headers=legacy("x", session)["headers"])


async def until_its_end(stream):
    async for _ in stream.aiter_bytes():
        pass


async def test_ids_are_256_random_bits_and_never_the_same(house):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        ids = {await open_session(http) for _ in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", each) for each in ids)


async def test_no_log_tells_a_session_id_nor_lets_what_a_client_sent_end_a_line(house, caplog):
    anna, ben = await house.user("anna"), await house.user("ben")
    hostile = b"a\x1b[31mb\r\nINFO forged"
    with caplog.at_level("DEBUG"):
        async with house.http(anna) as hers, house.http(ben) as his:
            session = await open_session(hers)
            for http, method in ((hers, "POST"), (his, "POST"), (his, "DELETE")):
                await use(http, method, session)
                await use(http, method, hostile)
            await use(hers, "DELETE", session)
            await use(hers, "POST", session)
    said = [record.getMessage() for record in caplog.records]
    assert any("session" in each for each in said)
    assert [each for each in said if session in each] == []
    assert [each for each in said if "forged" in each or "\x1b" in each] == []


async def test_the_id_that_a_log_knows_a_session_by_opens_nothing(house, caplog):
    anna = await house.user("anna")
    with caplog.at_level("INFO"):
        async with house.http(anna) as http:
            await open_session(http)
            named = {
                found[0]
                for record in caplog.records
                for found in re.finditer("[0-9a-f]{32}", record.getMessage())
            }
            assert len(named) == 1
            assert await status(http, named.pop()) == 404


async def test_a_session_that_nobody_uses_ends(house, clock, sessions):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        session = await open_session(http)
        for pause, expected in ((999, 200), (999, 200), (1000, 404)):
            clock.advance(pause)
            http.headers.update((await house.sign_in(anna.email)).headers)
            assert await status(http, session) == expected
    await nothing_left(sessions)


async def test_a_session_ends_with_its_lifetime_however_much_it_is_used(house, clock, sessions):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        session = await open_session(http)
        for pause, expected in ((900, 200), (900, 200), (900, 200), (899, 200), (1, 404)):
            clock.advance(pause)
            http.headers.update((await house.sign_in(anna.email)).headers)
            assert await status(http, session) == expected
    await nothing_left(sessions)


async def test_a_session_goes_with_the_token_in_use(house, clock, sessions):
    phone = await house.user("anna")
    laptop = await house.sign_in(phone.email)
    async with house.http(phone) as http:
        session = await open_session(http)
        http.headers.update(laptop.headers)
        assert await status(http, session) == 200
        await house.identity.logout(phone.token)
        clock.advance(30)
        assert await status(http, session) == 200

        await house.identity.logout(laptop.token)
        clock.advance(30)
        assert await status(http, session) == 401
        http.headers.update((await house.sign_in(phone.email)).headers)
        assert await status(http, session) == 404
    assert sessions.live() == (0, 0)


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_a_signed_out_token_opens_a_session_in_no_way(house, clock, method):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        session = await open_session(http)
        await house.identity.logout(anna.token)
        clock.advance(30)
        assert await status(http, session, method) == 401


async def test_a_stream_ends_with_the_token_that_opened_it_and_the_session_stays(house, clock):
    anna = await house.user("anna")
    async with at_a_port(house, anna) as http:
        session = await open_session(http)
        async with listening(http, session) as stream:
            assert stream.status_code == 200
            clock.advance(935)
            await until_its_end(stream)
        assert await status(http, session) == 401
        http.headers.update((await house.sign_in(anna.email)).headers)
        assert await status(http, session) == 200
        async with listening(http, session) as stream:
            assert stream.status_code == 200


async def test_a_stream_and_its_session_end_within_thirty_seconds_of_signing_out(house, clock):
    anna = await house.user("anna")
    async with at_a_port(house, anna) as http:
        session = await open_session(http)
        async with listening(http, session) as stream:
            await house.identity.logout(anna.token)
            clock.advance(29.99)
            await until_its_end(stream)
        http.headers.update((await house.sign_in(anna.email)).headers)
        assert await status(http, session) == 404


async def test_a_stream_of_another_login_stays_when_one_is_signed_out(house, clock):
    phone = await house.user("anna")
    laptop = await house.sign_in(phone.email)
    async with at_a_port(house, phone) as http:
        session = await open_session(http)
        async with listening(http, session) as first:
            http.headers.update(laptop.headers)
            assert await status(http, session) == 200
            await house.identity.logout(phone.token)
            clock.advance(29.99)
            await until_its_end(first)
        async with listening(http, session) as second:
            assert second.status_code == 200


async def test_a_stream_goes_on_while_nobody_knows_whether_it_may(house, clock):
    anna = await house.user("anna")
    async with at_a_port(house, anna) as http:
        session = await open_session(http)
        async with listening(http, session) as stream:
            house.identity_service.answer = house.sync_service.app
            clock.advance(60)
            assert await status(http, session) == 503
            house.identity_service.answer = None
            assert await status(http, session) == 200
            assert not stream.is_closed
            await use(http, "DELETE", session)
            await until_its_end(stream)


async def test_a_stream_ends_in_order_when_its_session_is_closed(house, sessions):
    anna = await house.user("anna")
    async with at_a_port(house, anna) as http:
        session = await open_session(http)
        async with listening(http, session) as stream:
            assert await status(http, session, "DELETE") == 200
            await until_its_end(stream)
    assert sessions.live() == (0, 0)


async def test_a_listener_that_hangs_up_leaves_the_session_as_it_was(house):
    anna = await house.user("anna")
    async with at_a_port(house, anna) as http:
        session = await open_session(http)
        async with listening(http, session) as stream:
            assert stream.status_code == 200
        while (again := await use(http, "POST", session)).status_code != 200:
            pass
        assert from_stream(again)["id"] == 7


async def test_a_call_goes_on_when_its_caller_hangs_up_and_holds_its_id(house):
    anna = await house.user("anna")
    call = {"name": "test.wait", "arguments": {}}
    async with at_a_port(house, anna) as http:
        session = await open_session(http)
        asking = asyncio.create_task(http.post("/mcp", **legacy("tools/call", session, **call)))
        await house.tools.waiting.wait()
        asking.cancel()
        for same in (1, "1"):
            again = await http.post("/mcp", **legacy("tools/list", session, id=same))
            assert again.status_code == 400
            assert "is being answered" in again.json()["error"]["message"]
        assert await status(http, session) == 200
        assert not house.tools.cancelled.is_set()
        await use(http, "DELETE", session)
        await house.tools.cancelled.wait()


async def test_all_users_together_have_so_many_sessions_and_no_more(tmp_path, clock):
    async with open_house(tmp_path, clock, max_sessions=2, **LIMITS) as house:
        users = [await house.user(name) for name in ("anna", "ben", "cleo")]
        for user in users[:2]:
            async with house.http(user) as http:
                await open_session(http)
        async with house.http(users[2]) as http:
            answer = await http.post("/mcp", **hello())
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["error"] == "service-unavailable"
            clock.advance(1000)
            http.headers.update((await house.sign_in(users[2].email)).headers)
            await open_session(http)


def refusals(session):
    """Requests that get nowhere; each of them names what it is refused with."""
    unknown = legacy("tools/list", "0" * 43)
    stateless = {**hello(), "headers": {**hello()["headers"], "MCP-Protocol-Version": "2026-07-28"}}
    return [
        ("POST", hello(), "Bearer no", 401),
        ("POST", legacy("tools/list"), None, 400),
        ("POST", legacy("initialize", protocolVersion="2025-11-25"), None, 400),
        ("POST", {**hello(), "json": [hello()["json"]]}, None, 400),
        ("POST", unknown, None, 404),
        ("GET", {"headers": unknown["headers"]}, None, 404),
        ("GET", {"headers": hello()["headers"]}, None, 400),
        ("DELETE", {"headers": hello()["headers"]}, None, 400),
        ("POST", legacy("tools/list", session), None, 403),
        ("POST", stateless, None, 400),
        ("POST", {**hello(), "headers": {"Accept": "text/html"}}, None, 406),
    ]


async def refuse(house, sessions, anna, ben, times):
    async with house.http(anna) as hers, house.http(ben) as his:
        session = await open_session(hers)
        tasks = len(asyncio.all_tasks())
        done = 0
        while done < times:
            for method, request, shown, expected in refusals(session):
                headers = request["headers"] | ({"Authorization": shown} if shown else {})
                answer = await his.request(method, "/mcp", **(request | {"headers": headers}))
                assert answer.status_code == expected
                done += 1
        assert sessions.live() == (1, 1)
        assert len(asyncio.all_tasks()) < tasks + 10
        await use(hers, "DELETE", session)
    assert sessions.live() == (0, 0)


async def test_refused_requests_leave_no_session(house, sessions):
    await refuse(house, sessions, await house.user("anna"), await house.user("ben"), 300)


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="only Linux tells how much memory is in use")
async def test_a_hundred_thousand_refused_requests_leave_nothing(house, sessions):
    users = await house.user("anna"), await house.user("ben")
    # each is written down, until SQLite's cache is full
    await refuse(house, sessions, *users, 60_000)
    before = resident_bytes()
    await refuse(house, sessions, *users, 100_000)
    assert resident_bytes() - before < 1024 * 1024


@pytest.mark.parametrize("era", ["legacy", "auto"])
async def test_a_gateway_without_sessions_serves_both_eras(tmp_path, clock, era, sessions):
    async with open_house(tmp_path, clock, sessions=False) as house:
        anna = await house.user("anna")
        async with (
            at_a_port(house, anna) as http,
            connected(http, era, str(http.base_url.join("/mcp"))) as c,
        ):
            assert len((await c.list_tools()).tools) == 5
            answer = await c.call_tool("test.echo", {"text": "hi"})
            assert answer.structured_content["userId"] == anna.id
    assert sessions.live() == (0, 0)


async def test_a_gateway_without_sessions_hands_out_no_id_and_knows_none(tmp_path, clock):
    async with open_house(tmp_path, clock, sessions=False) as house:
        anna = await house.user("anna")
        async with house.http(anna) as http:
            opened = await http.post("/mcp", **hello())
            assert opened.status_code == 200
            assert "mcp-session-id" not in opened.headers
            assert await status(http, "0" * 43) == 404
            for method in ("GET", "DELETE", "PUT"):
                answer = await http.request(method, "/mcp", headers=hello()["headers"])
                assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
@pytest.mark.parametrize(
    "name",
    [
        "max_sessions",
        "max_sessions_per_user",
        "session_idle_s",
        "session_lifetime_s",
        "session_check_s",
    ],
)
def test_limits_that_are_no_limits_are_refused(name, value):
    with pytest.raises(SettingsError, match=name):
        GatewayConfig(**{name: value})
