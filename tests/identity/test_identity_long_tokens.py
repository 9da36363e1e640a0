"""Access tokens of up to a day: who gets one, and what ends it."""

from datetime import timedelta

import pytest
from identity_house import ADMIN, BASE, PASSWORD, SERVICE_KEY, bearer, open_house, service

from mana_lab.crypto import KeySet, verify
from mana_lab.errors import (
    ForbiddenError,
    NotFoundError,
    SessionEndedError,
    TokenExpiredError,
    UnauthenticatedError,
)

PATH = "/api/v1/internal/auth/long-token"
DAY_S = 24 * 3600


@pytest.fixture
async def house(home, clock):
    """Return a service whose operator may have long tokens."""
    async with open_house(home, clock, long_tokens=True) as house:
        yield house


async def claims_of(house, token):
    keys = KeySet.from_jwks(await house.identity.jwks())
    return verify(token, keys, issuer=BASE, audience="mana", now=house.clock.now())


async def opens(house, token):
    answer = await house.http.get("/api/auth/organization/list", headers=bearer(token))
    return answer.status_code == 200


@pytest.mark.parametrize("seconds", [1, 900, 8 * 3600, DAY_S])
async def test_the_operator_gets_a_token_of_the_length_that_they_ask_for(house, seconds):
    login = await house.person()
    token = await house.identity.long_token(SERVICE_KEY, login.refresh_token, seconds)
    usual, found = await claims_of(house, login.access_token), await claims_of(house, token)
    assert found.exp - found.iat == seconds
    assert found == usual.model_copy(update={"exp": found.exp})
    assert await opens(house, token)


async def test_it_is_good_until_its_end_and_not_longer(house):
    login = await house.person()
    token = await house.identity.long_token(SERVICE_KEY, login.refresh_token, DAY_S)
    house.clock.advance(timedelta(hours=23, minutes=59))
    assert await opens(house, token)
    house.clock.advance(timedelta(minutes=2))
    with pytest.raises(TokenExpiredError):
        await claims_of(house, token)
    assert not await opens(house, token)


@pytest.mark.parametrize("by", ["long", "usual"])
async def test_it_ends_when_its_session_is_signed_out(house, by):
    login = await house.person()
    token = await house.identity.long_token(SERVICE_KEY, login.refresh_token, DAY_S)
    await house.identity.logout(token if by == "long" else login.access_token)
    assert not await opens(house, token)
    with pytest.raises(SessionEndedError):
        await house.identity.long_token(SERVICE_KEY, login.refresh_token, DAY_S)


async def test_it_cannot_be_made_to_last_by_asking_with_it(house):
    login = await house.person()
    token = await house.identity.long_token(SERVICE_KEY, login.refresh_token, DAY_S)
    for shown in (token, login.access_token):
        with pytest.raises(SessionEndedError):
            await house.identity.long_token(SERVICE_KEY, shown[:512], DAY_S)


@pytest.mark.parametrize("key", ["", "wrong", SERVICE_KEY[:-1]])
async def test_nobody_gets_one_without_the_operators_key(house, key):
    login = await house.person()
    with pytest.raises(UnauthenticatedError, match="service key"):
        await house.identity.long_token(key, login.refresh_token, DAY_S)


async def test_a_user_gets_none_with_what_they_have(house):
    login = await house.person()
    body = {"refreshToken": login.refresh_token, "lifetimeSec": DAY_S}
    for shown in (bearer(login.access_token), bearer(await house.admin()), {}):
        answer = await house.http.post(PATH, json=body, headers=shown)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
    answer = await house.http.post("/api/v1/auth/refresh", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")


async def test_the_operators_key_alone_opens_nobodys_account(house):
    await house.person()
    for made_up in ("", "x", "\x00", "anna@example.test"):
        with pytest.raises(SessionEndedError):
            await house.identity.long_token(SERVICE_KEY, made_up, DAY_S)


async def test_an_administrator_gets_none(house):
    login = await house.identity.login(ADMIN.email, ADMIN.password)
    with pytest.raises(ForbiddenError, match="administrator"):
        await house.identity.long_token(SERVICE_KEY, login.refresh_token, 60)


@pytest.mark.parametrize("seconds", [0, -1, DAY_S + 1, 10**30, 1.5, "60s", True, None])
async def test_a_length_that_no_token_has_is_refused(house, seconds):
    login = await house.person()
    body = {"refreshToken": login.refresh_token, "lifetimeSec": seconds}
    answer = await house.http.post(PATH, json=body, headers=service())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert "lifetimeSec" in answer.json()["message"]


async def test_a_service_that_was_not_told_to_gives_none(home, clock):
    async with open_house(home, clock) as house:
        await house.identity.register("ben@example.test", PASSWORD)
        login = await house.identity.login("ben@example.test", PASSWORD)
        with pytest.raises(NotFoundError, match="no access tokens of more than 15 minutes"):
            await house.identity.long_token(SERVICE_KEY, login.refresh_token, 60)
