"""What pages of other sites may do: what browsers ask before, and what they may read after."""

import pytest
from gateway_house import call_echo, from_stream, legacy, modern, open_house, open_session

from mana_lab.clock import ManualClock

PAGE = "https://app.example"
LOCAL = "http://127.0.0.1:6274"
FOREIGN = (
    "https://evil.example",
    "https://app.example:8443",
    "https://app.example.evil.example",
    "http://app.example",
    "https://app.example/",
    "https://sub.app.example",
    "null",
    "*",
    "",
)
STATELESS = "authorization,content-type,mcp-method,mcp-name,mcp-protocol-version,traceparent"
OLDER = "authorization,content-type,last-event-id,mcp-protocol-version,mcp-session-id"


@pytest.fixture(scope="module")
async def house(tmp_path_factory):
    """Return one house for tests that leave nothing behind, open to one more page."""
    folder = tmp_path_factory.mktemp("house")
    async with open_house(
        folder,
        ManualClock(),
        allowed_origins=(LOCAL, PAGE),
        max_body_bytes=2000,
        max_sessions_per_user=1,
    ) as house:
        house.anna = await house.user("anna")
        house.ben = await house.user("ben")
        yield house


async def preflight(house, origin, method="POST", headers=STATELESS, path="/mcp", **more):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    sent = {name: text for name, text in asked.items() if text is not None} | more
    async with house.http() as http:
        return await http.options(path, headers=sent)


def told(answer):
    """Return what an answer says to browsers."""
    return {
        name.removeprefix("access-control-"): text
        for name, text in answer.headers.items()
        if name.startswith("access-control-")
    }


@pytest.mark.parametrize("origin", [PAGE, LOCAL])
@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", STATELESS),
        ("POST", STATELESS.upper().replace(",", ", ")),
        ("POST", OLDER),
        ("GET", OLDER),
        ("DELETE", OLDER),
        ("POST", "authorization,x-mana-space,tracestate,baggage,accept"),
        ("POST", "mcp-param-region,mcp-param-x-1,Mcp-Param-Tenant"),
        ("GET", None),
    ],
    ids=["stateless", "capitals", "older", "listening", "leaving", "space", "parameters", "none"],
)
async def test_a_page_that_is_allowed_may_send_what_clients_send(house, origin, method, headers):
    answer = await preflight(house, origin, method, headers)
    assert (answer.status_code, answer.content) == (204, b"")
    said = told(answer)
    assert said.pop("allow-headers") == ", ".join(
        (headers or "").lower().replace(" ", "").split(",")
    )
    assert said == {
        "allow-origin": origin,
        "allow-methods": "GET, POST, DELETE",
        "max-age": "600",
    }
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", STATELESS),
        ("post", STATELESS),
        ("POST", "cookie"),
        ("POST", "*"),
        ("POST", STATELESS + ",x-service-key"),
        ("POST", "mcp-param-"),
        ("POST", "mcp-param-a b"),
        ("POST", "mcp-param-" + "x" * 129),
        ("POST", "authorization,,mcp-name"),
        ("POST", ",".join(f"mcp-param-{n}" for n in range(65))),
        ("POST", "authorization;mcp-name"),
    ],
    ids=[
        "put",
        "small letters",
        "cookie",
        "any header",
        "service key",
        "no parameter",
        "white space",
        "long",
        "empty",
        "many",
        "semicolon",
    ],
)
async def test_a_page_may_not_send_anything_else(house, method, headers):
    answer = await preflight(house, PAGE, method, headers)
    assert (answer.status_code, told(answer)) == (403, {})


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_is_told_nothing(house, origin):
    answer = await preflight(house, origin)
    assert (answer.status_code, told(answer)) == (403, {})
    assert "Origin" in answer.headers["vary"]
    request = call_echo()
    async with house.http(house.anna, Origin=origin) as http:
        answer = await http.post("/mcp", **request)
    assert (answer.status_code, told(answer)) == (403, {})
    assert house.tools.calls == []


