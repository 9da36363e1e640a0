"""A session that is over: within thirty seconds its tokens open nothing at the gateway either."""

from dataclasses import replace

import pytest
from gateway_house import PASSWORD, call_echo, identity_config, legacy, open_session
from sqlalchemy import delete

from mana_lab.errors import SettingsError
from mana_lab.gateway import GatewayConfig
from mana_lab.identity import server as identity_server


async def status(house, user):
    async with house.http(user) as http:
        return (await http.post("/mcp", **call_echo())).status_code


async def test_a_signed_out_token_ends_within_thirty_seconds(house, clock):
    anna = await house.user("anna")
    assert await status(house, anna) == 200
    await house.identity.logout(anna.token)
    clock.advance(30)
    async with house.http(anna) as http:
        answer = await http.post("/mcp", **call_echo())
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid-token")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert house.tools.calls == ["test.echo"]


async def test_a_signed_out_token_that_was_never_shown_here_opens_nothing_at_all(house):
    anna = await house.user("anna")
    await house.identity.logout(anna.token)
    assert await status(house, anna) == 401


async def test_a_signed_out_token_does_not_live_on_another_sessions_answer(house, clock):
    phone = await house.user("anna")
    laptop = await house.sign_in(phone.email)
    assert await status(house, phone) == 200
    await house.identity.logout(phone.token)
    for _ in range(6):  # the other session keeps asking, so its answer is always fresh
        clock.advance(5)
        assert await status(house, laptop) == 200
    assert await status(house, phone) == 401
    assert await status(house, laptop) == 200


async def test_an_open_session_of_the_older_era_ends_with_the_token(house, clock):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        session = await open_session(http)
        call = legacy("tools/call", session, id=2, name="test.echo", arguments={})
        assert (await http.post("/mcp", **call)).status_code == 200
        await house.identity.logout(anna.token)
        clock.advance(30)
        assert (await http.post("/mcp", **call)).status_code == 401


async def test_a_token_of_a_day_is_good_for_a_day_unless_its_session_ends(house, clock):
    anna = await house.user("anna")
    login = await house.identity.login(anna.email, PASSWORD)
    key = identity_config().service_key
    long = replace(anna, token=await house.identity.long_token(key, login.refresh_token, 24 * 3600))
    clock.advance(23 * 3600)
    assert (await status(house, anna), await status(house, long)) == (401, 200)
    await house.identity.logout(long.token)
    clock.advance(30)
    assert await status(house, long) == 401
    assert house.tools.calls == ["test.echo"]


async def test_the_token_of_a_deleted_account_ends_within_thirty_seconds(house, clock):
    anna = await house.user("anna")
    assert await status(house, anna) == 200
    users = identity_server.METADATA.tables["users"]
    await house.store.write(
        lambda connection: connection.execute(delete(users).where(users.c.id == anna.id)).rowcount
    )
    clock.advance(30)
    assert await status(house, anna) == 401


@pytest.mark.parametrize("age", [-1.0, 30.5, 3600.0, float("nan"), float("inf")])
def test_a_gateway_does_not_believe_a_membership_for_longer(age):
    with pytest.raises(SettingsError, match="membership_age_s"):
        GatewayConfig(membership_age_s=age)
