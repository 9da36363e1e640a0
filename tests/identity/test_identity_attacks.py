"""What somebody with bad intentions sends, to every route at once."""

import asyncio
import secrets

import pytest
from attack_routes import ROUTES, headers_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from identity_house import PASSWORD, bearer, persona, service

from mana_lab.errors import HumanAccountError, SessionEndedError
from mana_lab.identity.server.schema import ACCOUNTS, METADATA, ORGANIZATIONS, SESSIONS, USERS

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RANKS = (
    "role",
    "tier",
    "accessTier",
    "access_tier",
    "kind",
    "emailVerified",
    "email_verified",
    "id",
    "userId",
    "user_id",
    "banned",
    "createdAt",
    "__proto__",
    "constructor",
    "user",
)
FOREIGN_IDS = (
    "nobody",
    "../x",
    "..%2f..%2fadmin",
    "' OR '1'='1",
    "1; DROP TABLE users",
    "%00",
    "x" * 3000,
    "\uff29\uff24",
    "*",
    "{id}",
)


async def everything(house):
    """Return all rows but the sessions, which signing in to ask makes."""
    tables = [table for table in METADATA.sorted_tables if table is not SESSIONS]
    return {table.name: await house.rows(table) for table in tables}


async def send(house, route, body=None, *, content=None, **headers):
    shown = await headers_of(house, route)
    if content is None:
        written = route.written(body)
        return await house.http.request(
            route.method, route.path, headers=shown | headers, **written
        )
    kind = FORM if route.form else JSON
    return await house.http.request(
        route.method, route.path, content=content, headers=kind | shown | headers
    )


async def test_every_route_that_takes_a_body_is_attacked(house):
    document = (await house.http.get("/openapi.json")).json()
    listed = {(route.method, _template(route.path)) for route in ROUTES}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                assert (method.upper(), path) in listed


def _template(path):
    name = "space_id" if "/spaces/" in path else "user_id"
    return path.replace("/x/", f"/{{{name}}}/")


@pytest.mark.parametrize("route", ROUTES, ids=str)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    extra=st.dictionaries(
        st.sampled_from(RANKS),
        st.sampled_from(
            ["admin", "founder", "persona", "system", True, 1, None, {"role": "admin"}]
        ),
        min_size=1,
        max_size=4,
    )
)
async def test_no_route_takes_a_rank_that_the_sender_chose(house, route, extra):
    surplus = {name: value for name, value in extra.items() if name not in route.body}
    assume(surplus)
    headers = await headers_of_once(house, route)
    before = await everything(house)
    answer = await house.http.request(
        route.method, route.path, headers=headers, **route.written(route.body | surplus)
    )
    assert answer.status_code == 400
    assert {detail["path"] for detail in answer.json()["details"]} == set(surplus)
    assert await everything(house) == before


async def headers_of_once(house, route):
    """Sign in for the first example, and use that for the others."""
    known = house.__dict__.setdefault("shown", {})
    if route.who not in known:
        known[route.who] = await headers_of(house, route)
    return known[route.who]


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_body_nested_too_deep_or_too_long_is_refused(house, route):
    deep = b"[" * 20_000 + b"]" * 20_000
    deep_member = b'{"x":' * 9_000 + b"1" + b"}" * 9_000
    for content, statuses in (
        (deep, {400}),
        (deep_member, {400}),
        (b" " * 2_200_000, {413}),
        (b'{"a":"' + b"x" * 2_200_000 + b'"}', {413}),
    ):
        answer = await send(house, route, content=content)
        assert answer.status_code in statuses
        assert set(answer.json()) <= {"error", "message", "status", "details", "code"}


@pytest.mark.parametrize("route", ROUTES, ids=str)
@pytest.mark.parametrize(
    "body",
    [
        [],
        {"": ""},
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("text", 7, None, True, [{}])),
    ],
)
async def test_a_body_of_another_shape_is_refused(house, route, body):
    headers = await headers_of(house, route)
    before = await house.rows(USERS)
    written = route.written(body)
    answer = await house.http.request(route.method, route.path, headers=headers, **written)
    assert answer.status_code in {400, 401}
    assert await house.rows(USERS) == before


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_members_that_stand_twice_or_are_of_another_type_do_no_harm(house, route):
    for name in route.body:
        for value in (None, 0, -1, 1e308, [], [[]], {}, {"$ne": None}, True, "\ud7ff\u0000"):
            answer = await send(house, route, route.body | {name: value})
            assert answer.status_code < 500


