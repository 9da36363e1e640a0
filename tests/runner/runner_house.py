"""A whole lab for the tests: stores, identity, sync and gateway, wired without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import httpx
import httpx2
from sqlalchemy import Table, select
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from mana_lab import gateway
from mana_lab.clock import Clock, SimulatedClock
from mana_lab.crypto import TokenVerifier
from mana_lab.gateway import GatewayConfig, GatewayKeys, Memory
from mana_lab.identity import server as identity_server
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import AdminAccount, IdentityConfig, PasswordCost
from mana_lab.personas import (
    Catalog,
    Persona,
    SharedSpace,
    load_catalog,
    persona_password,
    seed,
)
from mana_lab.registry import Backend, Registry
from mana_lab.runner import (
    METADATA,
    App,
    Endpoint,
    Fleet,
    Holder,
    House,
    Ledger,
    ManaDoor,
    Recorder,
    ScriptedBrain,
    Terms,
)
from mana_lab.runner.account import Account
from mana_lab.storage import Store
from mana_lab.sync import server as sync_server
from mana_lab.sync.client import SyncClient
from mana_lab.sync.server import HttpMemberships
from mana_lab.tools import default_registry

IDENTITY = "http://identity.test"
SYNC = "http://sync.test"
GATEWAY = "http://gateway.test/mcp"
SERVICE_KEY = "a service key of the tests"
SECRET = "a seed secret of the tests"
ADMIN = AdminAccount("operator@mana.test", "a password of the tests")

LIVED = (
    "id",
    "tick_id",
    "seq",
    "tool_name",
    "module",
    "input_hash",
    "result",
    "error_kind",
    "error_code",
    "error_message",
    "occurred_at",
)
JUDGED = ("id", "tick_id", "module", "rating", "notes", "evidence", "brain", "occurred_at")


class Service:
    """An application that can be told to answer something else.

    Attributes:
        refuse: Called with each request's scope; a response that it returns is the answer.
        requests: The paths that were asked for.
        methods: The MCP methods among them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.refuse = lambda _scope: None
        self.requests: list[str] = []
        self.methods: list[str] = []

    async def __call__(self, scope, receive, send):
        self.requests.append(scope["path"])
        self.methods += [
            value.decode() for name, value in scope["headers"] if name == b"mcp-method"
        ]
        answer: Response | None = self.refuse(scope)
        await (answer or self.app)(scope, receive, send)


@dataclass
class Mana:
    """The services, and what a runner needs of them."""

    identity_store: Store
    ledger_store: Store
    sync_store: Store
    identity_service: Service
    gateway_service: Service
    identity: IdentityClient
    endpoint: Endpoint
    ledger: Ledger
    clock: SimulatedClock
    new_gateway: Callable[[], ASGIApp]
    ticks: Iterator[int] = field(default_factory=count)

    def house(self, **other) -> House:
        door = ManaDoor(self.identity, SECRET, self.endpoint, self.clock)
        given = {"door": door, "pause": patient} | other
        return House(self.identity, SERVICE_KEY, **given)

    def fleet(self, **other) -> Fleet:
        return Fleet(self.house(**other), self.ledger, self.clock)

    async def live(
        self, brain=None, *, days=None, seed=7, only=None, until=None, fleet=None, **terms
    ):
        """Run a fleet for some days; scripted, as everywhere by default."""
        return await (fleet or self.fleet()).simulate(
            days=1 if days is None and until is None else days,
            until=until,
            seed=seed,
            only=only,
            terms=Terms(brain or ScriptedBrain(), **terms),
        )

    async def seed(self, personas: Sequence[Persona], spaces: Sequence[SharedSpace] = ()) -> None:
        token = (await self.identity.login(ADMIN.email, ADMIN.password)).access_token
        catalog = Catalog(personas, spaces)
        report = await seed(catalog, self.identity, admin_token=token, secret=SECRET)
        assert not report.failed
        assert not report.failed_spaces

    async def app(self, persona: Persona, recorder: Recorder | None = None, **other) -> App:
        return await App.open(
            Account(self.identity, persona.email, persona_password(persona.email, SECRET)),
            identity=self.identity,
            endpoint=self.endpoint,
            recorder=recorder
            or Recorder("nobody", f"tick {next(self.ticks)}", None, clock=self.clock),
            clock=self.clock,
            **other,
        )

    async def tasks(self) -> set[asyncio.Task]:
        """Return what runs for good, once the gateway has put down its audit."""
        await gateway.log_of(self.gateway_service.app).flush()
        return asyncio.all_tasks()

    async def rows(self, name: str, order: str = "id") -> list[dict]:
        """Return a table of identity or the ledger."""
        known: Table | None = identity_server.METADATA.tables.get(name)
        store = self.ledger_store if known is None else self.identity_store
        table = METADATA.tables[name] if known is None else known
        query = select(table).order_by(table.c[order])
        return await store.read(
            lambda connection: [dict(row) for row in connection.execute(query).mappings()]
        )


