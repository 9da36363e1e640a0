import base64
import json
from datetime import timedelta

import httpx
import pytest
from identity_house import ADMIN, BASE, PASSWORD, bearer, identity_config, open_house
from sqlalchemy import update

from mana_lab.crypto import KeySet, SigningKey, TokenVerifier, sign, verify
from mana_lab.errors import ForbiddenError, SettingsError, TokenExpiredError
from mana_lab.identity.server import create_app, prepare
from mana_lab.identity.server.schema import JWKS, SESSIONS, USERS

SPACES = "/api/auth/organization/list"


def part(token, place):
    text = token.split(".")[place]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


async def test_an_access_token_says_who_and_for_how_long(house):
    login = await house.person("anna@example.test")
    claims = part(login.access_token, 1)
    session = next(row for row in await house.rows(SESSIONS) if row.user_id == login.user.id)
    now = int(house.clock.now().timestamp())
    assert claims == {
        "sub": login.user.id,
        "email": "anna@example.test",
        "role": "user",
        "tier": "public",
        "kind": "human",
        "sid": session.id,
        "iss": BASE,
        "aud": "mana",
        "iat": now,
        "exp": now + 900,
    }


async def test_a_personas_token_says_where_they_live(house):
    await house.persona("ben", timezone="Europe/Lisbon")
    login = await house.identity.login("ben@mana.test", PASSWORD)
    assert part(login.access_token, 1)["zoneinfo"] == "Europe/Lisbon"
    assert "zoneinfo" not in part((await house.person()).access_token, 1)


async def test_the_header_of_a_token_has_no_type(house):
    login = await house.person()
    header = part(login.access_token, 0)
    assert header["alg"] == "EdDSA"
    assert set(header) == {"alg", "kid"}


@pytest.mark.parametrize("path", ["/api/auth/jwks", "/api/v1/auth/jwks"])
async def test_the_key_is_published_at_both_addresses_and_verifies(house, path):
    login = await house.person()
    document = (await house.http.get(path)).json()
    assert [set(key) for key in document["keys"]] == [{"alg", "crv", "x", "kty", "kid"}]
    claims = verify(
        login.access_token,
        KeySet.from_jwks(document),
        issuer=BASE,
        audience="mana",
        now=house.clock.now(),
    )
    assert claims.sub == login.user.id


async def test_another_service_verifies_tokens_over_http(house):
    login = await house.person()
    verifier = TokenVerifier(
        f"{BASE}/api/auth/jwks", house.http, issuer=BASE, audience="mana", clock=house.clock
    )
    assert (await verifier.verify(login.access_token)).email == "anna@example.test"
    house.clock.advance(timedelta(minutes=16))
    with pytest.raises(TokenExpiredError):
        await verifier.verify(login.access_token)


async def test_the_role_in_the_store_is_the_role_in_the_token_and_opens_admin_routes(house):
    """The original failed here: the role was lost, and every admin route answered 403."""
    login = await house.identity.login(ADMIN.email, ADMIN.password)
    assert part(login.access_token, 1)["role"] == "admin"
    assert await house.identity.personas(login.access_token) == []


async def test_a_role_that_was_taken_away_opens_no_admin_route_any_more(house):
    token = await house.admin()
    await house.store.write(
        lambda connection: connection.execute(update(USERS).values(role="user"))
    )
    with pytest.raises(ForbiddenError):
        await house.identity.personas(token)


async def test_a_role_is_read_anew_at_every_sign_in(house):
    first = await house.person("anna@example.test")
    await house.store.write(
        lambda connection: connection.execute(
            update(USERS).where(USERS.c.id == first.user.id).values(role="admin")
        )
    )
    second = await house.identity.login("anna@example.test", PASSWORD)
    roles = [part(login.access_token, 1)["role"] for login in (first, second)]
    assert roles == ["user", "admin"]


async def test_a_token_ends_after_a_quarter_of_an_hour(house):
    login = await house.person()
    house.clock.advance(timedelta(minutes=14))
    assert (await house.http.get(SPACES, headers=bearer(login.access_token))).status_code == 200
    house.clock.advance(timedelta(minutes=2))
    answer = await house.http.get(SPACES, headers=bearer(login.access_token))
    assert (answer.status_code, answer.json()["error"]) == (401, "token-expired")


async def test_tokens_outlive_a_restart_of_the_service(house):
    login = await house.person()
    app = create_app(house.store, house.config, clock=house.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as http:
        assert (await http.get(SPACES, headers=bearer(login.access_token))).status_code == 200


async def test_a_forged_token_opens_nothing(house):
    login = await house.person()
    own = SigningKey.generate()
    claims = part(login.access_token, 1) | {"role": "admin"}
    forged = sign(claims, SigningKey.from_bytes(part(login.access_token, 0)["kid"], own.export()))
    answer = await house.http.get("/api/v1/admin/personas", headers=bearer(forged))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid-token")


async def test_the_session_token_is_no_access_token(house):
    """The original's clients sent a token that its services did not take."""
    login = await house.person()
    answer = await house.http.get(SPACES, headers=bearer(login.refresh_token))
    assert answer.status_code == 401


async def test_the_private_key_lies_wrapped_and_opens_only_with_the_kek(home, clock):
    async with open_house(home, clock) as house:
        assert len(await house.rows(JWKS)) == 1
        with pytest.raises(SettingsError, match="MANA_AUTH_KEK"):
            await prepare(house.store, identity_config(kek=bytes(32)), clock)


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"kek": b"short"}, "MANA_AUTH_KEK"), ({"service_key": ""}, "MANA_SERVICE_KEY")],
)
def test_a_configuration_without_its_secrets_is_refused(changes, name):
    with pytest.raises(SettingsError, match=name):
        identity_config(**changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"kek": bytes(32)}, "MANA_AUTH_KEK"),
        ({"kek": b"k" * 32}, "MANA_AUTH_KEK"),
        ({"service_key": "dev-service-key"}, "MANA_SERVICE_KEY"),
        ({"service_key": "short"}, "MANA_SERVICE_KEY"),
    ],
)
def test_production_takes_no_secret_that_everybody_knows(changes, name):
    identity_config(**changes)
    with pytest.raises(SettingsError, match=name) as refused:
        identity_config(production=True, **changes)
    assert "kkkk" not in str(refused.value)


def test_production_takes_secrets_that_are_some():
    assert identity_config(production=True).production


def test_a_configuration_shows_none_of_its_secrets():
    shown = repr(identity_config())
    for secret in (ADMIN.password, "service-key", repr(bytes(range(32)))):
        assert secret not in shown
