"""Who is let in: the token of each request, in every method and era."""

import contextlib

import httpx
import httpx2
import pytest
from gateway_house import ISSUER, call_echo, from_stream, http_into, legacy, open_session
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from mana_lab import gateway
from mana_lab.crypto import SigningKey, sign

KEY = SigningKey.generate()
METADATA = "http://gateway.test/.well-known/oauth-protected-resource/mcp"


def claims(clock, **changed):
    now = int(clock.now().timestamp())
    base = {"sub": "anna-id", "iss": ISSUER, "aud": "mana", "iat": now, "exp": now + 900}
    return base | changed


@contextlib.asynccontextmanager
async def door(house, keys=None):
    """A gateway whose issuer publishes KEY, or answers with *keys*."""
    published = keys or JSONResponse({"keys": [KEY.public_jwk()]})

    async def jwks(_):
        return published

    issuer = Starlette(routes=[Route("/api/auth/jwks", jwks)])
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(issuer)) as jwks_http,
        gateway.running(house.new_app(jwks_http=jwks_http)) as app,
        http_into(app, {}) as http,
    ):
        yield http


async def knock(http, **headers):
    request = call_echo()
    return await http.post("/mcp", headers=request["headers"] | headers, json=request["json"])


async def test_without_a_token_the_answer_says_which_header_to_send(house):
    async with house.http() as http:
        answer = await knock(http)
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthenticated"
    assert "Authorization: Bearer <token>" in answer.json()["message"]
    assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{METADATA}"'
    assert house.tools.calls == []


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD"])
async def test_no_method_of_the_endpoint_answers_without_a_token(house, method):
    async with house.http() as http:
        assert (await http.request(method, "/mcp")).status_code == 401


async def test_a_token_in_the_address_does_not_count(house):
    anna = await house.user("anna")
    async with house.http() as http:
        request = call_echo()
        answer = await http.post(f"/mcp?access_token={anna.token}", **request)
    assert answer.status_code == 401


async def test_two_tokens_in_one_request_are_refused_whoever_they_belong_to(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    request = call_echo()
    headers = [*request["headers"].items(), *anna.headers.items(), *ben.headers.items()]
    async with house.http() as http:
        answer = await http.post("/mcp", headers=httpx2.Headers(headers), json=request["json"])
    assert answer.status_code == 400
    assert "authorization" in answer.json()["message"]
    assert house.tools.calls == []


async def test_when_the_keys_cannot_be_had_the_answer_is_try_again_not_sign_in_again(house, clock):
    async with door(house, PlainTextResponse("down", 503)) as http:
        answer = await knock(http, Authorization=f"Bearer {sign(claims(clock), KEY)}")
    assert answer.status_code == 503
    assert answer.json()["error"] == "service-unavailable"
    assert answer.headers["retry-after"] == "1"


async def test_a_refreshed_token_counts_within_a_session_and_the_first_one_ends(house, clock):
    # the original failed here: a session kept its first token for ever
    anna = await house.user("anna")
    async with house.http() as http:
        http.headers.update(anna.headers)
        session = await open_session(http)
        clock.advance(931)
        call = legacy("tools/call", session, id=2, name="test.echo", arguments={})
        assert (await http.post("/mcp", **call)).status_code == 401
        http.headers.update((await house.sign_in(anna.email)).headers)
        answer = await http.post("/mcp", **call)
    assert answer.status_code == 200
    assert from_stream(answer)["result"]["structuredContent"]["userId"] == anna.id
