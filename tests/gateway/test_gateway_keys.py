"""Identity changes its signing keys and the gateway keeps up: nobody notices, or everybody does."""

import pytest
from gateway_house import SERVICE_KEY, call_echo, legacy, open_session

from mana_lab.crypto.encoding import encode_base64url

JWKS = "/api/auth/jwks"


async def status(house, user):
    async with house.http(user) as http:
        return (await http.post("/mcp", **call_echo())).status_code


async def test_a_rotation_goes_unnoticed_by_whoever_was_and_whoever_comes(house, clock):
    before = await house.user("anna")
    assert await status(house, before) == 200
    await house.identity.rotate_keys(SERVICE_KEY)
    for _ in range(20):  # the new key signs from somewhere in here on
        clock.advance(7)
        fresh = await house.sign_in(before.email)
        assert await status(house, fresh) == 200
        assert await status(house, before) == 200
    assert fresh.token.partition(".")[0] != before.token.partition(".")[0]
    assert set(house.tools.calls) == {"test.echo"}


@pytest.mark.parametrize("quiet", [True, False])
async def test_a_withdrawn_key_opens_nothing_within_thirty_seconds(house, clock, quiet):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        session = await open_session(http)
        call = legacy("tools/call", session, id=2, name="test.echo", arguments={})
        assert (await http.post("/mcp", **call)).status_code == 200
        clock.advance(3)
        await house.identity.rotate_keys(SERVICE_KEY, withdraw=True)
        for _ in range(0 if quiet else 5):
            clock.advance(5)
            await http.post("/mcp", **call)
        clock.advance(30 if quiet else 5)
        calls = len(house.tools.calls)
        for answer in (await http.post("/mcp", **call), await http.post("/mcp", **call_echo())):
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid-token")
        assert len(house.tools.calls) == calls
        http.headers.update((await house.sign_in(anna.email)).headers)
        assert (await http.post("/mcp", **call)).status_code == 200


async def test_known_keys_serve_an_hour_in_which_identity_publishes_none_and_metrics_say_so(
    house, clock
):
    anna = await house.user("anna")

    async def stale():
        async with house.http() as http:
            told = (await http.get("/metrics")).text.splitlines()
        return [line for line in told if line.startswith("mana_mcp_jwks_stale ")]

    assert await status(house, anna) == 200
    assert await stale() == ["mana_mcp_jwks_stale 0.0"]
    house.identity_service.hidden = JWKS
    for minute in range(60):
        clock.advance(60)
        if minute % 10 == 9:
            anna = await house.sign_in(anna.email)
        assert await status(house, anna) == 200
        assert await stale() == ["mana_mcp_jwks_stale 1.0"]
    house.identity_service.hidden = None
    clock.advance(30)
    assert await status(house, anna) == 200
    assert await stale() == ["mana_mcp_jwks_stale 0.0"]
    await house.identity.rotate_keys(SERVICE_KEY, withdraw=True)
    clock.advance(30)
    assert await status(house, anna) == 401


async def knock(app, token):
    """Send a request with nothing between; return the status of the answer."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "headers": [(b"host", b"gateway.test"), (b"authorization", f"Bearer {token}".encode())],
    }
    statuses = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    return statuses[0]


@pytest.mark.parametrize("a_second", [10, pytest.param(100, marks=pytest.mark.slow)])
async def test_up_to_10_000_unknown_key_ids_are_one_fetch_every_thirty_seconds(
    house, clock, a_second
):
    anna = await house.user("anna")
    assert await status(house, anna) == 200
    signed = anna.token.partition(".")[2]

    def fetches():
        return house.identity_service.asked.count(JWKS)

    before = fetches()
    for second in range(100):
        clock.advance(1)
        for number in range(a_second):
            header = f'{{"alg":"EdDSA","kid":"{second}-{number}"}}'.encode()
            assert await knock(house.app, f"{encode_base64url(header)}.{signed}") == 401
    assert fetches() - before == 3
    assert await status(house, anna) == 200