async def test_a_rank_that_stands_twice_is_refused_too(house):
    twice = b'{"email":"zoe@a.test","password":"12345678","role":"user","role":"admin"}'
    answer = await house.http.post("/api/v1/auth/register", content=twice, headers=JSON)
    assert answer.status_code == 400
    assert all(user.email != "zoe@a.test" for user in await house.rows(USERS))


@pytest.mark.parametrize(
    "injected", [b"a\r\nX-Admin: 1", b"a\nSet-Cookie: x=1", b"\x00", b"\xff\xfe", b"a" * 9000]
)
async def test_headers_that_carry_others_open_nothing(house, injected):
    login = await house.person()
    token = login.access_token.encode()
    for headers in (
        {b"Authorization": b"Bearer " + token + injected},
        {b"Authorization": b"Bearer " + injected},
        {b"Cookie": b"mana.session_token=" + injected},
        {b"X-Service-Key": injected},
    ):
        for path in ("/api/auth/organization/list", "/api/v1/internal/personas/due"):
            answer = await house.http.get(path, headers=headers)
            assert answer.status_code == 401
            assert "x-admin" not in answer.headers


@pytest.mark.parametrize("foreign", FOREIGN_IDS)
async def test_ids_from_elsewhere_find_nothing(house, foreign):
    admin = bearer(await house.admin())
    for method in ("GET", "DELETE"):
        answer = await house.http.request(
            method, f"/api/v1/admin/personas/{foreign}", headers=admin
        )
        assert answer.status_code in {400, 404}
    answer = await house.http.get(
        f"/api/v1/internal/users/{foreign}/memberships", headers=service()
    )
    assert answer.status_code in {400, 404} or answer.json()["memberships"] == []


async def test_a_thousand_requests_with_guessed_ids_find_nothing(house):
    admin = bearer(await house.admin())
    await house.persona("ben")
    known = {user.id for user in await house.rows(USERS)}
    before = await everything(house)
    guesses = {secrets.token_urlsafe(24)[:32] for _ in range(500)} - known
    answers = await asyncio.gather(
        *(
            house.http.request(method, f"/api/v1/admin/personas/{guess}", headers=admin)
            for guess in guesses
            for method in ("GET", "DELETE")
        )
    )
    assert {(each.status_code, each.json()["message"]) for each in answers} == {(404, "Not found")}
    assert len(answers) == 1000
    assert await everything(house) == before


async def test_what_was_captured_before_signing_out_opens_nothing_afterwards(house):
    login = await house.person()
    answer = await house.http.post(
        "/api/v1/auth/login", json={"email": "anna@example.test", "password": PASSWORD}
    )
    house.http.cookies.clear()
    cookie = {
        "Cookie": answer.headers["set-cookie"].partition(";")[0],
        "Origin": house.config.issuer,
    }
    captured = [bearer(answer.json()["accessToken"]), cookie]
    for headers in captured:
        path = "/api/auth/organization/list"
        assert (await house.http.get(path, headers=headers)).status_code == 200
    await house.identity.logout(answer.json()["accessToken"])
    for headers in captured:
        for path in ("/api/auth/organization/list", "/api/v1/me/encryption-vault/status"):
            assert (await house.http.get(path, headers=headers)).status_code == 401
    assert await house.identity.spaces(login.access_token)
    with pytest.raises(SessionEndedError):
        await house.identity.refresh(answer.json()["refreshToken"])


async def test_a_persona_cannot_be_made_of_a_human(house):
    """The original failed here: it made the human a persona, which could then be deleted."""
    login = await house.person("ben@mana.test")
    before = {table.name: await house.rows(table) for table in (USERS, ACCOUNTS, ORGANIZATIONS)}
    admin = await house.admin()
    for email in ("ben@mana.test", " BEN@mana.test ", "ben\uff20mana.test"):
        with pytest.raises(HumanAccountError):
            await house.identity.upsert_persona(admin, persona("ben", email=email))
    answer = await house.http.delete(
        f"/api/v1/admin/personas/{login.user.id}", headers=bearer(admin)
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "not-a-persona")
    after = {table.name: await house.rows(table) for table in (USERS, ACCOUNTS, ORGANIZATIONS)}
    assert after == before
    assert await house.identity.spaces(login.access_token)


@pytest.mark.parametrize("cookie_too", [False, True])
async def test_a_bad_token_is_not_made_good_by_a_cookie(house, cookie_too):
    await house.person()
    answer = await house.http.post(
        "/api/v1/auth/login", json={"email": "anna@example.test", "password": PASSWORD}
    )
    house.http.cookies.clear()
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]} if cookie_too else {}
    path = "/api/auth/organization/list"
    for value in ("Bearer x.y.z", "", "Basic eDp5"):
        refused = await house.http.get(path, headers={"Authorization": value} | cookie)
        assert refused.status_code == 401
