import asyncio
from datetime import timedelta

import pytest
from identity_house import ADMIN, PASSWORD, identity_config, open_house
from sqlalchemy import delete

from mana_lab.errors import EmailTakenError, InvalidCredentialsError, SettingsError
from mana_lab.identity.server import PasswordCost, passwords, prepare
from mana_lab.identity.server.schema import (
    ACCOUNTS,
    METADATA,
    ORGANIZATIONS,
    SESSIONS,
    USERS,
)

REGISTER = "/api/v1/auth/register"
LOGIN = "/api/v1/auth/login"


async def test_a_person_signs_up_with_the_lowest_rank_and_without_a_token(house):
    answer = await house.http.post(
        REGISTER, json={"email": "anna@example.test", "password": PASSWORD, "name": "Anna"}
    )
    assert answer.status_code == 200
    user = answer.json()["user"]
    assert answer.json()["token"] is None
    assert (user["role"], user["accessTier"], user["kind"]) == ("user", "public", "human")
    assert user["emailVerified"] is False
    assert len(user["id"]) == 32
    assert user["id"].isalnum()


async def test_without_a_name_the_local_part_of_the_address_is_the_name(house):
    user = await house.identity.register("anna.bauer@example.test", PASSWORD)
    assert user.name == "anna.bauer"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("role", "admin"),
        ("tier", "founder"),
        ("accessTier", "founder"),
        ("kind", "persona"),
        ("emailVerified", True),
        ("id", "x"),
        ("createdAt", "2020-01-01T00:00:00Z"),
        ("user", {"role": "admin"}),
        ("__proto__", {"role": "admin"}),
    ],
)
async def test_a_sign_up_that_chooses_its_rank_is_refused_and_stores_nothing(house, member, value):
    before = len(await house.rows(USERS))
    answer = await house.http.post(
        REGISTER, json={"email": "eve@example.test", "password": PASSWORD, member: value}
    )
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == member
    assert len(await house.rows(USERS)) == before


async def test_a_second_sign_up_with_an_address_is_a_conflict_that_creates_nothing(house):
    """The original failed here: it answered success with the id of a user that did not exist."""
    await house.person("anna@example.test")
    before = {table.name: len(await house.rows(table)) for table in METADATA.sorted_tables}
    answer = await house.http.post(
        REGISTER, json={"email": " ANNA@example.test ", "password": PASSWORD}
    )
    assert (answer.status_code, answer.json()["error"]) == (409, "email-taken")
    assert answer.json()["code"] == "EMAIL_ALREADY_REGISTERED"
    assert before == {table.name: len(await house.rows(table)) for table in METADATA.sorted_tables}
    with pytest.raises(EmailTakenError):
        await house.identity.register("anna@example.test", PASSWORD)


async def test_of_many_sign_ups_with_one_address_one_wins(house):
    tries = [house.identity.register("anna@example.test", PASSWORD) for _ in range(10)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert len([user for user in await house.rows(USERS) if user.role == "user"]) == 1


@pytest.mark.parametrize(
    "email",
    [
        "",
        "anna",
        "@example.test",
        "anna@",
        "anna@example",
        "anna@@example.test",
        "anna@one@example.test",
        "an na@example.test",
        "anna@example.test\r\nBcc: eve@example.test",
        "anna\x00@example.test",
        "anna@.test",
        "anna@example.",
        "a" * 250 + "@example.test",
        "anna\uff20example\uff20test",
        "@" * 50_000,
    ],
)
async def test_what_is_no_address_cannot_sign_up(house, email):
    answer = await house.http.post(REGISTER, json={"email": email, "password": PASSWORD})
    assert answer.status_code == 400
    assert [detail["path"] for detail in answer.json()["details"]] == ["email"]


@pytest.mark.parametrize(
    ("first", "twin"),
    [
        ("anna@example.test", "ANNA@EXAMPLE.TEST"),
        ("fiona@example.test", "ﬁona@example.test"),
        ("anna@example.test", "anna\uff20example.test"),
        ("jürgen@example.test", "ju\u0308rgen@example.test"),
    ],
)
async def test_two_spellings_of_an_address_are_one_account(house, first, twin):
    user = await house.identity.register(first, PASSWORD)
    with pytest.raises(EmailTakenError):
        await house.identity.register(twin, PASSWORD)
    assert (await house.identity.login(twin, PASSWORD)).user.id == user.id


@pytest.mark.parametrize("password", ["short77", "x" * 129, None, 12345678, ["12345678"]])
async def test_a_password_has_8_to_128_characters(house, password):
    answer = await house.http.post(
        REGISTER, json={"email": "anna@example.test", "password": password}
    )
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == "password"


@pytest.mark.parametrize("name", ["", "   ", "An\r\nna", "An\x00na", "x" * 121])
async def test_a_name_is_one_short_line(house, name):
    answer = await house.http.post(
        REGISTER, json={"email": "anna@example.test", "password": PASSWORD, "name": name}
    )
    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, "name")


