import httpx
import pytest
from sync_house import BASE, CLUB, FLAT, House, Members, make_app

from mana_lab.crypto import SigningKey
from mana_lab.storage import Store
from mana_lab.sync.server import METADATA


@pytest.fixture(scope="session")
def signing_key():
    return SigningKey.generate()


@pytest.fixture
async def house(home, clock, signing_key):
    """A service where anna and ben share a flat, cleo is in a club, and dora is nowhere."""
    members = Members(anna=[FLAT], ben=[FLAT, CLUB], cleo=[CLUB], dora=[])
    async with await Store.open(home.url("sync"), METADATA) as store:
        app = make_app(store, clock, signing_key, members)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            yield House(app, http, store, clock, members, signing_key, home)
