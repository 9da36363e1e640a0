"""Personas use a server that runs by itself: both eras, credentials, and servers that misbehave."""

import asyncio
import gzip

import httpx2
import pytest
from mcp.types import ListToolsResult
from starlette.responses import JSONResponse, PlainTextResponse, Response
from target_house import Shop, answered, door_to, failed, recorder, remote, served, tool

from mana_lab.errors import (
    ProtocolError,
    ServiceUnavailableError,
    SettingsError,
    UnauthenticatedError,
)
from mana_lab.runner.target import ServerLimits

MEGABYTE = 1024 * 1024


@pytest.fixture
def shop():
    return Shop()


@pytest.mark.parametrize(
    ("era", "protocol", "version"),
    [
        ("both", "auto", "2026-07-28"),
        ("both", "2026-07-28", "2026-07-28"),
        ("both", "legacy", "2025-11-25"),
        ("old", "auto", "2025-11-25"),
    ],
)
async def test_a_server_of_either_era_is_used_and_audited(anna, era, protocol, version):
    shop = Shop(era=era)
    async with (
        served(shop.app()) as url,
        door_to(remote(url, protocol=protocol), anna) as door,
    ):
        assert door.view.protocol == version
        kept = recorder("tick", door)
        async with door.open(anna, kept) as app:
            added = await app.call("goods_add", {"name": "tea", "price": 2})
            listed = await app.call("goods_list")
    assert added.data == {"id": "g0", "name": "tea", "price": 2}
    assert listed.data == {"goods": [added.data]}
    assert [(each.tool_name, each.module, each.result) for each in kept.actions] == [
        ("goods_add", "goods", "ok"),
        ("goods_list", "goods", "ok"),
    ]
    assert all(len(action.tool_hash) == 64 for action in kept.actions)


async def test_a_look_tells_what_the_server_is(shop, anna):
    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        named = "<Target: shops/corner-shop 1.2, MCP 2026-07-28, 5 tools in cornerShop, goods"
        assert repr(door.view).startswith(named)
        modules = {each.name: each.module for each in door.view.tools}
    assert modules == {
        "get_weather": "cornerShop",
        "goods_add": "goods",
        "goods_list": "goods",
        "goods_remove": "goods",
        "opening-hours": "opening",
    }


@pytest.mark.parametrize("era", ["both", "old"])
async def test_a_persona_keeps_a_connection_of_their_own_from_tick_to_tick(anna, maya, era):
    shop = Shop(era=era)

    async def tick(persona, door):
        async with door.open(persona, recorder()) as app:
            await app.call("goods_list")
            return app.line

    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        first = await tick(anna, door)
        other = await tick(maya, door)
        assert await tick(anna, door) is first
        assert other is not first
    for line in (first, other):
        with pytest.raises(ServiceUnavailableError, match="closed"):
            await line.client()


async def test_each_persona_shows_a_token_of_their_own(shop, anna, maya):
    tokens = {"anna": "token-of-anna", "maya": "token-of-maya"}
    async with served(shop.app()) as url, door_to(remote(url, tokens.get), anna) as door:
        for persona in (anna, maya):
            shop.users.clear()
            async with door.open(persona, recorder()) as app:
                assert (await app.call("goods_list")).ok
            assert set(shop.users) == {f"Bearer token-of-{persona.slug}"}


async def test_a_token_an_authentication_and_headers_are_sent_along(shop, anna):
    class Signed(httpx2.Auth):
        def auth_flow(self, request):
            request.headers["Authorization"] = "Signature of the test"
            yield request

    async with served(shop.app()) as url:
        for auth, shown in (("abc", "Bearer abc"), (Signed(), "Signature of the test")):
            shop.users.clear()
            async with door_to(remote(url, auth, {"X-Team": "blue"}), anna):
                assert set(shop.users) == {shown}
        assert shop.headers[-1]["x-team"] == "blue"
        assert shop.headers[-1]["accept-encoding"] == "identity"


async def test_who_is_not_let_in_learns_so_at_once(shop, anna):
    shop.refuse = lambda _scope: JSONResponse({"error": "bad token"}, 401)
    async with served(shop.app()) as url:
        with pytest.raises(UnauthenticatedError, match="bad token"):
            async with door_to(remote(url, "wrong"), anna):
                pass


async def test_the_challenge_of_a_server_reaches_the_authentication(shop, anna):
    seen = []

    class Asked(httpx2.Auth):
        def auth_flow(self, request):
            response = yield request
            seen.append(response.headers.get("www-authenticate"))

    challenge = {"WWW-Authenticate": 'Bearer resource_metadata="http://there"'}
    shop.refuse = lambda _scope: PlainTextResponse("who?", 401, challenge)
    async with served(shop.app()) as url:
        with pytest.raises(UnauthenticatedError, match="HTTP 401"):
            async with door_to(remote(url, Asked()), anna):
                pass
    assert set(seen) == set(challenge.values())


