"""Signing keys are changed without anybody noticing, or taken back so that everybody does."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest
from identity_house import BASE, PASSWORD, SERVICE_KEY, bearer, service

from mana_lab.crypto import TokenVerifier
from mana_lab.crypto.encoding import decode_base64url
from mana_lab.errors import (
    ConflictError,
    InvalidTokenError,
    TokenExpiredError,
    UnauthenticatedError,
)
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import create_app
from mana_lab.identity.server.schema import JWKS
from mana_lab.identity.server.signing import ANNOUNCED, GRACE, MAX_KEYS

SPACES = "/api/auth/organization/list"
ROTATE = "/api/v1/internal/keys/rotate"


def kid_of(token):
    return json.loads(decode_base64url(token.partition(".")[0]))["kid"]


async def published(house):
    document = (await house.http.get("/api/auth/jwks")).json()
    assert all(set(key) == {"alg", "crv", "x", "kty", "kid"} for key in document["keys"])
    return [key["kid"] for key in document["keys"]]


async def token_of(house):
    return (await house.identity.login("anna@example.test", PASSWORD)).access_token


async def status(house, token):
    return (await house.http.get(SPACES, headers=bearer(token))).status_code


@pytest.fixture
async def old(house):
    """A token of the first key."""
    return (await house.person("anna@example.test")).access_token


async def test_a_new_key_is_published_at_once_and_signs_when_verifiers_know_it(house, old):
    made = await house.identity.rotate_keys(SERVICE_KEY)
    assert made.kids == [made.kid, kid_of(old)] == await published(house)
    house.clock.advance(made.signs_from - house.clock.now() - timedelta(milliseconds=1))
    assert kid_of(await token_of(house)) == kid_of(old)
    house.clock.advance(timedelta(milliseconds=1))
    new = await token_of(house)
    assert kid_of(new) == made.kid
    assert [await status(house, token) for token in (old, new)] == [200, 200]


async def test_no_token_is_ever_refused_by_a_service_that_keeps_the_keys_for_thirty_seconds(house):
    await house.person("anna@example.test")
    verifier = TokenVerifier(
        f"{BASE}/api/auth/jwks", house.http, issuer=BASE, audience="mana", clock=house.clock
    )
    seen = set()
    for second in range(0, 300, 5):
        if second % 100 == 50:
            await house.identity.rotate_keys(SERVICE_KEY)
        token = await token_of(house)
        seen.add(kid_of(token))
        assert (await verifier.verify(token)).email == "anna@example.test"
        house.clock.advance(5)
    assert len(seen) == 3
    await verifier.close()


async def test_the_previous_key_serves_until_the_last_of_its_tokens_has_ended(house, old):
    made = await house.identity.rotate_keys(SERVICE_KEY)
    house.clock.advance(made.signs_from - house.clock.now() + GRACE - timedelta(seconds=1))
    assert await published(house) == [made.kid, kid_of(old)]
    house.clock.advance(1)
    assert await published(house) == [made.kid]
    house.clock.advance(10)
    assert await status(house, old) == 401
    assert [row.id for row in await house.rows(JWKS)] == [made.kid]


async def test_asking_again_while_a_key_is_announced_makes_no_other(house, old):
    first = await house.identity.rotate_keys(SERVICE_KEY)
    again = await asyncio.gather(*(house.identity.rotate_keys(SERVICE_KEY) for _ in range(5)))
    assert again == [first] * 5
    assert await published(house) == [first.kid, kid_of(old)]


async def test_withdrawn_keys_take_their_tokens_with_them_and_sessions_go_on(house):
    login = await house.person("anna@example.test")
    verifier = TokenVerifier(
        f"{BASE}/api/auth/jwks", house.http, issuer=BASE, audience="mana", clock=house.clock
    )
    await verifier.verify(login.access_token)
    await house.identity.rotate_keys(SERVICE_KEY)
    made = await house.identity.rotate_keys(SERVICE_KEY, withdraw=True)
    assert made.kids == [made.kid] == await published(house)
    assert await status(house, login.access_token) == 401
    house.clock.advance(30)
    with pytest.raises(InvalidTokenError):
        await verifier.verify(login.access_token)
    fresh = (await house.identity.refresh(login.refresh_token)).access_token
    assert kid_of(fresh) == made.kid
    assert await status(house, fresh) == 200
    assert (await verifier.verify(fresh)).sub == login.user.id
    assert [row.id for row in await house.rows(JWKS)] == [made.kid]
    await verifier.close()


async def test_another_process_on_the_same_store_learns_of_it_within_ten_seconds(house, old):
    app = create_app(house.store, house.config, clock=house.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as http:
        other = IdentityClient(BASE, http)
        assert (await http.get(SPACES, headers=bearer(old))).status_code == 200
        made = await house.identity.rotate_keys(SERVICE_KEY, withdraw=True)
        house.clock.advance(10)
        assert [key["kid"] for key in (await other.jwks())["keys"]] == [made.kid]
        assert (await http.get(SPACES, headers=bearer(old))).status_code == 401
        new = (await other.login("anna@example.test", PASSWORD)).access_token
    assert await status(house, new) == 200


async def test_keys_outlive_a_restart_and_the_announced_one_stays_announced(house, old):
    made = await house.identity.rotate_keys(SERVICE_KEY)
    app = create_app(house.store, house.config, clock=house.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as http:
        other = IdentityClient(BASE, http)
        assert [key["kid"] for key in (await other.jwks())["keys"]] == [made.kid, kid_of(old)]
        login = await other.login("anna@example.test", PASSWORD)
        assert kid_of(login.access_token) == kid_of(old)
        house.clock.advance(ANNOUNCED + timedelta(seconds=1))
        login = await other.login("anna@example.test", PASSWORD)
        assert kid_of(login.access_token) == made.kid


async def test_so_many_keys_are_published_and_no_more(house):
    for _ in range(MAX_KEYS - 1):
        made = await house.identity.rotate_keys(SERVICE_KEY)
        house.clock.advance(ANNOUNCED + timedelta(seconds=1))
    assert len(made.kids) == MAX_KEYS
    with pytest.raises(ConflictError, match="withdraw"):
        await house.identity.rotate_keys(SERVICE_KEY)
    assert await published(house) == made.kids
    house.clock.advance(GRACE)
    made = await house.identity.rotate_keys(SERVICE_KEY)
    assert len(made.kids) == 2


async def test_an_expired_token_of_an_earlier_key_is_called_expired(house, old):
    await house.identity.rotate_keys(SERVICE_KEY)
    house.clock.advance(timedelta(minutes=16))
    answer = await house.http.get(SPACES, headers=bearer(old))
    assert answer.json()["error"] == TokenExpiredError.code


@pytest.mark.parametrize(
    "body", [{"withdraw": "yes"}, {"withdraw": None}, {"all": True}, None, [], "x"]
)
async def test_a_body_that_makes_no_sense_changes_nothing(house, old, body):
    answer = await house.http.post(ROTATE, headers=service(), json=body)
    assert answer.status_code == 400
    assert await published(house) == [kid_of(old)]


@pytest.mark.parametrize("key", ["", "wrong", SERVICE_KEY + "x"])
async def test_nobody_but_a_service_changes_keys(house, old, key):
    with pytest.raises(UnauthenticatedError):
        await house.identity.rotate_keys(key, withdraw=True)
    answer = await house.http.post(ROTATE, headers=bearer(await house.admin()))
    assert answer.status_code == 401
    assert await published(house) == [kid_of(old)]
