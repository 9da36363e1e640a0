"""Identity, sync and a backend in one process, with users who call tools."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import httpx
from starlette.types import ASGIApp

from mana_lab.crypto import TokenVerifier
from mana_lab.identity import server as identity_server
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import IdentityConfig, PasswordCost
from mana_lab.registry import Backend, Principal, Registry
from mana_lab.storage import Store
from mana_lab.sync import server as sync_server
from mana_lab.sync.client import SyncClient
from mana_lab.sync.wire import Change

BASE = "http://services.test"
PASSWORD = "correct horse battery"


@dataclass
class Watched:
    """An application that writes down which paths were asked for."""

    app: ASGIApp
    paths: list[str] = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        self.paths.append(scope["path"])
        await self.app(scope, receive, send)


@dataclass
class House:
    """The services and the backend of the tools under test."""

    identity_store: Store
    identity_app: Watched
    identity: IdentityClient
    sync_app: Watched
    sync: SyncClient
    sync_http: httpx.AsyncClient
    clock: object
    registry: Registry
    backend: Backend
    stack: AsyncExitStack

    def new_backend(self, **options):
        options = {"tables": self.registry.tables()} | options
        backend = Backend(self.identity, self.sync, clock=self.clock, **options)
        self.stack.push_async_callback(backend.close)
        return backend

    async def user(self, name: str, *, vault: bool = True) -> Caller:
        email = f"{name}@mana.test"
        await self.identity.register(email, PASSWORD, name)
        caller = await self.sign_in(email)
        if vault:
            await self.identity.vault_init(caller.token)
        return caller

    async def sign_in(self, email: str, zone: str = "UTC") -> Caller:
        login = await self.identity.login(email, PASSWORD)
        token = login.access_token
        principal = Principal(login.user.id, email, zone=ZoneInfo(zone), token=token)
        return Caller(self, principal, (await self.identity.spaces(login.access_token))[0])

    async def share(self, name: str, *callers: Caller, kind="team"):
        """Make a shared space with these members and return it."""
        first, *others = callers
        space = await self.identity.create_space(first.token, name, f"team-{name.lower()}", kind)
        for other in others:
            asked = await self.identity.invite(first.token, space.id, other.principal.email)
            await self.identity.accept_invitation(other.token, asked.id)
        return space


@dataclass
class Caller:
    """A user who calls tools."""

    house: House
    principal: Principal
    space: object

    @property
    def token(self) -> str:
        return self.principal.token

    def context(self, space=None, key=None, backend=None):
        return (backend or self.house.backend).context(self.principal, space or self.space, key)

    async def call(self, tool: str, space=None, key=None, backend=None, **arguments):
        """Call a tool and return its result as it goes over the wire."""
        context = self.context(space, key, backend)
        result = await self.house.registry.invoke(tool, arguments, context)
        return result.model_dump(mode="json", by_alias=True)

    async def log(self, app: str, collection: str) -> list[Change]:
        """Return what the sync service has in a collection, as it was pushed."""
        return list((await self.house.sync.pull(self.token, app, collection, "")).changes)

    async def push(self, app: str, *changes: Change, client="another-device"):
        """Write past the tools, as another client of the same user."""
        sync = SyncClient(BASE, self.house.sync_http, client)
        await sync.push(self.token, app, changes)


@asynccontextmanager
async def open_house(folder, clock, registry):
    """Set up the services in *folder*."""
    config = IdentityConfig(
        issuer=BASE,
        audience="mana",
        kek=bytes(range(32)),
        service_key="a service key of the tests",
        password_cost=PasswordCost(16, 8, 1),
    )
    async with AsyncExitStack() as stack:

        async def store(name, metadata):
            opened = await Store.open(f"sqlite:///{folder}/{name}.db", metadata)
            stack.push_async_callback(opened.close)
            return opened

        async def http(app):
            transport = httpx.ASGITransport(app)
            return await stack.enter_async_context(httpx.AsyncClient(transport=transport))

        identity_store = await store("identity", identity_server.METADATA)
        await identity_server.prepare(identity_store, config, clock)
        identity_app = Watched(identity_server.create_app(identity_store, config, clock=clock))
        to_identity = await http(identity_app)
        verifier = TokenVerifier(
            f"{BASE}/api/auth/jwks",
            to_identity,
            issuer=BASE,
            audience=("mana", "sync"),
            clock=clock,
        )
        memberships = sync_server.HttpMemberships(BASE, to_identity, config.service_key, clock)
        sync_app = Watched(
            sync_server.create_app(
                await store("sync", sync_server.METADATA),
                clock=clock,
                verifier=verifier,
                memberships=memberships,
                service_key=config.service_key,
            )
        )
        identity = IdentityClient(BASE, to_identity)
        to_sync = await http(sync_app)
        sync = SyncClient(BASE, to_sync, "tools")
        seeded = iter(uuid.UUID(int=n, version=4) for n in range(1, 100_000))
        backend = await stack.enter_async_context(
            Backend(
                identity,
                sync,
                clock=clock,
                random=lambda: next(seeded),
                tables=registry.tables(),
            )
        )
        yield House(
            identity_store,
            identity_app,
            identity,
            sync_app,
            sync,
            to_sync,
            clock,
            registry,
            backend,
            stack,
        )
