"""A token that says what it was given for is good for that and no more."""

import json
from urllib.parse import urlsplit

import pytest
from gateway_house import GATEWAY, from_stream, http_into, legacy, modern, open_session
from mcp.shared.auth import ProtectedResourceMetadata

from mana_lab.crypto import sign
from mana_lab.crypto.encoding import decode_base64url

METADATA = f"{GATEWAY}/.well-known/oauth-protected-resource/mcp"
READ = modern(name="test.echo", arguments={})
WRITE = modern(name="test.crash", arguments={})
UNKNOWN = modern(name="test.nowhere", arguments={})
ADMIN = modern(name="admin.wipe", arguments={})
LIST = modern("tools/list")
DISCOVER = modern("server/discover")


@pytest.fixture
async def scoped(house):
    """Return what opens the gateway for one user with a token of a given scope."""
    anna = await house.user("anna")
    said = json.loads(decode_base64url(anna.token.split(".")[1]))
    key = await house.signing_key()

    def open_with(scope):
        claims = said if scope is None else said | {"scope": scope}
        return http_into(house.app, {"Authorization": f"Bearer {sign(claims, key)}"})

    return open_with


def too_little(answer, scope):
    """Tell whether the answer is that the token lacks *scope*, and nothing else."""
    text = f"the token was not given for {scope}"
    challenge = (
        f'Bearer error="insufficient_scope", error_description="{text}", scope="{scope}", '
        f'resource_metadata="{METADATA}"'
    )
    body = {"error": "insufficient-scope", "message": text, "status": 403}
    return (answer.status_code, answer.json(), answer.headers["www-authenticate"]) == (
        403,
        body,
        challenge,
    )


@pytest.mark.parametrize("scope", [None, "mcp:tools", "mcp:read mcp:tools", "openid mcp:tools x"])
async def test_a_token_for_the_tools_or_without_a_scope_is_good_for_all_of_them(
    house, scoped, scope
):
    async with scoped(scope) as http:
        for request in (READ, LIST, DISCOVER, WRITE):
            assert (await http.post("/mcp", **request)).status_code == 200
    assert house.tools.calls == ["test.echo", "test.crash"]


async def test_a_token_for_reading_lists_and_reads_and_is_told_what_more_it_needs(house, scoped):
    async with scoped("mcp:read") as http:
        for request in (READ, LIST, DISCOVER):
            assert (await http.post("/mcp", **request)).status_code == 200
        for request in (WRITE, UNKNOWN, ADMIN):
            assert too_little(await http.post("/mcp", **request), "mcp:tools")
    assert house.tools.calls == ["test.echo"]


async def test_a_token_for_reading_does_the_same_in_a_session_of_the_older_era(house, scoped):
    async with scoped("mcp:read") as http:
        session = await open_session(http)
        reads = legacy("tools/call", session, name="test.echo", arguments={"text": "x"})
        assert from_stream(await http.post("/mcp", **reads))["result"]["isError"] is False
        writes = legacy("tools/call", session, name="test.crash", arguments={})
        assert too_little(await http.post("/mcp", **writes), "mcp:tools")
        end = await http.delete("/mcp", headers=reads["headers"])
        assert end.status_code == 200
    assert house.tools.calls == ["test.echo"]


@pytest.mark.parametrize("scope", ["", "openid email", "MCP:TOOLS", "mcp:tools2", "mcp", "mcp:*"])
async def test_a_token_for_something_else_is_told_the_one_scope_that_the_call_needs(
    house, scoped, scope
):
    async with scoped(scope) as http:
        for request in (READ, LIST, DISCOVER, legacy("initialize"), legacy("ping", "x" * 32)):
            assert too_little(await http.post("/mcp", **request), "mcp:read")
        assert too_little(await http.post("/mcp", **WRITE), "mcp:tools")
        for method in ("GET", "DELETE"):
            assert too_little(await http.request(method, "/mcp"), "mcp:read")
    assert house.tools.calls == []


@pytest.mark.parametrize("params", [None, [], {}, {"name": None}, {"name": ["test.echo"]}])
async def test_a_call_that_names_no_tool_is_not_taken_for_reading(house, scoped, params):
    request = legacy("tools/call")
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with scoped("mcp:read") as http:
        answer = await http.post("/mcp", headers=request["headers"], json=body)
    assert too_little(answer, "mcp:tools")
    assert house.tools.calls == []


async def test_a_scope_does_not_lengthen_a_token_or_open_another_space(house, scoped):
    ben = await house.user("ben")
    async with scoped("mcp:tools") as http:
        http.headers["X-Mana-Space"] = ben.personal_space
        answer = await http.post("/mcp", **READ)
    assert (answer.status_code, answer.json()["error"]) == (403, "not-a-member")


def is_plain_url(text):
    parts = urlsplit(text)
    whole = parts.scheme in {"http", "https"} and parts.netloc and "#" not in text
    return bool(whole) and not parts.query and "@" not in parts.netloc


async def test_the_description_keeps_the_rules_of_rfc_9728(house):
    async with house.http() as http:
        answer = await http.get(METADATA)
        challenge = (await http.post("/mcp")).headers["www-authenticate"]
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    # §2: what each member is; §3.2: a member without a value is left out
    assert document.keys() <= {
        "resource",
        "authorization_servers",
        "scopes_supported",
        "bearer_methods_supported",
        "resource_name",
    }
    assert all(document.values())
    assert is_plain_url(document["resource"])
    assert all(is_plain_url(each) for each in document["authorization_servers"])
    assert set(document["bearer_methods_supported"]) <= {"header", "body", "query"}
    assert all(isinstance(each, str) and " " not in each for each in document["scopes_supported"])
    # §3.1 and §3.3: it stands where its resource says, and §5.1: the challenge leads there
    parts = urlsplit(document["resource"])
    where = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"
    assert where == METADATA
    assert f'resource_metadata="{where}"' in challenge
    read = ProtectedResourceMetadata.model_validate_json(answer.content)
    assert str(read.resource) == document["resource"]
    assert read.scopes_supported == ["mcp:tools", "mcp:read"]
