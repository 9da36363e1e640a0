"""The identity service answers as its own description says that it does.

An insider shows a token and the service key, and speaks of spaces and people that there are.
"""

from __future__ import annotations

import asyncio

import httpx
import pytest
from identity_house import ADMIN, BASE, PASSWORD, House, bearer, identity_config, persona, service
from openapi_house import World, bounded, described

from mana_lab.clock import ManualClock
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import METADATA, create_app, prepare
from mana_lab.storage import Store


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Return a service in use."""
    url = f"sqlite:///{tmp_path_factory.mktemp('described')}/identity.db"
    config, clock = identity_config(), ManualClock()
    store = asyncio.run(Store.open(url, METADATA))
    asyncio.run(prepare(store, config, clock))
    app = create_app(store, config, clock=clock, wall_clock=clock)
    yield House(store, config, app, None, None, clock, url)
    asyncio.run(store.close())


@pytest.fixture
def world(house):
    """Return an administrator with a space, and a persona who is invited to it."""
    return asyncio.run(_world(house))


async def _world(house):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url=BASE) as http:
        identity = IdentityClient(BASE, http)
        admin = (await identity.login(ADMIN.email, ADMIN.password)).access_token
        for each in await identity.personas(admin):
            await identity.delete_persona(admin, each.user_id)
        made = await identity.upsert_persona(admin, persona("ben"))
        known = await identity.spaces(admin)
        for each in known[1:]:
            await identity.delete_space(admin, each.id)
        space = await identity.create_space(admin, "Team", "team", "team")
        kai = await identity.upsert_persona(admin, persona("kai"))
        asked = await identity.invite(admin, space.id, "kai@mana.test")
        token = (await identity.login("kai@mana.test", PASSWORD)).access_token
        member = (await identity.accept_invitation(token, asked.id)).member
        waiting = await identity.invite(admin, space.id, "ben@mana.test")
        refresh = (await identity.login("kai@mana.test", PASSWORD)).refresh_token
        return World(
            bearer(admin) | service(),
            {
                "space_id": space.id,
                "organizationId": space.id,
                "user_id": made.user_id,
                "memberId": member.id,
                "memberIdOrEmail": kai.email,
                "invitationId": waiting.id,
                "id": waiting.id,
                "refreshToken": refresh,
            },
        )


schema = described(create_app(None, identity_config(), clock=ManualClock()))


@schema.parametrize()
@bounded(4)
def test_a_stranger_is_answered_as_the_service_says(case, house):
    case.call_and_validate(app=house.app)


@pytest.mark.slow
@schema.parametrize()
@bounded(8)
def test_an_insider_is_answered_as_the_service_says(case, house, world):
    world.put_into(case)
    case.call_and_validate(app=house.app, headers=world.shown_with(case))


@pytest.mark.slow
@schema.parametrize()
@bounded(400)
def test_an_insider_who_asks_on_and_on_is_answered_as_the_service_says(case, house, world):
    world.put_into(case)
    case.call_and_validate(app=house.app, headers=world.shown_with(case))
