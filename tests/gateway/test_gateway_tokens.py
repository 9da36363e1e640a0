"""Every bad token meets one answer, in every method and era, and reaches nothing behind."""

import contextlib
import json
import random
from dataclasses import dataclass, field

import httpx
import pytest
from gateway_house import (
    GATEWAY,
    ISSUER,
    House,
    User,
    call_echo,
    from_stream,
    http_into,
    legacy,
    open_house,
    open_session,
)
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from token_house import PREVIOUS, Forge, bad_tokens, flat, good_tokens, other_kinds

from mana_lab import gateway
from mana_lab.clock import ManualClock
from mana_lab.crypto import SigningKey
from mana_lab.crypto.encoding import decode_base64url

METADATA = f"{GATEWAY}/.well-known/oauth-protected-resource/mcp"
NO_TOKEN = "send exactly one header: Authorization: Bearer <token>"
EXPIRED = "the token has expired; sign in again"
INVALID = "the token is not valid here; sign in again"
SAMPLE = Forge(
    SigningKey.from_bytes("sample", b"s" * 32),
    {"sub": "u", "iss": ISSUER, "aud": "mana", "iat": 1_767_571_200, "exp": 1_767_572_100},
)
"""Gives the tests their names; the tokens themselves are made with the key of the house."""


@dataclass
class Gate:
    """A gateway that knows several keys, a user in a session, and what other services are asked."""

    house: House
    clock: ManualClock
    anna: User
    forge: Forge
    session: str
    app: Starlette
    http: object
    fetches: list[str]
    bad: dict[str, str] = field(repr=False)
    good: dict[str, str] = field(repr=False)

    def sent(self) -> int:
        """Count the requests to other services."""
        return len(self.fetches) + len(self.house.identity_service.asked)

    async def call(self, authorization):
        """Make one stateless call with these bytes as the header's value."""
        call = call_echo()
        headers = [
            (name.lower().encode(), value.encode()) for name, value in call["headers"].items()
        ]
        headers.append((b"authorization", bytes(authorization)))
        return await self.http.post("/mcp", headers=headers, json=call["json"])

    async def ask(self, authorization):
        """Knock with one header value, in every method and both eras; return the answers."""
        given = [] if authorization is None else [(b"authorization", as_bytes(authorization))]
        call, older = call_echo(), legacy("tools/call", self.session, name="test.echo")
        for method, headers, body in (
            ("POST", call["headers"], call["json"]),
            ("POST", older["headers"], older["json"]),
            ("GET", older["headers"], None),
            ("DELETE", older["headers"], None),
        ):
            all_of_them = [*raw(headers), *given]
            yield await self.http.request(method, "/mcp", headers=all_of_them, json=body)


def raw(headers):
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def as_bytes(value):
    return value.encode("utf-8", "surrogatepass")


def claims_of(token):
    return json.loads(decode_base64url(token.split(".")[1]))


@contextlib.asynccontextmanager
async def open_gate(folder):
    clock = ManualClock()
    async with open_house(folder, clock) as house:
        anna = await house.user("anna")
        genuine = await house.signing_key()
        keys = [genuine.public_jwk(), PREVIOUS.public_jwk(), *other_kinds()]
        fetches = []

        async def jwks(request):
            fetches.append(request.url.path)
            return JSONResponse({"keys": keys})

        issuer = Starlette(routes=[Route("/api/auth/jwks", jwks)])
        forge = Forge(genuine, claims_of(anna.token))
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(issuer)) as jwks_http,
            gateway.running(house.new_app(jwks_http=jwks_http)) as app,
            http_into(app, {}) as http,
            http_into(app, anna.headers) as hers,
        ):
            session = await open_session(hers)
            bad, good = flat(bad_tokens(forge)), good_tokens(forge)
            yield Gate(house, clock, anna, forge, session, app, http, fetches, bad, good)


@pytest.fixture(scope="module")
async def gate(tmp_path_factory):
    async with open_gate(tmp_path_factory.mktemp("gate")) as gate:
        yield gate


