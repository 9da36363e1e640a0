"""What the specification says of single requests: status and code, and which versions there are."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from gateway_house import call_echo, from_stream, legacy, modern, open_house, open_session

from mana_lab.clock import ManualClock
from mana_lab.tools import default_registry

META = "io.modelcontextprotocol/"
VERSIONS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]


def with_headers(request, **given):
    """Return a request with other headers; None takes one away."""
    headers = request["headers"] | {name.replace("_", "-"): text for name, text in given.items()}
    kept = {name: text for name, text in headers.items() if text is not None}
    return {**request, "headers": kept}


def with_meta(request, **given):
    """Return a request with other members of ``_meta``; None takes one away."""
    params = request["json"]["params"]
    meta = params["_meta"] | {META + name: value for name, value in given.items()}
    kept = {name: value for name, value in meta.items() if value is not None}
    return {**request, "json": request["json"] | {"params": params | {"_meta": kept}}}


def without(request, *members):
    """Return a request whose body lacks some members."""
    kept = {name: each for name, each in request["json"].items() if name not in members}
    return {**request, "json": kept}


def in_version(request, version):
    """Return a request of the stateless era in another version, header and body alike."""
    return with_meta(with_headers(request, MCP_Protocol_Version=version), protocolVersion=version)


def base64_name(name):
    return f"=?base64?{base64.b64encode(name.encode()).decode()}?="


CALL = call_echo()
LIST = modern("tools/list")
REFUSED = {
    "no version header": (with_headers(CALL, MCP_Protocol_Version=None), 400, -32020),
    "an older version header": (with_headers(CALL, MCP_Protocol_Version="2025-11-25"), 400, -32020),
    "an empty version header": (with_headers(CALL, MCP_Protocol_Version=""), 400, -32020),
    "another version header": (with_headers(CALL, MCP_Protocol_Version="v999"), 400, -32020),
    "another version in the body": (with_meta(CALL, protocolVersion="v999"), 400, -32020),
    "a number as version": (with_meta(CALL, protocolVersion=20260728), 400, -32020),
    "no method header": (with_headers(CALL, Mcp_Method=None), 400, -32020),
    "another method header": (with_headers(CALL, Mcp_Method="tools/list"), 400, -32020),
    "a method header in capitals": (with_headers(CALL, Mcp_Method="TOOLS/CALL"), 400, -32020),
    "no name header": (with_headers(CALL, Mcp_Name=None), 400, -32020),
    "another name header": (with_headers(CALL, Mcp_Name="test.miss"), 400, -32020),
    "a torn name header": (with_headers(CALL, Mcp_Name="=?base64?test.echo?="), 400, -32020),
    "no params": (without(LIST, "params"), 400, -32602),
    "no version in the body": (with_meta(LIST, protocolVersion=None), 400, -32602),
    "no capabilities": (with_meta(CALL, clientCapabilities=None), 400, -32602),
    "no name of a tool": (modern("tools/call", arguments={}), 400, -32602),
    "a page that is not there": (modern("tools/list", cursor="2"), 400, -32602),
    "an unknown tool": (modern(name="test.nothing", arguments={}), 200, -32602),
    "an admin tool": (modern(name="admin.wipe", arguments={}), 200, -32602),
    "an unknown method": (modern("tools/dance"), 404, -32601),
    "an older method": (modern("ping"), 404, -32601),
    "an older handshake": (modern("initialize"), 404, -32601),
    "what is not offered": (modern("subscriptions/listen", notifications={}), 404, -32601),
}


@dataclass
class Door:
    """A gateway, and a client that somebody signed in with."""

    http: httpx2.AsyncClient
    calls: list[str]


@pytest.fixture(scope="module")
async def open_door(tmp_path_factory):
    async with (
        open_house(tmp_path_factory.mktemp("house"), ManualClock()) as house,
        house.http(await house.user("anna")) as http,
    ):
        yield Door(http, house.tools.calls)


@pytest.fixture
def door(open_door):
    """Return the one door of these tests, behind which nothing was called yet."""
    open_door.calls.clear()
    return open_door


@pytest.mark.parametrize(("request_", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_each_fault_has_its_status_and_code(door, request_, status, code):
    answer = await door.http.post("/mcp", **request_)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["id"] == 1
    assert door.calls == []


@pytest.mark.parametrize("name", ["Mcp-Method", "Mcp-Name", "MCP-Protocol-Version"])
async def test_a_header_that_is_there_twice_is_refused_though_both_say_the_same(door, name):
    twice = [*CALL["headers"].items(), (name, CALL["headers"][name])]
    answer = await door.http.post("/mcp", headers=twice, json=CALL["json"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)
    assert door.calls == []


UNKNOWN_VERSION = {
    "stateless": in_version(CALL, "v999"),
    "of tomorrow": in_version(LIST, "2027-01-01"),
    "without params": with_headers(without(LIST, "params"), MCP_Protocol_Version="v999"),
    "a notification": without(in_version(modern("notifications/x"), "v999"), "id"),
    "older": with_headers(legacy("tools/list", "a-session"), MCP_Protocol_Version="2024-10-07"),
}


@pytest.mark.parametrize("request_", UNKNOWN_VERSION.values(), ids=UNKNOWN_VERSION)
async def test_a_version_that_nobody_speaks_is_told_all_that_there_are(door, request_):
    version = request_["headers"]["MCP-Protocol-Version"]
    answer = await door.http.post("/mcp", **request_)
    assert answer.status_code == 400
    told = answer.json()
    assert told["id"] == request_["json"].get("id")
    assert told["error"]["code"] == -32022
    assert told["error"]["data"] == {"supported": VERSIONS, "requested": version}


SERVED = {
    "as it is": CALL,
    "name in base64": with_headers(CALL, Mcp_Name=base64_name("test.echo")),
    "white space": with_headers(CALL, Mcp_Name=" test.echo\t", Mcp_Method=" tools/call "),
    "who it is": with_meta(CALL, clientInfo={"name": "test", "version": "1"}),
    "a header of nobody": with_headers(CALL, Mcp_Param_Region="eu"),
    "a session that does not matter": with_headers(CALL, Mcp_Session_Id="none", Last_Event_ID="5"),
}


@pytest.mark.parametrize("request_", SERVED.values(), ids=SERVED)
async def test_what_the_specification_allows_is_served(door, request_):
    answer = await door.http.post("/mcp", **request_)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    result = answer.json()["result"]
    assert (result["resultType"], result["isError"]) == ("complete", False)
    assert "mcp-session-id" not in answer.headers


async def test_wrong_arguments_are_an_answer_of_the_tool(door):
    answer = await door.http.post("/mcp", **modern(name="test.echo", arguments={"text": 1}))
    assert (answer.status_code, answer.json()["result"]["isError"]) == (200, True)


@pytest.mark.parametrize("method", ["notifications/cancelled", "notifications/whatever"])
async def test_a_notification_is_accepted_without_a_body(door, method):
    answer = await door.http.post("/mcp", **without(modern(method, requestId=1), "id"))
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_the_stateless_era_only_posts(door, method):
    answer = await door.http.request(method, "/mcp", headers=LIST["headers"])
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_discovery_names_both_eras_and_belongs_to_the_one_who_asked(door):
    result = (await door.http.post("/mcp", **modern("server/discover"))).json()["result"]
    assert result["supportedVersions"] == VERSIONS
    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
    assert result["ttlMs"] > 0
    assert list(result["capabilities"]) == ["tools"]
    assert result["_meta"][f"{META}serverInfo"]["name"] == "mana"


def hello(version):
    return legacy(
        "initialize",
        protocolVersion=version,
        capabilities={},
        clientInfo={"name": "test", "version": "1"},
    )


@pytest.mark.parametrize("version", VERSIONS[1:])
async def test_every_older_version_shakes_hands_and_is_served(door, version):
    answer = await door.http.post("/mcp", **hello(version))
    assert from_stream(answer)["result"]["protocolVersion"] == version
    session = answer.headers["mcp-session-id"]
    shown = with_headers(legacy("ping", session, 2), MCP_Protocol_Version=version)
    done = without(legacy("notifications/initialized", session), "id")
    assert (await door.http.post("/mcp", **done)).status_code == 202
    assert from_stream(await door.http.post("/mcp", **shown))["result"] == {}
    listed = legacy("tools/list", session, 3)
    assert from_stream(await door.http.post("/mcp", **listed))["result"]["tools"]
    unknown = legacy("tools/call", session, 4, name="test.nothing", arguments={})
    assert from_stream(await door.http.post("/mcp", **unknown))["error"]["code"] == -32602


@pytest.mark.parametrize("version", ["2026-07-28", "2023-01-01", "v999"])
async def test_a_handshake_in_another_version_is_offered_the_newest_older_one(door, version):
    answer = await door.http.post("/mcp", **hello(version))
    assert from_stream(answer)["result"]["protocolVersion"] == "2025-11-25"


async def test_an_unknown_method_of_the_older_era_is_an_error_in_its_session(door):
    session = await open_session(door.http)
    answer = await door.http.post("/mcp", **legacy("tools/dance", session, 2))
    assert from_stream(answer)["error"]["code"] == -32601


LISTING = """
import asyncio, pathlib, sys, tempfile
sys.path[:0] = {path}
import test_gateway_protocol

