"""A caller's token for one that opens less, for a minute."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import jwt as pyjwt
import pytest
from identity_house import PASSWORD, SERVICE_KEY, bearer, identity_config, service

from mana_lab.crypto import sign
from mana_lab.crypto.exchanged import (
    ACCESS_TOKEN_TYPE,
    GRANT_TYPE,
    SCOPES,
    SPACES_READ,
    SYNC_READ,
    SYNC_WRITE,
    VAULT_READ,
    VAULT_RENEW,
)
from mana_lab.errors import (
    InsufficientScopeError,
    InvalidTokenError,
    NotAMemberError,
    SessionEndedError,
    SettingsError,
    TokenExpiredError,
    UnauthenticatedError,
)
from mana_lab.identity.server.schema import SESSIONS, USERS

PATH = "/api/v1/auth/token-exchange"
LIST = "/api/auth/organization/list"
KEY = "/api/v1/me/encryption-vault/key"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KEPT = ("sub", "sid", "email", "role", "tier", "kind", "iss")


@pytest.fixture
async def anna(house):
    return await house.person("anna@a.test")


@pytest.fixture
async def space(house, anna):
    return (await house.identity.spaces(anna.access_token))[0].id


def form(token, **changes):
    """Return the parameters of an exchange; one that is None is left out."""
    said = {
        "grant_type": GRANT_TYPE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN_TYPE,
        "audience": "identity",
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def read(token):
    return pyjwt.decode(token, options={"verify_signature": False})


async def exchanged(house, token, audience="identity", scope=SPACES_READ, **more):
    return (await house.identity.exchange(token, audience, scope, **more)).access_token


async def forged(house, token, **changes):
    """Return a genuine token that says otherwise; what is None is left out."""
    claims = {name: value for name, value in (read(token) | changes).items() if value is not None}
    return sign(claims, await house.app.state.rooms.tokens.signing_key())


async def test_the_answer_is_that_of_oauth(house, anna, space):
    answer = await house.http.post(PATH, data=form(anna.access_token, audience="sync", space=space))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.pop("access_token").count(".") == 2
    assert body == {
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": 30,
        "scope": SYNC_READ,
    }


async def test_the_token_says_who_where_what_for_and_no_more(house, anna, space):
    token = await exchanged(
        house, anna.access_token, "sync", SYNC_WRITE, space_id=space, tool="todo.create"
    )
    held, claims = read(anna.access_token), read(token)
    assert {name: claims[name] for name in KEPT} == {name: held[name] for name in KEPT}
    now = int(house.clock.now().timestamp())
    bound = {"aud": "sync", "scope": SYNC_WRITE, "space": space, "tool": "todo.create"}
    assert claims == {name: held[name] for name in KEPT} | bound | {
        "iat": now,
        "exp": now + 30,
        "jti": claims["jti"],
    }
    again = await exchanged(
        house, anna.access_token, "sync", SYNC_WRITE, space_id=space, tool="todo.create"
    )
    assert len(claims["jti"]) >= 22
    assert read(again)["jti"] != claims["jti"]


async def test_a_persona_stays_in_its_time_zone(house):
    await house.persona("ben")
    login = await house.identity.login("ben@mana.test", PASSWORD)
    token = await exchanged(house, login.access_token)
    assert read(token)["zoneinfo"] == read(login.access_token)["zoneinfo"] != ""
    assert read(token)["kind"] == "persona"


@pytest.mark.parametrize(("left", "lives"), [(900, 30), (31, 30), (30, 30), (29, 29), (1, 1)])
async def test_it_lives_half_a_minute_and_never_longer_than_what_it_was_made_of(
    house, anna, left, lives
):
    house.clock.advance(900 - left)
    answer = await house.identity.exchange(anna.access_token, "identity", SPACES_READ)
    claims = read(answer.access_token)
    assert (claims["exp"] - claims["iat"], answer.expires_in) == (lives, lives)
    assert claims["exp"] <= read(anna.access_token)["exp"]


async def test_a_token_that_is_past_its_end_gets_no_more_time(house, anna):
    house.clock.advance(900 + 29)  # within what clocks may differ
    answer = await house.identity.exchange(anna.access_token, "identity", SPACES_READ)
    assert answer.expires_in == 0
    assert read(answer.access_token)["exp"] == read(anna.access_token)["exp"]
    assert await house.identity.spaces(answer.access_token)
    house.clock.advance(1)
    with pytest.raises(TokenExpiredError):
        await house.identity.spaces(answer.access_token)
    with pytest.raises(TokenExpiredError):
        await exchanged(house, anna.access_token)


async def test_a_minute_later_nobody_takes_it(house, anna):
    token = await exchanged(house, anna.access_token)
    house.clock.advance(59)
    assert await house.identity.spaces(token)
    house.clock.advance(1)
    with pytest.raises(TokenExpiredError):
        await house.identity.spaces(token)
    assert await house.identity.spaces(anna.access_token)


@pytest.mark.parametrize("audience", SCOPES)
async def test_an_exchanged_token_is_never_exchanged_again(house, anna, space, audience):
    token = await exchanged(house, anna.access_token, audience, SCOPES[audience][0], space_id=space)
    for other in SCOPES:
        with pytest.raises(InvalidTokenError):
            await exchanged(house, token, other, SCOPES[other][0], space_id=space)


FOREIGN = (
    {"aud": "sync"},
    {"aud": "gateway"},
    {"aud": ["identity", "sync"]},
    {"iss": "http://elsewhere.test"},
    {"sub": "", "sid": "x"},
    {"nbf": 4_000_000_000},
    {"aud": None},
)


async def test_a_token_that_is_not_for_this_mana_is_not_exchanged(house, anna):
    for changes in FOREIGN:
        with pytest.raises(InvalidTokenError):
            await exchanged(house, await forged(house, anna.access_token, **changes))


async def test_what_is_no_token_is_not_exchanged(house):
    for token in ("xq", "x.y.z", "{}q", "Bearer x", "\u00e9", "x" * 8192):
        answer = await house.http.post(PATH, data=form(token))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid-token")
        assert token not in answer.text


async def test_a_session_that_is_over_gives_nothing(house, anna):
    await house.identity.logout(anna.access_token)
    with pytest.raises(SessionEndedError):
        await exchanged(house, anna.access_token)


async def test_a_session_of_somebody_else_gives_nothing(house, anna):
    ben = await house.person("ben@a.test")
    mixed = await forged(house, anna.access_token, sid=read(ben.access_token)["sid"])
    with pytest.raises(SessionEndedError):
        await exchanged(house, mixed)
    for sid in (None, ""):
        with pytest.raises(SessionEndedError):
            await exchanged(house, await forged(house, anna.access_token, sid=sid))


async def test_a_deleted_account_gives_nothing(house, anna):
    house.tamper(USERS.delete().where(USERS.c.id == anna.user.id))
    with pytest.raises(UnauthenticatedError):
        await exchanged(house, anna.access_token)


async def test_an_exchanged_token_ends_with_its_session(house, anna, space):
    tokens = [
        await exchanged(house, anna.access_token),
        await exchanged(house, anna.access_token, space_id=space),
    ]
    await house.identity.logout(anna.access_token)
    for token in tokens:
        with pytest.raises(SessionEndedError):
            await house.identity.spaces(token)


async def test_a_space_is_bound_only_for_who_is_in_it_now(house, anna):
    ben = await house.person("ben@a.test")
    team = await house.team(anna, ben)
    assert await exchanged(house, ben.access_token, "sync", SYNC_READ, space_id=team)
    await house.identity.leave_space(ben.access_token, team)
    for audience, scope in (("sync", SYNC_READ), ("sync", SYNC_WRITE), ("identity", SPACES_READ)):
        with pytest.raises(NotAMemberError):
            await exchanged(
                house, ben.access_token, audience, scope, space_id=team, tool="todo.create"
            )


async def test_what_names_no_space_at_sync_is_bound_only_for_its_owner(house, anna):
    ben = await house.person("ben@a.test")
    own = f"_personal:{anna.user.id}"
    token = await exchanged(house, anna.access_token, "sync", SYNC_READ, space_id=own)
    assert read(token)["space"] == own
    with pytest.raises(NotAMemberError):
        await exchanged(house, ben.access_token, "sync", SYNC_READ, space_id=own)
    with pytest.raises(NotAMemberError):
        await exchanged(house, anna.access_token, "identity", SPACES_READ, space_id=own)


READING = {SPACES_READ, VAULT_READ, SYNC_READ}
EVERYTHING = READING | {VAULT_RENEW, SYNC_WRITE}


GIVEN_FOR = {
    None: EVERYTHING,
    "mcp:tools": EVERYTHING,
    "openid mcp:tools email": EVERYTHING,
    "mcp:read": READING,
    "mcp:read openid": READING,
    "openid": set(),
    "": set(),
    "sync:write": set(),
    "mcp:tools2 xmcp:read": set(),
}
"""What a token may be exchanged for, by its own scope."""


async def test_a_scope_is_never_widened(house, anna, space):
    for held, allowed in GIVEN_FOR.items():
        token = await forged(house, anna.access_token, scope=held)
        for audience, scope in [(name, each) for name in SCOPES for each in SCOPES[name]]:
            wanted = exchanged(house, token, audience, scope, space_id=space, tool="todo.create")
            if scope in allowed:
                assert read(await wanted)["scope"] == scope
                continue
            with pytest.raises(InsufficientScopeError):
                await wanted


SYNC = {"audience": "sync", "space": "x"}


SPOILED = (
    ({"grant_type": None}, "grant_type"),
    ({"grant_type": ""}, "grant_type"),
    ({"grant_type": "password"}, "grant_type"),
    ({"subject_token": None}, "subject_token"),
    ({"subject_token": ""}, "subject_token"),
    ({"subject_token": "x" * 8193}, "subject_token"),
    ({"subject_token_type": None}, "subject_token_type"),
    ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "subject_token_type"),
    ({"requested_token_type": "x"}, "requested_token_type"),
    ({"audience": None}, "audience"),
    ({"audience": "mana"}, "audience"),
    ({"audience": "identity sync"}, "audience"),
    ({"scope": "everything"}, "scope"),
    ({"scope": "spaces:read vault:read"}, "scope"),
    ({"scope": SYNC_READ}, "body"),
    (SYNC | {"scope": VAULT_READ}, "body"),
    (SYNC | {"space": None}, "body"),
    (SYNC | {"scope": SYNC_WRITE}, "body"),
    ({"space": "x" * 256}, "space"),
    ({"space": "a\nb"}, "space"),
    ({"tool": "todo create"}, "tool"),
    ({"tool": "x" * 121}, "tool"),
    ({"tool": "a\nb"}, "tool"),
    ({"actor_token": "x"}, "actor_token"),
    ({"resource": "http://sync.test"}, "resource"),
    ({"role": "admin"}, "role"),
    ({"lifetime": "900"}, "lifetime"),
)


async def test_what_is_asked_otherwise_is_refused_by_name(house, anna):
    for changes, place in SPOILED:
        answer = await house.http.post(PATH, data=form(anna.access_token, **changes))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input"), changes
        assert [detail["path"] for detail in answer.json()["details"]] == [place]
        assert anna.access_token not in answer.text


async def test_nothing_is_said_twice(house, anna, space):
    parameters = form(anna.access_token, audience="sync", scope=SYNC_READ, space=space, tool="a.b")
    pairs = [f"{name}={quote(value)}" for name, value in parameters.items()]
    body = "&".join(pairs)
    assert (await house.http.post(PATH, content=body, headers=FORM)).status_code == 200
    for again in (*pairs, "space=", "tool=c.d"):
        answer = await house.http.post(PATH, content=f"{body}&{again}", headers=FORM)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")


NO_FORMS = (
    b"",
    b"&",
    b"=",
    b"grant_type",
    b"\xff\xfe",
    b"%ff=%fe",
    b"a=" + b"[" * 50_000,
    b"&".join(b"a%d=1" % n for n in range(17)),
    b'{"grant_type": "x"}',
)


async def test_a_body_that_is_no_form_is_a_400(house):
    for content in NO_FORMS:
        answer = await house.http.post(PATH, content=content, headers=FORM)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input"), content[:20]


KINDS = {
    "application/json": 400,
    "text/plain": 400,
    "multipart/form-data; boundary=x": 400,
    "": 400,
    "Application/x-www-form-urlencoded; charset=utf-8": 200,
}


async def test_a_form_has_to_say_that_it_is_one(house, anna):
    body = "&".join(f"{name}={quote(value)}" for name, value in form(anna.access_token).items())
    for said, status in KINDS.items():
        answer = await house.http.post(PATH, content=body, headers={"Content-Type": said})
        assert answer.status_code == status


async def test_a_form_above_64_kb_is_a_413(house):
    answer = await house.http.post(PATH, content=b"x" * 65_537, headers=FORM)
    assert answer.status_code == 413


TAKEN = {
    ("GET", LIST): SPACES_READ,
    ("GET", "/api/v1/spaces/{space_id}/policy"): SPACES_READ,
    ("GET", KEY): VAULT_READ,
    ("POST", "/api/v1/me/encryption-vault/rotate/finish"): VAULT_RENEW,
}
"""Which routes take a token for identity, and for what it has to be."""


async def test_no_other_route_takes_an_exchanged_token(house, anna, space):
    tokens = {
        (audience, scope): await exchanged(
            house, anna.access_token, audience, scope, space_id=where, tool="todo.create"
        )
        for audience, scopes in SCOPES.items()
        for scope in scopes
        for where in ([None] if audience == "identity" else [space])
    }
    await house.identity.vault_init(anna.access_token)
    document = (await house.http.get("/openapi.json")).json()
    seen = set()
    for path, operations in document["paths"].items():
        for method in operations:
            route = (method.upper(), path)
            seen.add(route)
            url = path.replace("{space_id}", space).replace("{user_id}", anna.user.id)
            spoiled = await house.http.request(method, url, headers=bearer("x.y.z"))
            for (audience, scope), token in tokens.items():
                answer = await house.http.request(method, url, headers=bearer(token))
                if audience == "sync" or route not in TAKEN:
                    assert answer.status_code == spoiled.status_code, (route, scope)
                elif TAKEN[route] == scope:
                    assert answer.status_code in {200, 400}, (route, scope)
                else:
                    assert answer.json()["error"] == "insufficient-scope", (route, scope)
    assert seen >= TAKEN.keys()
    assert await house.identity.spaces(anna.access_token)  # nothing of it ended the session


async def test_a_token_for_identity_does_not_sign_out_and_is_not_called_valid(house, anna):
    token = await exchanged(house, anna.access_token)
    with pytest.raises(InvalidTokenError):
        await house.identity.logout(token)
    assert (await house.identity.validate(token)).valid is False
    assert len(await house.rows(SESSIONS)) == 1


async def test_an_administrators_exchanged_token_administers_nothing(house):
    token = await exchanged(house, await house.admin())
    assert read(token)["role"] == "admin"
    answer = await house.http.get("/api/v1/admin/personas", headers=bearer(token))
    assert answer.status_code == 401


async def test_a_token_that_is_bound_to_a_space_reaches_no_other(house, anna, space):
    team = await house.team(anna)
    token = await exchanged(house, anna.access_token, space_id=team)
    assert [each.id for each in await house.identity.spaces(token)] == [team]
    assert (await house.identity.space_policy(token, team)).space_id == team
    other = await house.http.get(f"/api/v1/spaces/{space}/policy", headers=bearer(token))
    assert (other.status_code, other.json()["error"]) == (403, "forbidden")
    free = await exchanged(house, anna.access_token)
    assert len(await house.identity.spaces(free)) == 2


async def test_a_vault_is_of_no_space(house, anna, space):
    await house.identity.vault_init(anna.access_token)
    free = await exchanged(house, anna.access_token, scope=VAULT_READ)
    assert (await house.identity.vault_key(free)).master_key
    bound = await exchanged(house, anna.access_token, scope=VAULT_READ, space_id=space)
    answer = await house.http.get(KEY, headers=bearer(bound))
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


async def test_an_exchange_is_one_look_into_the_store(house, anna, space):
    reads = []
    house.app.state.rooms.exchange._store = Counted(house.store, reads)
    await exchanged(house, anna.access_token, "sync", SYNC_READ, space_id=space)
    assert len(reads) == 1


class Counted:
    """A store that counts how often it is read."""

    def __init__(self, store, reads):
        self._store = store
        self._reads = reads

    async def read(self, work):
        self._reads.append(work)
        return await self._store.read(work)


async def test_many_exchanges_at_once_give_as_many_tokens(house, anna, space):
    tokens = await asyncio.gather(
        *(
            exchanged(house, anna.access_token, "sync", SYNC_WRITE, space_id=space, tool="a.b")
            for _ in range(50)
        )
    )
    assert len({read(token)["jti"] for token in tokens}) == 50


@pytest.mark.parametrize("audience", SCOPES)
def test_the_app_has_no_audience_that_exchanged_tokens_have(audience):
    with pytest.raises(SettingsError, match="JWT_AUDIENCE"):
        identity_config(audience=audience)


async def test_the_services_own_key_is_no_token(house):
    answer = await house.http.post(PATH, data=form(SERVICE_KEY), headers=service())
    assert answer.status_code == 401
