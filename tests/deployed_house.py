"""A Mana that is deployed: a lab's services on ports, with personas who were seeded over HTTP."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx

from mana_lab import Lab
from mana_lab.identity.client import IdentityClient
from mana_lab.lab import UNTHROTTLED, serve_lab
from mana_lab.lab.services import ADMIN_EMAIL
from mana_lab.personas import seed
from mana_lab.settings import LabSecrets

SECRET = "what the personas of the deployed Mana were seeded with"  # noqa: S105


@dataclass(frozen=True)
class Mana:
    """Where a deployed Mana is.

    Attributes:
        auth: Its identity service.
        mcp: Its gateway.
        admin: The password of its administrator.
    """

    auth: str
    mcp: str
    admin: str

    async def connect(self, folder, **how):
        """Open a lab that uses it."""
        given = {"auth_url": self.auth, "mcp_url": self.mcp, "seed_secret": SECRET} | how
        return await Lab.connect(folder, **given)

    async def seed(self, catalog, secret=SECRET):
        """Make personas its users, as ``seed --auth`` does."""
        async with httpx.AsyncClient(timeout=60) as http:
            identity = IdentityClient(self.auth, http)
            login = await identity.login(ADMIN_EMAIL, self.admin)
            return await seed(catalog, identity, admin_token=login.access_token, secret=secret)


@asynccontextmanager
async def deployed(folder, catalog):
    """Serve a new Mana whose data are in *folder*, with the personas of *catalog* in it."""
    where = asyncio.get_running_loop().create_future()
    ports = {"auth_port": 0, "sync_port": 0, "port": 0}
    serving = asyncio.create_task(
        serve_lab(folder, **ports, calls_per_minute=UNTHROTTLED, on_ready=where.set_result)
    )
    try:
        async with asyncio.timeout(30):
            addresses = await where
        admin = LabSecrets.load(folder).admin_password.get_secret_value()
        mana = Mana(addresses.identity, addresses.gateway, admin)
        assert not (await mana.seed(catalog)).failed
        yield mana
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
