"""A Mana that is deployed: a lab's services on ports, with personas who were seeded over HTTP."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import httpx

from mana_lab import Lab
from mana_lab.clock import SimulatedClock
from mana_lab.identity.client import IdentityClient
from mana_lab.lab import UNTHROTTLED
from mana_lab.lab.folder import LabFolder
from mana_lab.lab.services import ADMIN_EMAIL, Ground, Stores
from mana_lab.lab.standing import listening, standing
from mana_lab.personas import seed
from mana_lab.tools import default_registry
from mana_lab.web.together import serve_together

SECRET = "what the personas of the deployed Mana were seeded with"


@dataclass(frozen=True)
class Mana:
    """Where a deployed Mana is.

    Attributes:
        auth: Its identity service.
        mcp: Its gateway.
        admin: The password of its administrator.
        clock: Its time, which stands still.
    """

    auth: str
    mcp: str
    admin: str
    clock: SimulatedClock

    async def connect(self, folder, **how):
        """Open a lab that uses it."""
        given = {"auth_url": self.auth, "mcp_url": self.mcp, "seed_secret": SECRET} | how
        return await Lab.connect(folder, **given)

    async def seed(self, catalog, secret=SECRET):
        """Make personas its users, as ``seed --auth`` does."""
        async with self._administered() as (identity, token):
            return await seed(catalog, identity, admin_token=token, secret=secret)

    async def forget(self, email):
        """Delete a persona's account."""
        async with self._administered() as (identity, token):
            [known] = [each for each in await identity.personas(token) if each.email == email]
            await identity.delete_persona(token, known.user_id)

    async def login(self, email, password):
        """Sign in."""
        async with self._identity() as identity:
            return await identity.login(email, password)

    @asynccontextmanager
    async def _administered(self):
        async with self._identity() as identity:
            yield identity, (await identity.login(ADMIN_EMAIL, self.admin)).access_token

    @asynccontextmanager
    async def _identity(self):
        async with httpx.AsyncClient(timeout=60) as http:
            yield IdentityClient(self.auth, http)


@asynccontextmanager
async def deployed(folder, catalog):
    """Serve a new Mana whose data are in *folder*, with the personas of *catalog* in it."""
    clock = SimulatedClock()
    async with AsyncExitStack() as stack:
        sockets = stack.enter_context(listening())
        held = LabFolder(folder)
        stack.callback(held.release)
        stores = await stack.enter_async_context(Stores.open(held))
        ground = Ground(
            stores,
            held.secrets,
            clock,
            default_registry(),
            alone=True,
            calls_per_minute=UNTHROTTLED,
        )
        works = await stack.enter_async_context(standing(ground, sockets, held.path))
        ready = asyncio.Event()
        serving = asyncio.create_task(serve_together(works, ready.set))
        stack.push_async_callback(_ended, serving)
        async with asyncio.timeout(30):
            await ready.wait()
        where = sockets.addresses
        admin = held.secrets.admin_password.get_secret_value()
        mana = Mana(where.identity, where.gateway, admin, clock)
        assert not (await mana.seed(catalog)).failed
        yield mana


async def _ended(task):
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