async def patient(_seconds: float) -> None:
    """Wait no time at all."""
    await asyncio.sleep(0)


def cast(*names: str) -> list[Persona]:
    """Return personas of the catalog."""
    catalog = load_catalog()
    return [catalog.get(name) for name in names]


def identity_config() -> IdentityConfig:
    return IdentityConfig(
        issuer=IDENTITY,
        kek=bytes(range(32)),
        service_key=SERVICE_KEY,
        admin=ADMIN,
        password_cost=PasswordCost(16, 8, 1),
    )


def verifier(http: httpx.AsyncClient, clock: Clock, *audiences: str) -> TokenVerifier:
    return TokenVerifier(
        f"{IDENTITY}/api/auth/jwks", http, issuer=IDENTITY, audience=audiences, clock=clock
    )


def gateway_app(
    registry: Registry, identity: IdentityClient, http: httpx.AsyncClient, clock, memory: Memory
):
    sync = SyncClient(SYNC, http, "gateway")
    return gateway.create_app(
        registry,
        Backend(identity, sync, clock=clock),
        verifier=verifier(http, clock, "mana"),
        identity=identity,
        sync=sync,
        memory=memory,
        config=GatewayConfig(
            allowed_hosts=("gateway.test", "127.0.0.1:*"),
            calls_per_minute=10_000,  # many ticks fall on one minute
        ),
        clock=clock,
    )


def sync_app(store: Store, http: httpx.AsyncClient, clock: Clock) -> ASGIApp:
    return sync_server.create_app(
        store,
        clock=clock,
        verifier=verifier(http, clock, "mana", "sync"),
        memberships=HttpMemberships(IDENTITY, http, SERVICE_KEY, clock),
        service_key=SERVICE_KEY,
    )


@asynccontextmanager
async def open_mana(folder, personas=(), *, registry=None, spaces=()):
    """Open all services on databases in *folder*, with *personas* seeded."""
    clock = SimulatedClock()
    async with AsyncExitStack() as stack:
        stores = {}
        for name, metadata in (
            ("identity", identity_server.METADATA),
            ("sync", sync_server.METADATA),
            ("ledger", METADATA),
            ("gateway", gateway.METADATA),
        ):
            store = await Store.open(f"sqlite:///{folder}/{name}.db", metadata)
            stores[name] = await stack.enter_async_context(store)
        await identity_server.prepare(stores["identity"], identity_config(), clock)
        identity_service = Service(
            identity_server.create_app(stores["identity"], identity_config(), clock=clock)
        )
        mounts = {IDENTITY: httpx.ASGITransport(identity_service)}
        elsewhere = httpx.ASGITransport(PlainTextResponse("nobody is here", 502))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=elsewhere, mounts=mounts)
        )
        mounts[SYNC] = httpx.ASGITransport(sync_app(stores["sync"], http, clock))
        all_http = await stack.enter_async_context(
            httpx.AsyncClient(transport=elsewhere, mounts=mounts)
        )
        identity = IdentityClient(IDENTITY, http)
        tools = registry or default_registry()
        memory = Memory(stores["gateway"], GatewayKeys(bytes(32)))
        new_gateway = partial(gateway_app, tools, identity, all_http, clock, memory)
        gateway_service = Service(await stack.enter_async_context(gateway.running(new_gateway())))
        endpoint = Endpoint(GATEWAY, httpx2.ASGITransport(app=gateway_service), clock=clock)
        mana = Mana(
            stores["identity"],
            stores["ledger"],
            stores["sync"],
            identity_service,
            gateway_service,
            identity,
            endpoint,
            Ledger(stores["ledger"], Holder("the tests", alone=True)),
            clock,
            new_gateway,
        )
        if personas:
            await mana.seed(personas, spaces)
        yield mana


async def story(mana):
    """Return all that happened, without what differs from lab to lab."""
    actions = [{name: row[name] for name in LIVED} for row in await mana.rows("persona_actions")]
    ratings = [{name: row[name] for name in JUDGED} for row in await mana.rows("persona_feedback")]
    return actions, ratings