async def test_a_server_that_is_not_there_cannot_be_reached(anna):
    async with served(Shop().app()) as url:
        pass
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        async with door_to(remote(url), anna):
            pass


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("<html>", 200, media_type="text/html"),
        JSONResponse({"hello": "world"}),
        PlainTextResponse("{" * 5_000, 200, media_type="application/json"),
        PlainTextResponse("[" * 5_000, 500, media_type="application/json"),
        Response(status_code=202),
    ],
    ids=["page", "other JSON", "broken JSON", "deep error", "nothing"],
)
async def test_what_does_not_speak_mcp_is_said_to(anna, shop, answer):
    shop.refuse = lambda _scope: answer
    async with served(shop.app()) as url:
        with pytest.raises((ProtocolError, ServiceUnavailableError)):
            async with door_to(remote(url, limits=ServerLimits(start_s=5, call_s=2)), anna):
                pass


async def test_a_server_that_never_answers_is_given_up(shop, anna):
    async def never(_scope, _receive, _send):
        await asyncio.Event().wait()

    shop.refuse = lambda _scope: never
    async with served(shop.app()) as url:
        with pytest.raises(ServiceUnavailableError, match=r"not ready within 0\.2 s"):
            async with door_to(remote(url, limits=ServerLimits(start_s=0.2)), anna):
                pass


async def used(shop, anna, name, arguments=None, **limits):
    """Call a tool in a tick of anna's."""
    limited = ServerLimits(**{"start_s": 20, "call_s": 20, "answer_bytes": MEGABYTE} | limits)
    async with served(shop.app()) as url, door_to(remote(url, limits=limited), anna) as door:
        kept = recorder("tick", door)
        async with door.open(anna, kept) as app:
            outcome = await app.call(name, arguments)
            assert (await app.call("goods_list")).ok
    return outcome, kept.actions[0]


@pytest.mark.parametrize("era", ["both", "old"])
async def test_an_answer_that_is_too_long_fails_the_call_and_nothing_else(anna, era):
    """An older server sends it as an event, a newer one as one JSON text."""
    shop = Shop(era=era)
    long = answered({"text": "x" * 2 * MEGABYTE})
    shop.answer = lambda name, _given: long if name == "get_weather" else None
    outcome, action = await used(shop, anna, "get_weather", {"city": "Rome"})
    assert outcome.error.kind == "infrastructure"
    assert str(MEGABYTE) in outcome.error.message
    assert action.error_message == outcome.error.message[:500]


async def test_a_call_that_takes_too_long_fails_and_nothing_else(shop, anna):
    async def slow():
        await asyncio.Event().wait()

    shop.answer = lambda name, _given: slow() if name == "get_weather" else None
    outcome, _ = await used(shop, anna, "get_weather", {"city": "Rome"}, call_s=0.3)
    assert (outcome.error.kind, outcome.error.code) == ("infrastructure", "service-unavailable")
    assert "timed out" in outcome.error.message


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("city not found: Rome", "not-found"),
        ("Entity with name x does not exist", "not-found"),
        ("Permission denied for /etc/passwd", "refused"),
        ("user already exists", "conflict"),
        ("MCP error -32602: Input validation error: expected number", "invalid-input"),
        ("upstream timed out", "infrastructure"),
        ("no", "invalid-input"),
        ("", "invalid-input"),
        ("\x00\u202e", "invalid-input"),
    ],
)
async def test_a_failure_is_read_by_its_words(shop, anna, said, kind):
    shop.answer = lambda name, _given: failed(said) if name == "get_weather" else None
    outcome, action = await used(shop, anna, "get_weather", {"city": "Rome"})
    assert (outcome.error.kind, action.error_kind) == (kind, kind)
    assert "\x00" not in action.error_message


async def test_an_answer_that_is_no_json_fails_the_call_and_nothing_else(shop, anna):
    shop.answer = lambda name, _given: failed("\ud83d") if name == "get_weather" else None
    outcome, _ = await used(shop, anna, "get_weather", {"city": "Rome"})
    assert outcome.error.code == "protocol-error"
    assert outcome.error.message == "the server's answer is not one of MCP"


async def test_a_tool_that_is_not_there_is_audited_in_its_module(shop, anna):
    shop.answer = lambda name, _given: failed(f"Unknown tool: {name}") if "juggle" in name else None
    outcome, action = await used(shop, anna, "goods_juggle")
    assert (outcome.error.code, action.module) == ("unknown-tool", "goods")
    assert action.tool_hash is None


async def test_a_call_in_a_space_is_not_sent(shop, anna):
    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        app = await door.enter(anna, recorder())
        outcome = await app.call("goods_list", space_id="somewhere")
        assert (outcome.error.kind, app.shared_spaces) == ("not-found", ())
        assert "tools/call" not in shop.methods


