"""How many people may sign up a day."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from identity_house import PASSWORD, identity_config, open_house

from mana_lab.errors import EmailTakenError, SettingsError, SignupsClosedError
from mana_lab.identity.server.schema import USERS

REGISTER = "/api/v1/auth/register"
STATUS = "/api/v1/auth/signup-status"


@pytest.fixture
async def capped(home, clock):
    async with open_house(home, clock, max_daily_signups=3) as house:
        house.clock.advance(timedelta(hours=10))
        yield house


async def sign_up(house, *names):
    for name in names:
        await house.identity.register(f"{name}@example.test", PASSWORD)


async def test_by_default_anybody_may_sign_up(house):
    await sign_up(house, "anna", "ben")
    assert (await house.http.get(STATUS)).json() == {
        "registrationOpen": True,
        "spotsRemaining": None,
        "totalToday": 2,
        "limit": 0,
        "resetsAt": "2026-01-06T00:00:00Z",
    }


async def test_when_the_day_is_full_signing_up_is_refused_until_the_next(capped):
    await sign_up(capped, "a", "b", "c")
    answer = await capped.http.post(
        REGISTER, json={"email": "d@example.test", "password": PASSWORD}
    )
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == str(14 * 3600)
    body = answer.json()
    assert (body["error"], body["code"]) == ("signups-closed", "SIGNUP_LIMIT_REACHED")
    assert (body["spotsRemaining"], body["resetsAt"]) == (0, "2026-01-06T00:00:00.000Z")
    status = await capped.identity.signup_status()
    assert (status.registration_open, status.spots_remaining, status.total_today) == (False, 0, 3)
    capped.clock.advance(timedelta(hours=14))
    assert (await capped.identity.signup_status()).spots_remaining == 3
    await sign_up(capped, "d")


async def test_of_fifty_at_once_as_many_get_in_as_may(capped):
    tries = [capped.identity.register(f"p{n}@example.test", PASSWORD) for n in range(50)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert Counter(type(each).__name__ for each in outcomes) == {
        "User": 3,
        "SignupsClosedError": 47,
    }
    assert len([user for user in await capped.rows(USERS) if user.role == "user"]) == 3


async def test_a_refused_sign_up_takes_no_place(capped):
    await sign_up(capped, "a")
    with pytest.raises(EmailTakenError):
        await sign_up(capped, "a")
    for password in ("short", "x" * 200):
        await capped.http.post(REGISTER, json={"email": "b@example.test", "password": password})
    assert (await capped.identity.signup_status()).total_today == 1


async def test_on_a_full_day_an_existing_address_looks_like_a_new_one(capped):
    await sign_up(capped, "a", "b", "c")
    for name in ("a", "new"):
        with pytest.raises(SignupsClosedError):
            await sign_up(capped, name)


async def test_personas_and_the_operator_take_no_place(capped):
    for name in ("kai", "maya", "ben", "paul"):
        await capped.persona(name)
    assert (await capped.identity.signup_status()).total_today == 0


def test_a_cap_below_zero_is_refused():
    with pytest.raises(SettingsError, match="MAX_DAILY_SIGNUPS"):
        identity_config(max_daily_signups=-1)
