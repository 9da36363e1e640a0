"""The sync service answers as its own description says that it does.

An insider shows a token and the service key, and speaks of a space that there is.
"""

import asyncio

import httpx
import pytest
from openapi_house import World, bounded, described
from store_house import SqliteHome
from sync_house import BASE, FLAT, SERVICE_KEY, House, Members, insertion, make_app

from mana_lab.clock import ManualClock
from mana_lab.crypto import SigningKey
from mana_lab.storage import Store
from mana_lab.sync.server import METADATA


@pytest.fixture(scope="module")
def house(tmp_path_factory, signing_key):
    """Return a service in use."""
    home, clock = SqliteHome(tmp_path_factory.mktemp("described")), ManualClock()
    members = Members(anna=[FLAT])
    store = asyncio.run(Store.open(home.url("sync"), METADATA))
    app = make_app(store, clock, signing_key, members)
    yield House(app, None, store, clock, members, signing_key, home)
    asyncio.run(store.close())


@pytest.fixture
def world(house):
    """Return a member of a space, who has the service's key too; there is a change to read."""
    return asyncio.run(_world(house))


async def _world(house):
    transport = httpx.ASGITransport(app=house.app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as house.http:
        await house.push(insertion(spaceId=FLAT))
        since = (await house.pull()).json()["syncedUntil"]
    return World(
        {
            "Authorization": f"Bearer {house.token()}",
            "X-Service-Key": SERVICE_KEY,
            "X-Client-Id": "phone",
        },
        {
            "app_id": "todo",
            "collection": "tasks",
            "spaceId": FLAT,
            "since": since,
            "table": "tasks",
            "id": "1",
            "createdAt": house.now(),
            "updatedAt": house.now(),
            "at": house.now(),
            "deletedAt": house.now(),
            "user_id": "dora",
        },
    )


schema = described(make_app(None, ManualClock(), SigningKey.generate(), Members()))
# A stream that was let in has no end to wait for.
that_end = schema.exclude(path="/sync/{app_id}/stream")


@schema.parametrize()
@bounded(10)
def test_a_stranger_is_answered_as_the_service_says(case, house):
    case.call_and_validate(app=house.app)


@pytest.mark.slow
@that_end.parametrize()
@bounded(40)
def test_an_insider_is_answered_as_the_service_says(case, house, world):
    world.put_into(case)
    case.call_and_validate(app=house.app, headers=world.shown_with(case))


@pytest.mark.slow
@that_end.parametrize()
@bounded(1000)
def test_an_insider_who_asks_on_and_on_is_answered_as_the_service_says(case, house, world):
    world.put_into(case)
    case.call_and_validate(app=house.app, headers=world.shown_with(case))