async def test_signing_in_gives_an_access_token_and_an_opaque_session_token(house):
    """The original failed here: clients took the session token for the access token."""
    await house.identity.register("anna@example.test", PASSWORD)
    answer = await house.http.post(LOGIN, json={"email": "anna@example.test", "password": PASSWORD})
    body = answer.json()
    assert body["accessToken"].count(".") == 2
    assert body["token"] == body["refreshToken"] != body["accessToken"]
    assert body["redirect"] is False
    assert body["user"]["email"] == "anna@example.test"


async def test_signing_in_sets_a_session_cookie_for_browsers(house):
    """The original failed here: the cookie never reached the browser."""
    await house.identity.register("anna@example.test", PASSWORD)
    answer = await house.http.post(LOGIN, json={"email": "anna@example.test", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    name, value = cookie.split(";")[0].split("=", 1)
    assert name == "mana.session_token"
    assert value.startswith(answer.json()["token"] + ".")
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert flags == {"httponly", "path=/", "samesite=lax", f"max-age={7 * 24 * 3600}"}


async def test_the_session_cookie_is_secure_where_the_service_is(home, clock):
    async with open_house(home, clock, issuer="https://auth.mana.test") as house:
        body = {"email": ADMIN.email, "password": ADMIN.password}
        answer = await house.http.post(LOGIN, json=body)
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(house):
    await house.identity.register("anna@example.test", PASSWORD)
    tries = [
        {"email": "anna@example.test", "password": "wrong horse battery"},
        {"email": "nobody@example.test", "password": PASSWORD},
        {"email": "no address", "password": ""},
    ]
    answers = [await house.http.post(LOGIN, json=body) for body in tries]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1
    assert answers[0].json()["error"] == "invalid-credentials"


async def test_an_unknown_address_costs_as_many_hashes_as_a_wrong_password(house, monkeypatch):
    await house.identity.register("anna@example.test", PASSWORD)
    hashed = []
    original = passwords.hash_password

    def counting(password, cost, salt=None):
        hashed.append((cost, len(salt)))
        return original(password, cost, salt)

    monkeypatch.setattr(passwords, "hash_password", counting)
    for email in ("anna@example.test", "nobody@example.test"):
        with pytest.raises(InvalidCredentialsError):
            await house.identity.login(email, "wrong horse battery")
    assert hashed == [(house.config.password_cost, 32)] * 2


async def test_secrets_lie_in_the_store_only_as_hashes(house):
    login = await house.person("anna@example.test")
    await house.store.close()
    stored = house.home.stored()
    assert login.user.id.encode() in stored
    for secret in (PASSWORD, login.token, login.access_token):
        assert secret.encode() not in stored


async def test_sessions_that_are_over_are_cleared_away(house):
    await house.person("anna@example.test")
    house.clock.advance(timedelta(days=8))
    login = await house.identity.login("anna@example.test", PASSWORD)
    users = [row.user_id for row in await house.rows(SESSIONS)]
    assert users.count(login.user.id) == 1


async def test_the_operator_account_is_an_ordinary_one_with_the_role_admin(house):
    login = await house.identity.login(ADMIN.email, ADMIN.password)
    assert (login.user.role, login.user.kind) == ("admin", "human")
    assert [space.type for space in await house.identity.spaces(login.access_token)] == ["personal"]


async def test_preparing_again_changes_nothing(house):
    before = {table.name: await house.rows(table) for table in METADATA.sorted_tables}
    changed = identity_config(admin=type(ADMIN)(ADMIN.email, "another password"))
    await prepare(house.store, changed, house.clock)
    assert before == {table.name: await house.rows(table) for table in METADATA.sorted_tables}


async def test_preparing_at_the_same_time_makes_one_key_and_one_operator(home, clock):
    async with open_house(home, clock, admin=None) as house:
        config = identity_config()
        await asyncio.gather(*(prepare(house.store, config, clock) for _ in range(5)))
        assert [user.role for user in await house.rows(USERS)] == ["admin"]


async def test_an_operator_address_that_somebody_signed_up_with_is_not_promoted(home, clock):
    async with open_house(home, clock, admin=None) as house:
        await house.identity.register(ADMIN.email, PASSWORD)
        with pytest.raises(SettingsError, match="administrator's address"):
            await prepare(house.store, identity_config(), clock)
        assert [user.role for user in await house.rows(USERS)] == ["user"]


async def test_a_hash_of_another_cost_does_not_open(house):
    """The stored format does not carry the cost: it is the service's configuration."""
    await house.identity.register("anna@example.test", PASSWORD)
    dear = identity_config(password_cost=PasswordCost(n=32, r=1, p=1))
    stored = [row.password for row in await house.rows(ACCOUNTS)]
    assert not any(passwords.verify_password(PASSWORD, text, dear.password_cost) for text in stored)


async def test_deleting_an_account_leaves_no_row_that_is_theirs(house):
    login = await house.person("anna@example.test")
    await house.identity.vault_init(login.access_token)
    await house.store.write(
        lambda connection: connection.execute(delete(USERS).where(USERS.c.id == login.user.id))
    )
    theirs = [table for table in METADATA.sorted_tables if table is not ORGANIZATIONS]
    for table in theirs:
        assert not [row for row in await house.rows(table) if login.user.id in tuple(row)]