async def test_an_answer_that_comes_compressed_unasked_is_not_read(shop, anna):
    bomb = gzip.compress(b" " * 50 * MEGABYTE)
    packed = Response(bomb, media_type="application/json", headers={"Content-Encoding": "gzip"})
    shop.refuse = lambda _scope: packed
    async with served(shop.app()) as url:
        with pytest.raises(ProtocolError, match="compresses"):
            async with door_to(remote(url), anna):
                pass


async def test_a_list_of_tools_without_end_is_refused(shop, anna):
    shop.pages = lambda cursor: ListToolsResult(
        tools=[tool(f"t{cursor}")], next_cursor=f"{cursor}x"
    )
    async with served(shop.app()) as url:
        with pytest.raises(ProtocolError, match="after 100 pages"):
            async with door_to(remote(url), anna):
                pass
    shop.pages = lambda _cursor: ListToolsResult(tools=[tool(f"t{n}") for n in range(1_001)])
    async with served(shop.app()) as url:
        with pytest.raises(ProtocolError, match="more than 1000 tools"):
            async with door_to(remote(url), anna):
                pass


async def test_pages_are_put_together(shop, anna):
    pages = {None: ("b_one", "2"), "2": ("a_two", "3"), "3": ("c_three", None)}
    shop.pages = lambda cursor: ListToolsResult(
        tools=[tool(pages[cursor][0])], next_cursor=pages[cursor][1]
    )
    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        assert [each.name for each in door.view.tools] == ["a_two", "b_one", "c_three"]


async def test_tools_that_cannot_be_audited_or_read_are_left_out(shop, anna):
    deep = {}
    for _ in range(40):
        deep = {"type": "object", "properties": {"inner": deep}}
    shop.pages = lambda _cursor: ListToolsResult(
        tools=[
            tool("fine", description="Say\x1b[31m hello\u202e\nnow" + "!" * 9_000),
            tool("fine"),
            tool("süß / $x^2$ 🎈", {"a": TEXT_WITH_CONTROLS}),
            tool("not\nfine"),
            tool("\u200bfine"),
            tool("n" * 201),
            tool(" "),
            tool("deep", {"inner": deep}),
            tool("wide", {f"f{n}": {} for n in range(6_000)}),
        ]
    )
    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        view = door.view
    assert [each.name for each in view.tools] == ["fine", "süß / $x^2$ 🎈"]
    assert view.tools[0].description.startswith("Say [31m hello \nnow!")
    assert len(view.tools[0].description) == 8_000
    assert view.tools[1].input_schema["properties"]["a"]["description"] == "a b"
    assert set(view.left_out) == {"fine", "not fine", f"{'n' * 79}…", "(no name)", "deep", "wide"}


TEXT_WITH_CONTROLS = {"type": "string", "description": "a\x07b"}


async def test_a_server_without_tools_is_of_no_use(shop, anna):
    shop.pages = lambda _cursor: ListToolsResult(tools=[])
    async with served(shop.app()) as url:
        with pytest.raises(ProtocolError, match="offers no tool"):
            async with door_to(remote(url), anna):
                pass


@pytest.mark.parametrize(
    ("url", "more", "words"),
    [
        ("localhost:8000/mcp", {}, "need the address"),
        ("ftp://here/mcp", {}, "need the address"),
        ("", {}, "need the address"),
        (None, {}, "need the address"),
        ("http://", {}, "need the address"),
        ("http://me:secret@here/mcp", {}, "password in it"),
        ("http://here/mcp", {"headers": {"a b": "c"}}, "not the name of a header"),
        ("http://here/mcp", {"headers": {"X-Team": "b\r\nc"}}, "cannot stand in a header"),
        ("http://here/mcp", {"headers": {"X-Team": 7}}, "cannot stand in a header"),
        ("http://here/mcp", {"protocol": "2027"}, "need one of"),
        ("http://here/mcp", {"auth": 7}, "auth: "),
        ("http://here/mcp", {"auth": ""}, "auth: "),
    ],
)
def test_what_cannot_be_used_is_refused(url, more, words):
    with pytest.raises(SettingsError, match=words) as refused:
        remote(url, **more)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("name", ["start_s", "call_s", "answer_bytes", "kept"])
def test_limits_are_above_nothing(name):
    with pytest.raises(SettingsError, match=name):
        ServerLimits(**{name: 0})


async def test_a_token_that_a_function_gives_is_checked_when_it_is_needed(shop, anna):
    async with served(shop.app()) as url:
        with pytest.raises(SettingsError, match="auth: ") as refused:
            async with door_to(remote(url, lambda _slug: "two\nlines"), anna):
                pass
    assert "two" not in refused.value.message
