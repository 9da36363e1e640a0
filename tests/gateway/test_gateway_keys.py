"""Identity changes its signing keys and the gateway keeps up: nobody notices, or everybody does."""

import pytest
from gateway_house import SERVICE_KEY, call_echo, legacy, open_session


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


async def test_known_keys_serve_while_identity_does_not_publish_them(house, clock):
    anna = await house.user("anna")
    assert await status(house, anna) == 200
    house.identity_service.hidden = "/api/auth/jwks"
    for _ in range(10):
        clock.advance(60)
        assert await status(house, anna) == 200
    house.identity_service.hidden = None
    await house.identity.rotate_keys(SERVICE_KEY, withdraw=True)
    clock.advance(30)
    assert await status(house, anna) == 401