def refusal(error, message, fault):
    """Return the whole answer, body and headers, that a fault has to get."""
    body = f'{{"error":"{error}","message":"{message}","status":401}}'.encode()
    return (
        401,
        body,
        {
            "content-length": str(len(body)),
            "content-type": "application/json",
            "vary": "Origin",
            "www-authenticate": f'Bearer {fault}resource_metadata="{METADATA}"',
        },
    )


def whole(answer):
    return (answer.status_code, answer.content, dict(answer.headers))


def described(message):
    return f'error="invalid_token", error_description="{message}", '


@pytest.mark.parametrize("name", flat(bad_tokens(SAMPLE)))
async def test_every_bad_token_gets_the_same_answer_and_reaches_nothing(gate, name):
    sent, calls = gate.sent(), len(gate.house.tools.calls)
    async for answer in gate.ask(f"Bearer {gate.bad[name]}"):
        assert whole(answer) == refusal("invalid-token", INVALID, described(INVALID))
    assert (gate.sent(), len(gate.house.tools.calls)) == (sent, calls)


async def test_a_genuine_token_with_any_byte_changed_is_a_bad_one(gate):
    sent, calls = gate.sent(), len(gate.house.tools.calls)
    chance, genuine = random.Random(7), gate.forge.sign().encode()
    for place in range(len(genuine)):
        changed = bytearray(genuine)
        changed[place] ^= chance.randrange(1, 256)
        answer = await gate.call(b"Bearer " + changed)
        assert whole(answer) == refusal("invalid-token", INVALID, described(INVALID))
    assert (gate.sent(), len(gate.house.tools.calls)) == (sent, calls)


@pytest.mark.parametrize(
    "value",
    [None, "", "Basic YTpi", "Bearer", "Bearer ", "Token x", "bearertoken", "Bearer\tx", "DPoP x"],
)
async def test_a_request_without_a_bearer_token_is_told_which_header_to_send(gate, value):
    sent, calls = gate.sent(), len(gate.house.tools.calls)
    async for answer in gate.ask(value):
        assert whole(answer) == refusal("unauthenticated", NO_TOKEN, "")
    assert (gate.sent(), len(gate.house.tools.calls)) == (sent, calls)


async def test_a_genuine_token_that_has_expired_is_told_so(gate):
    now = gate.forge.claims["iat"]
    sent, calls = gate.sent(), len(gate.house.tools.calls)
    for token in (
        gate.forge.with_claims(iat=now - 1000, exp=now - 30),
        gate.forge.with_claims(iat=now - 10**6, exp=now - 10**6 + 60, nbf=1),
    ):
        async for answer in gate.ask(f"Bearer {token}"):
            assert whole(answer) == refusal("token-expired", EXPIRED, described(EXPIRED))
    assert (gate.sent(), len(gate.house.tools.calls)) == (sent, calls)


@pytest.mark.parametrize("name", good_tokens(SAMPLE))
async def test_every_good_token_calls_as_its_user_in_both_eras(gate, name):
    shown = {"Authorization": f"Bearer {gate.good[name]}"}
    call = call_echo(name)
    answer = await gate.http.post("/mcp", headers=call["headers"] | shown, json=call["json"])
    older = legacy("tools/call", gate.session, name="test.echo", arguments={"text": name})
    other = await gate.http.post("/mcp", headers=older["headers"] | shown, json=older["json"])
    for said in (answer.json(), from_stream(other)):
        echo = said["result"]["structuredContent"]
        assert (echo["text"], echo["userId"]) == (name, gate.anna.id)


async def test_the_whole_table_costs_one_fetch_once_the_cooldown_is_over(tmp_path):
    async with open_gate(tmp_path) as gate:
        before = gate.sent()
        gate.clock.advance(31)
        later = {name: gate.forge.claims[name] + 31 for name in ("iat", "exp")}
        for token in flat(bad_tokens(Forge(gate.forge.key, gate.forge.claims | later))).values():
            async for answer in gate.ask(f"Bearer {token}"):
                assert answer.status_code == 401
        assert gate.sent() == before + 1


async def test_the_session_that_they_all_knocked_at_is_still_its_owners(gate):
    listing = legacy("tools/list", gate.session)
    headers = listing["headers"] | gate.anna.headers
    answer = await gate.http.post("/mcp", headers=headers, json=listing["json"])
    assert from_stream(answer)["result"]["tools"]
