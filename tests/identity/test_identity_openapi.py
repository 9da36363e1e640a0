"""Requests made from the service's own description: it answers as it says that it does.

A stranger sends them as they are made. An insider shows a token and the service key, and where the
request is a good one speaks of spaces and people that there are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from identity_house import ADMIN, BASE, PASSWORD, House, bearer, identity_config, persona, service
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from mana_lab.clock import ManualClock
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import METADATA, create_app, prepare
from mana_lab.storage import Store

UNDERSTOOD = ["2XX", "400", "401", "403", "404", "409", "413", "429"]
"""What a request of the right form may be answered; its meaning may still be wrong."""
REFUSED = ["400", "401", "403", "404", "405", "413"]
"""What a request of another form is answered."""


def described():
    """Return the description of a service that is not in use."""
    config = SchemathesisConfig.from_dict(
        {
            "checks": {
                "positive_data_acceptance": {"expected-statuses": UNDERSTOOD},
                "negative_data_rejection": {"expected-statuses": REFUSED},
            }
        }
    )
    document = create_app(None, identity_config(), clock=ManualClock()).openapi()
    unused = Starlette(routes=[Route("/openapi.json", lambda _: JSONResponse(document))])
    return schemathesis.openapi.from_asgi("/openapi.json", unused, config=config)


def bounded(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


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


@dataclass
class World:
    """What an insider knows.

    Attributes:
        headers: What shows who they are.
        names: Ids of what there is, by the names that requests have for them.
    """

    headers: dict[str, str]
    names: dict[str, str]

    def shown_with(self, case) -> dict[str, str]:
        """Return the headers for a request, but for those that it leaves out on purpose."""
        parts = {} if case.meta is None else case.meta.components
        spoiled = [place for place, part in parts.items() if part.mode.is_negative]
        return {} if ParameterLocation.HEADER in spoiled else self.headers

    def put_into(self, case) -> None:
        """Have a good request speak of what there is."""
        if case.meta is None or not case.meta.generation.mode.is_positive:
            return
        for part in (case.path_parameters, case.query, case.body):
            if isinstance(part, dict):
                for name in part.keys() & self.names.keys():
                    part[name] = self.names[name]


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


schema = described()


@schema.parametrize()
@bounded(4)
def test_a_stranger_is_answered_as_the_service_says(case, house):
    case.call_and_validate(app=house.app)


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
