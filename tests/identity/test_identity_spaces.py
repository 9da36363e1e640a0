import asyncio

import pytest
from identity_house import PASSWORD, SERVICE_KEY, bearer, service
from sqlalchemy import insert

from mana_lab.identity.server.schema import MEMBERS, ORGANIZATIONS
from mana_lab.identity.server.spaces import slug_of

LIST = "/api/auth/organization/list"


async def test_a_sign_up_makes_a_personal_space_that_its_person_owns(house):
    login = await house.person("anna.bauer@example.test", name="Anna Bauer")
    (space,) = await house.identity.spaces(login.access_token)
    assert (space.name, space.slug) == ("Anna Bauer", "anna-bauer")
    assert (space.type, space.role) == ("personal", "owner")


async def test_the_list_of_spaces_takes_a_bearer_token(house):
    """The original failed here: it answered 401 to every bearer token."""
    login = await house.person("anna@example.test")
    answer = await house.http.get(LIST, headers=bearer(login.access_token))
    assert answer.status_code == 200
    (space,) = answer.json()
    assert set(space) == {"id", "name", "slug", "logo", "createdAt", "metadata", "role"}
    assert space["metadata"] == {"type": "personal", "tier": "public"}
    assert (space["logo"], space["role"]) == (None, "owner")


async def test_the_space_of_a_persona_has_the_tier_of_a_founder(house):
    """The original failed here: the space was made before the tier and kept ``public``."""
    await house.persona("ben")
    login = await house.identity.login("ben@mana.test", PASSWORD)
    answer = await house.http.get(LIST, headers=bearer(login.access_token))
    assert answer.json()[0]["metadata"] == {"type": "personal", "tier": "founder"}


@pytest.mark.parametrize(
    ("email", "slug"),
    [
        ("anna@mana.test", "anna"),
        ("persona.anna@mana.test", "persona-anna"),
        ("A__n..a+tag@mana.test", "a-n-a-tag"),
        ("-anna-@mana.test", "anna"),
        ("x" * 40 + "@mana.test", "x" * 30),
        ("x" * 29 + ".yy@mana.test", "x" * 29),
    ],
)
def test_a_slug_comes_from_the_local_part_of_the_address(email, slug):
    assert slug_of(email) == slug


def test_an_address_without_latin_letters_gets_a_slug_too():
    assert slug_of("анна@mana.test").startswith("user-")


async def test_equal_and_reserved_slugs_are_numbered(house):
    slugs = []
    for email in ("anna@a.test", "anna@b.test", "anna@c.test", "admin@a.test", "ann@a.test"):
        login = await house.person(email)
        slugs.append((await house.identity.spaces(login.access_token))[0].slug)
    assert slugs == ["anna", "anna-2", "anna-3", "admin-2", "ann"]


async def test_equal_slugs_at_the_same_time_are_numbered_too(house):
    await asyncio.gather(
        *(house.identity.register(f"anna@{n}.test", PASSWORD) for n in range(1, 8))
    )
    slugs = {row.slug for row in await house.rows(ORGANIZATIONS)}
    assert {"anna", *(f"anna-{n}" for n in range(2, 8))} <= slugs


async def test_a_person_sees_the_shared_spaces_they_are_in_and_no_others(house):
    anna, eve = await house.person("anna@a.test"), await house.person("eve@a.test")
    await house.store.write(lambda connection: make_team(connection, anna.user.id, house.clock))
    spaces = await house.identity.spaces(anna.access_token)
    assert {(space.type, space.role) for space in spaces} == {
        ("personal", "owner"),
        ("team", "member"),
    }
    assert len(await house.identity.spaces(eve.access_token)) == 1


async def test_other_services_learn_where_somebody_is_a_member(house):
    login = await house.person()
    (space,) = await house.identity.spaces(login.access_token)
    (membership,) = await house.identity.memberships(SERVICE_KEY, login.user.id)
    assert (membership.organization_id, membership.role) == (space.id, "owner")
    assert await house.identity.memberships(SERVICE_KEY, "nobody") == []


@pytest.mark.parametrize("headers", [{}, service(""), service("wrong"), service("ä")])
async def test_memberships_are_for_services_only(house, headers):
    answer = await house.http.get(
        "/api/v1/internal/users/x/memberships",
        headers={name: value.encode() for name, value in headers.items()},
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")


def make_team(connection, user_id, clock):
    connection.execute(
        insert(ORGANIZATIONS).values(
            id="team", name="Team", slug="team", metadata={"type": "team"}, created_at=clock.now()
        )
    )
    connection.execute(
        insert(MEMBERS).values(
            id="m", organization_id="team", user_id=user_id, role="member", created_at=clock.now()
        )
    )
