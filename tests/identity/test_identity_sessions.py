"""Fresh tokens, signing out, and what a session that is over still opens: nothing."""

import asyncio
from datetime import timedelta

import pytest
from identity_house import ADMIN, BASE, PASSWORD, SERVICE_KEY, bearer, open_house, persona, service

from mana_lab.crypto import SigningKey, sign
from mana_lab.errors import SessionEndedError, UnauthenticatedError
from mana_lab.identity.server.schema import SESSIONS

AUTH = "/api/v1/auth"
SPACES = "/api/auth/organization/list"
OWN_PAGE = {"Origin": BASE}


async def sign_in_by_browser(house, email="anna@example.test"):
    """Sign up and in, and return the cookie that a browser would keep."""
    await house.identity.register(email, PASSWORD)
    answer = await house.http.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})
    house.http.cookies.clear()
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


async def opens(house, token):
    return (await house.http.get(SPACES, headers=bearer(token))).status_code == 200


@pytest.mark.parametrize("path", ["refresh", "session-to-token"])
async def test_a_session_token_is_exchanged_for_a_fresh_access_token(house, path):
    login = await house.person()
    house.clock.advance(timedelta(hours=1))
    assert not await opens(house, login.access_token)
    body = {"refreshToken": login.refresh_token}
    answer = await house.http.post(f"{AUTH}/{path}", json=body)
    assert set(answer.json()) == {"accessToken", "refreshToken"}
    assert answer.json()["refreshToken"] == login.refresh_token
    assert await opens(house, answer.json()["accessToken"])


@pytest.mark.parametrize("path", ["refresh", "session-to-token"])
async def test_a_browser_refreshes_with_its_cookie(house, path):
    cookie = await sign_in_by_browser(house)
    answer = await house.http.post(f"{AUTH}/{path}", headers=cookie | OWN_PAGE)
    assert await opens(house, answer.json()["accessToken"])
    assert answer.headers["set-cookie"].partition(";")[0] == cookie["Cookie"]


async def test_a_session_in_use_goes_on_and_an_unused_one_ends_after_a_week(house):
    used, unused = await house.person("anna@a.test"), await house.person("ben@a.test")
    for _ in range(4):
        house.clock.advance(timedelta(days=2))
        await house.identity.refresh(used.refresh_token)
    with pytest.raises(SessionEndedError):
        await house.identity.refresh(unused.refresh_token)
    house.clock.advance(timedelta(days=7))
    with pytest.raises(SessionEndedError):
        await house.identity.refresh(used.refresh_token)


@pytest.mark.parametrize("body", [None, {}, {"refreshToken": None}])
async def test_without_a_session_token_there_is_nothing_to_refresh(house, body):
    answer = await house.http.post(f"{AUTH}/refresh", json=body)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "token", ["", "x", "x" * 512, "' OR 1=1 --", "\x00", "ä", "..", "a.b.c", "%00"]
)
async def test_a_made_up_session_token_refreshes_nothing(house, token):
    await house.person()
    answer = await house.http.post(f"{AUTH}/refresh", json={"refreshToken": token})
    assert (answer.status_code, answer.json()["error"]) == (401, "session-ended")


async def test_an_access_token_is_no_session_token(house):
    login = await house.person()
    answer = await house.http.post(f"{AUTH}/refresh", json={"refreshToken": login.access_token})
    assert answer.status_code in {400, 401}


@pytest.mark.parametrize(
    "value",
    ["", ".", "token", "token.", ".mark", "token.mark", "ä.ä", "%00.%00", "a" * 4000, "%2e%2e"],
)
async def test_a_cookie_that_we_did_not_mark_counts_as_none(house, value):
    headers = {"Cookie": f"mana.session_token={value}".encode()} | OWN_PAGE
    answer = await house.http.post(f"{AUTH}/refresh", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
    assert (await house.http.get(SPACES, headers=headers)).status_code == 401


async def test_the_mark_of_one_session_does_not_fit_another(house):
    login = await house.person("eve@a.test")
    cookie = await sign_in_by_browser(house)
    mark = cookie["Cookie"].partition("=")[2].rpartition(".")[2]
    forged = {"Cookie": f"mana.session_token={login.refresh_token}.{mark}"} | OWN_PAGE
    assert (await house.http.post(f"{AUTH}/refresh", headers=forged)).status_code == 401


@pytest.mark.parametrize(
    "origin", [{}, {"Origin": "null"}, {"Origin": "http://evil.test"}, {"Origin": BASE + ".evil"}]
)
@pytest.mark.parametrize("path", [f"{AUTH}/refresh", f"{AUTH}/logout"])
async def test_another_page_cannot_act_with_a_browsers_cookie(house, origin, path):
    cookie = await sign_in_by_browser(house)
    answer = await house.http.post(path, headers=cookie | origin)
    assert (answer.status_code, answer.json()["error"]) == (403, "foreign-origin")
    assert (await house.http.get(SPACES, headers=cookie)).status_code == 200


async def test_a_trusted_page_acts_with_a_browsers_cookie(home, clock):
    page = "https://mana.test"
    async with open_house(home, clock, trusted_origins=(page,)) as house:
        cookie = await sign_in_by_browser(house)
        answer = await house.http.post(f"{AUTH}/refresh", headers=cookie | {"Origin": page})
    assert answer.status_code == 200


async def test_after_signing_out_no_token_of_the_session_opens_anything(house):
    first = await house.person()
    second = (await house.identity.refresh(first.refresh_token)).access_token
    await house.identity.logout(second)
    for token in (first.access_token, second):
        answer = await house.http.get(SPACES, headers=bearer(token))
        assert (answer.status_code, answer.json()["error"]) == (401, "session-ended")
        with pytest.raises(SessionEndedError):
            await house.identity.vault_init(token)
    with pytest.raises(SessionEndedError):
        await house.identity.refresh(first.refresh_token)


async def test_signing_out_leaves_the_other_sessions_and_people_alone(house):
    phone = await house.person("anna@a.test")
    laptop = await house.identity.login("anna@a.test", PASSWORD)
    ben = await house.person("ben@a.test")
    await house.identity.logout(phone.access_token)
    assert not await opens(house, phone.access_token)
    assert await opens(house, laptop.access_token)
    assert await opens(house, ben.access_token)


async def test_one_signs_out_by_session_token_or_cookie_too(house):
    login = await house.person("anna@a.test")
    body = {"refreshToken": login.refresh_token}
    for _ in range(2):  # again is harmless
        answer = await house.http.post(f"{AUTH}/logout", json=body)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert not await opens(house, login.access_token)
    cookie = await sign_in_by_browser(house, "ben@a.test")
    answer = await house.http.post(f"{AUTH}/logout", headers=cookie | OWN_PAGE)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await house.http.get(SPACES, headers=cookie)).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer a.b.c"}])
