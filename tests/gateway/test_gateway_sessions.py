"""A session of the older protocol era belongs to the user who opened it."""

import pytest
from gateway_house import call_echo, from_stream, legacy, open_house, open_session
from gateway_sessions import hello, use

METHODS = ("POST", "GET", "DELETE")


@pytest.mark.parametrize("method", METHODS)
async def test_the_session_of_another_user_is_forbidden_and_stays_unharmed(house, method):
    anna, ben = await house.user("anna"), await house.user("ben")
    async with house.http(anna) as hers, house.http(ben) as his:
        session = await open_session(hers)
        answer = await use(his, method, session)
        assert answer.status_code == 403
        assert answer.json()["error"] == "foreign-session"
        assert "another user" in answer.json()["message"]
        assert (await use(hers, "POST", session)).status_code == 200


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "session",
    ["", "0" * 32, "../..", "x" * 100_000, "\x00", "a\x1b[31mb\r\nc", "\xe4\xf6"],
    ids=["empty", "zeros", "path", "100 kB", "nul", "control", "not ascii"],
)
async def test_a_session_that_nobody_opened_is_not_found(house, method, session):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        answer = await use(http, method, session.encode("latin-1"))
    assert answer.status_code == 404
    assert "initialize" in answer.json()["message"]


async def test_a_closed_session_is_not_found_for_anybody(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    async with house.http(anna) as hers, house.http(ben) as his:
        session = await open_session(hers)
        assert (await use(hers, "DELETE", session)).status_code == 200
        for http in (hers, his):
            for method in METHODS:
                assert (await use(http, method, session)).status_code == 404


async def test_a_stateless_request_may_not_name_the_session_of_another_user(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    request = call_echo()
    async with house.http(anna) as hers, house.http(ben) as his:
        session = await open_session(hers)
        request["headers"]["Mcp-Session-Id"] = session
        assert (await his.post("/mcp", **request)).status_code == 403
        request["headers"]["Mcp-Session-Id"] = "0" * 32
        assert (await his.post("/mcp", **request)).status_code == 200


REFUSED_OPENINGS = {
    "a call": legacy("tools/list"),
    "a notification": {**legacy("x"), "json": {"jsonrpc": "2.0", "method": "initialize"}},
    "an answer": {**legacy("x"), "json": {"jsonrpc": "2.0", "id": 1, "result": {}}},
    "no params": {**legacy("x"), "json": {"jsonrpc": "2.0", "id": 1, "method": "initialize"}},
    "half the params": legacy("initialize", protocolVersion="2025-11-25"),
    "odd params": legacy("initialize", protocolVersion=7, capabilities=[], clientInfo="me"),
}


@pytest.mark.slow
@pytest.mark.parametrize("request_", REFUSED_OPENINGS.values(), ids=REFUSED_OPENINGS)
async def test_a_refused_opening_leaves_no_session(house, request_, sessions):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        answer = await http.post("/mcp", **request_)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {-32600, -32602}
    assert "mcp-session-id" not in answer.headers
    assert sessions.live() == (0, 0)


@pytest.mark.parametrize("bad", ["text/plain", "application/xml"])
async def test_an_opening_that_the_server_behind_refuses_shows_no_session_id(house, bad, sessions):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        request = hello()
        request["headers"]["Accept"] = bad
        answer = await http.post("/mcp", **request)
    assert answer.status_code == 406
    assert "mcp-session-id" not in answer.headers
    assert sessions.live() == (0, 0)


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 400), ("DELETE", 400), ("PUT", 405), ("PATCH", 405)]
)
async def test_without_a_session_only_an_opening_gets_in(house, method, status, sessions):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        answer = await http.request(method, "/mcp", headers=legacy("x")["headers"])
    assert answer.status_code == status
    assert answer.headers.get("allow") == ("DELETE, GET, POST" if status == 405 else None)
    assert sessions.live() == (0, 0)


async def test_two_sessions_of_one_user_are_both_theirs(house):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        first, second = await open_session(http), await open_session(http)
        for session in (first, second):
            listed = from_stream(await use(http, "POST", session))
            assert len(listed["result"]["tools"]) == 5


@pytest.fixture
async def small_house(tmp_path, clock):
    async with open_house(tmp_path, clock, max_sessions_per_user=2, session_idle_s=600.0) as house:
        yield house


async def refused_opening(http):
    answer = await http.post("/mcp", **hello())
    return answer.status_code, answer.json()["error"], answer.headers["retry-after"]


async def test_a_user_has_so_many_sessions_and_no_more(small_house):
    anna, ben = await small_house.user("anna"), await small_house.user("ben")
    async with small_house.http(anna) as hers, small_house.http(ben) as his:
        first = await open_session(hers)
        await open_session(hers)
        assert await refused_opening(hers) == (429, "rate-limited", "600")
        await open_session(his)
        await use(hers, "DELETE", first)
        await open_session(hers)


async def test_openings_that_failed_do_not_count(small_house):
    anna = await small_house.user("anna")
    bad = hello()
    bad["headers"]["Accept"] = "text/plain"
    async with small_house.http(anna) as http:
        for _ in range(3):
            assert (await http.post("/mcp", **bad)).status_code == 406
        for _ in range(2):
            await open_session(http)


async def test_sessions_that_nobody_uses_do_not_count(small_house, clock):
    anna = await small_house.user("anna")
    async with small_house.http(anna) as http:
        await open_session(http)
        await open_session(http)
        clock.advance(600)
        http.headers.update((await small_house.sign_in(anna.email)).headers)
        await open_session(http)