with tempfile.TemporaryDirectory() as folder:
    [listed] = asyncio.run(test_gateway_protocol.listings(folder, 1))
    sys.stdout.buffer.write(listed)
"""


async def listings(folder, times):
    """Return the bytes of the list of the app's own tools, so many times."""
    async with (
        open_house(folder, ManualClock(), registry=default_registry()) as house,
        house.http(await house.user("anna")) as http,
    ):
        return [(await http.post("/mcp", **LIST)).content for _ in range(times)]


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.slow)])
async def test_the_list_is_the_same_bytes_every_time_and_in_another_process(tmp_path, times):
    listed = set(await listings(tmp_path, times))
    here = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    other = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", LISTING.format(path=here)],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert listed == {other.stdout}
    names = [tool["name"] for tool in json.loads(other.stdout)["result"]["tools"]]
    assert names == sorted(spec.name for spec in default_registry())


class SharedCache:
    """A cache between callers and the gateway, as MCP 2026-07-28 allows one (caching)."""

    def __init__(self):
        self.kept, self.served = {}, 0

    async def ask(self, user, http, request):
        """Answer from what is kept; what is private is kept for whoever showed that token."""
        whole = json.dumps(request["json"])
        for place in ((whole, None), (whole, user.token)):
            if place in self.kept:
                self.served += 1
                return self.kept[place]
        result = (await http.post("/mcp", **request)).json()["result"]
        scope = {"public": None, "private": user.token}[result["cacheScope"]]
        self.kept[whole, scope] = result, user.id
        return result, user.id


@pytest.mark.parametrize("request_", [LIST, modern("server/discover")], ids=["list", "discover"])
async def test_a_shared_cache_serves_to_nobody_what_somebody_else_was_told(house, request_):
    users, cache = [await house.user(name) for name in ("anna", "ben")], SharedCache()
    for user in users * 2:
        async with house.http(user) as http:
            _, whose = await cache.ask(user, http, request_)
        assert whose == user.id
    assert cache.served == 2