async def test_signing_out_needs_to_know_of_what(house, headers):
    assert (await house.http.post(f"{AUTH}/logout", headers=headers)).status_code == 401


async def test_signing_out_while_refreshing_leaves_no_token_that_opens(house):
    login = await house.person()

    async def refresh():
        try:
            return (await house.identity.refresh(login.refresh_token)).access_token
        except UnauthenticatedError:
            return None

    tokens = await asyncio.gather(
        *(refresh() for _ in range(20)), house.identity.logout(login.access_token)
    )
    for token in filter(None, tokens):
        assert not await opens(house, token)


async def test_a_token_whose_account_was_deleted_opens_nothing(house):
    made = await house.persona("ben")
    login = await house.identity.login("ben@mana.test", PASSWORD)
    await house.identity.delete_persona(await house.admin(), made.user_id)
    answer = await house.http.get(SPACES, headers=bearer(login.access_token))
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
    with pytest.raises(SessionEndedError):
        await house.identity.refresh(login.refresh_token)
    again = await house.identity.upsert_persona(await house.admin(), persona("ben"))
    assert again.created
    assert not await opens(house, login.access_token)


async def claims_of(house, login, **changes):
    answer = await house.identity.validate(login.access_token)
    return answer.payload | changes


async def signed(house, claims):
    key = await house.app.state.rooms.tokens.signing_key()
    return sign(claims, key)


async def test_the_session_of_one_does_not_carry_the_token_of_another(house):
    """Even a token of our own key opens nothing when its session is somebody else's."""
    anna, eve = await house.person("anna@a.test"), await house.person("eve@a.test")
    hers = (await claims_of(house, eve))["sid"]
    assert await opens(house, await signed(house, await claims_of(house, anna)))
    for sid in (hers, "", "nowhere"):
        token = await signed(house, await claims_of(house, anna, sid=sid))
        answer = await house.http.get(SPACES, headers=bearer(token))
        assert (answer.status_code, answer.json()["error"]) == (401, "session-ended")


async def test_whether_a_token_is_good_can_be_asked(house):
    login = await house.person()
    answer = await house.identity.validate(login.access_token)
    assert answer.valid
    assert (answer.payload["sub"], answer.payload["aud"]) == (login.user.id, "mana")
    assert (answer.payload["kind"], answer.payload["tier"]) == ("human", "public")
    house.clock.advance(timedelta(minutes=16))
    assert (await house.identity.validate(login.access_token)).valid is False


async def test_a_token_that_is_not_good_is_told_without_a_reason(house):
    login = await house.person()
    other = sign(await claims_of(house, login), SigningKey.generate())
    await house.identity.logout(login.access_token)
    for body in (
        {"token": login.access_token},
        {"token": other},
        {"token": login.refresh_token},
        {"token": "x.y.z"},
        {"token": ""},
        {"token": None},
        {},
    ):
        answer = await house.http.post(f"{AUTH}/validate", json=body)
        assert (answer.status_code, answer.json()) == (200, {"valid": False, "payload": None})


async def test_other_services_learn_whether_a_session_lives(house):
    login = await house.person("anna@a.test")
    sid = (await claims_of(house, login))["sid"]
    eve = await house.person("eve@a.test")

    async def active(user, session=None):
        return (await house.identity.standing(SERVICE_KEY, user, session)).session_active

    assert await active(login.user.id)
    assert await active(login.user.id, sid)
    assert not await active(eve.user.id, sid)
    assert not await active(login.user.id, "")
    assert not await active(login.user.id, "../x?y&sid=" + sid)
    assert not await active("nobody")
    assert not await active("nobody", sid)
    await house.identity.logout(login.access_token)
    assert not await active(login.user.id, sid)
    assert await active(login.user.id)
    answer = await house.http.get(
        f"/api/v1/internal/users/{login.user.id}/memberships", headers=service()
    )
    assert set(answer.json()) == {"userId", "memberships", "sessionActive"}


async def test_an_old_session_ends_by_the_labs_clock(house):
    login = await house.person()
    sid = (await claims_of(house, login))["sid"]
    house.clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert (await house.identity.standing(SERVICE_KEY, login.user.id, sid)).session_active
    house.clock.advance(1)
    assert not (await house.identity.standing(SERVICE_KEY, login.user.id, sid)).session_active


async def test_the_operator_signs_out_like_anybody(house):
    login = await house.identity.login(ADMIN.email, ADMIN.password)
    await house.identity.logout(login.access_token)
    with pytest.raises(SessionEndedError):
        await house.identity.personas(login.access_token)
    assert len(await house.rows(SESSIONS)) == 0