async def test_two_origins_are_nobodys(house):
    twice = [("Origin", PAGE), ("Origin", "https://evil.example")]
    async with house.http(house.anna) as http:
        answer = await http.get("/health", headers=twice)
        assert told(answer) == {}
        asked = [*twice, ("Access-Control-Request-Method", "POST")]
        answer = await http.options("/mcp", headers=asked)
    assert (answer.status_code, told(answer)) == (403, {})


async def test_a_public_page_may_reach_this_machine_where_it_is_allowed(house):
    asked = {"Access-Control-Request-Private-Network": "true"}
    answer = await preflight(house, PAGE, **asked)
    assert told(answer)["allow-private-network"] == "true"
    assert told(await preflight(house, "https://evil.example", **asked)) == {}


READABLE = {
    "allow-origin": PAGE,
    "expose-headers": "Mcp-Session-Id, MCP-Protocol-Version, Retry-After, WWW-Authenticate",
}


async def test_a_page_reads_the_answers_of_both_eras(house):
    async with house.http(house.ben, Origin=PAGE) as http:
        answer = await http.post("/mcp", **call_echo("hello"))
        assert answer.json()["result"]["structuredContent"]["text"] == "hello"
        assert told(answer) == READABLE
        session = await open_session(http)
        answer = await http.post("/mcp", **legacy("tools/list", session))
        assert from_stream(answer)["result"]["tools"]
        assert told(answer) == READABLE
        answer = await http.delete("/mcp", headers=legacy("", session)["headers"])
        assert (answer.status_code, told(answer)) == (200, READABLE)
    house.tools.calls.clear()


async def test_a_page_reads_where_to_sign_in(house):
    for path in ("/.well-known/oauth-protected-resource/mcp", "/health"):
        async with house.http(Origin=PAGE) as http:
            answer = await http.get(path)
        assert (answer.status_code, told(answer)) == (200, READABLE)
        assert (
            await preflight(house, PAGE, "GET", "mcp-protocol-version", path)
        ).status_code == 204


def with_headers(request, **given):
    return {**request, "headers": request["headers"] | given}


ERRORS = {
    "no token": (401, {"Authorization": ""}, call_echo()),
    "a bad token": (401, {"Authorization": "Bearer x.y.z"}, call_echo()),
    "a foreign host": (421, {"Host": "evil.example"}, call_echo()),
    "a foreign space": (403, {"X-Mana-Space": "nobodys"}, call_echo()),
    "a header that contradicts": (400, {"Mcp-Name": "test.miss"}, call_echo()),
    "an unknown method": (404, {}, modern("tools/dance")),
    "an unknown session": (404, {}, legacy("ping", "nobodys")),
    "a long body": (413, {}, call_echo("x" * 2000)),
    "no such path": (404, {}, call_echo()),
}


@pytest.mark.parametrize(("status", "headers", "request_"), ERRORS.values(), ids=ERRORS)
async def test_a_page_reads_why_it_was_refused(house, status, headers, request_):
    request = with_headers(request_, **headers, Origin=PAGE)
    path = "/nowhere" if status == 404 and request_ == call_echo() else "/mcp"
    async with house.http(house.anna) as http:
        answer = await http.post(path, **request)
    assert (answer.status_code, told(answer)) == (status, READABLE)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert house.tools.calls == []


async def test_a_page_reads_that_it_has_too_many_sessions(house):
    async with house.http(house.anna, Origin=PAGE) as http:
        session = await open_session(http)
        who = {"name": "test", "version": "1"}
        asked = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": who}
        answer = await http.post("/mcp", **legacy("initialize", **asked))
        assert (answer.status_code, told(answer)) == (429, READABLE)
        await http.delete("/mcp", headers=legacy("", session)["headers"])


async def test_who_is_no_browser_is_told_nothing_but_that_origins_matter(house):
    async with house.http(house.anna) as http:
        answer = await http.post("/mcp", **modern("tools/list"))
        assert (answer.status_code, told(answer)) == (200, {})
        assert answer.headers["vary"] == "Origin"
        answer = await http.options("/mcp")
        assert (answer.status_code, told(answer)) == (405, {})
