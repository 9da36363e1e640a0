"""The services of an embedded lab: their stores, and their apps wired to one another.

The stores serve any number of event loops; the apps belong to one. A lab wires one set for its own
loop and another for the thread of a gateway that it serves on a port.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property

import httpx
from opentelemetry.trace import TracerProvider
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.types import ASGIApp

from mana_lab import gateway
from mana_lab.clock import Clock, SystemClock
from mana_lab.crypto import CipherPolicy, TokenVerifier
from mana_lab.crypto.derive import derive
from mana_lab.crypto.exchanged import SYNC_AUDIENCE
from mana_lab.gateway import GatewayConfig, GatewayKeys, Memory
from mana_lab.gateway.once import Terms
from mana_lab.gateway.rates import CALLS_A_MINUTE, MemoryRates
from mana_lab.gateway.variants import Variants
from mana_lab.identity import server as identity_server
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import AdminAccount, IdentityConfig
from mana_lab.lab.folder import DATABASES, LabFolder
from mana_lab.registry import Backend, Registry
from mana_lab.runner import ledger
from mana_lab.settings import DEFAULT_AUDIENCE, LabSecrets, Settings, revealed
from mana_lab.storage import Store
from mana_lab.sync import server as sync_server
from mana_lab.sync.client import SyncClient
from mana_lab.web import carry_trace

ADMIN_EMAIL = "operator@mana.test"
INSIDE = "http://mana.lab"
"""Where the services of a lab stand for one another, without a socket in between."""

_CLIENT_ID = "mana-lab-gateway"
_GATEWAY_INFO = b"mana-gateway-v1"


@dataclass(frozen=True)
class Stores:
    """The databases of an embedded lab.

    Attributes:
        identity: Accounts, vaults, spaces, persona records, audited actions and ratings.
        sync: The change log.
        ledger: Runs and ticks.
        gateway: What was attempted through the gateway, and answers to calls done again.
        ledger_url: Where the ledger is, for other processes.
    """

    identity: Store
    sync: Store
    ledger: Store
    gateway: Store
    ledger_url: SecretStr

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: LabFolder, database_url: str | None = None
    ) -> AsyncIterator[Stores]:
        """Open the databases, and close them on the way out.

        Args:
            folder: Where they are files, a service each.
            database_url: Instead, a PostgreSQL database with a schema for each service.

        Raises:
            SettingsError: One of the files has vanished.
        """
        if database_url is None:
            folder.check_databases()
        async with AsyncExitStack() as stack:
            identity, sync, runs, gateways = [
                await stack.enter_async_context(
                    await Store.open(database_url or folder.database_url(name), metadata)
                )
                for name, metadata in zip(
                    DATABASES,
                    (
                        identity_server.METADATA,
                        sync_server.METADATA,
                        ledger.METADATA,
                        gateway.METADATA,
                    ),
                    strict=True,
                )
            ]
            ledger_url = SecretStr(database_url or folder.database_url("ledger"))
            yield cls(identity, sync, runs, gateways, ledger_url)


@dataclass(frozen=True)
class Ground:
    """What the services of a lab stand on, in whatever event loop.

    Attributes:
        stores: What they keep their data in.
        secrets: The lab's secrets.
        clock: The lab's clock.
        registry: The tools.
        ciphers: In which format values are encrypted, and which is believed.
        notices: Who waits for changes of records.
        alone: Whether no other process works on the same stores.
        calls_per_minute: How often a user may call one tool.
        tracer_provider: Where the spans of all services go; None makes none.
        variants: Who has the app otherwise than it is.
    """

    stores: Stores
    secrets: LabSecrets
    clock: Clock
    registry: Registry
    ciphers: CipherPolicy = field(default_factory=lambda: CipherPolicy(writes="enc:2:"))
    notices: sync_server.Notices = field(default_factory=sync_server.Notices)
    alone: bool = False
    calls_per_minute: int = CALLS_A_MINUTE
    tracer_provider: TracerProvider | None = None
    variants: Variants = field(default_factory=Variants)

    @cached_property
    def memory(self) -> Memory:
        """What the lab's gateways remember, whichever of them is asked."""
        keys = GatewayKeys(derive(self.secrets.kek(), _GATEWAY_INFO))
        terms = Terms(str(uuid.uuid4()), self.alone)
        return Memory(
            self.stores.gateway,
            keys,
            terms,
            MemoryRates(self.clock, self.calls_per_minute),
            tracer_provider=self.tracer_provider,
        )


@dataclass(frozen=True)
class Services:
    """Identity, sync and gateway as applications of one event loop.

    Attributes:
        identity_app: The identity service.
        sync_app: The sync service.
        gateway_app: The MCP gateway; its lifespan is left to whoever runs it.
        identity: A client of the identity service.
        sync: A client of the sync service.
    """

    identity_app: ASGIApp
    sync_app: ASGIApp
    gateway_app: Starlette
    identity: IdentityClient
    sync: SyncClient


@asynccontextmanager
async def wired(
    ground: Ground,
    *,
    issuer: str = INSIDE,
    gateway_url: str = INSIDE,
    origins: Sequence[str] = (),
) -> AsyncIterator[Services]:
    """Wire the services for the running event loop; between them there is no socket.

    Args:
        ground: What the services stand on.
        issuer: The ``iss`` of the tokens, and where clients of the gateway sign in.
        gateway_url: Where the gateway stands for its clients.
        origins: Whose pages may call the gateway, besides those of this machine.
    """
    stores, clock = ground.stores, ground.clock
    settings = Settings.from_environment()
    config = _identity_config(settings, ground, issuer)
    await identity_server.prepare(stores.identity, config, clock)
    identity_app = identity_server.create_app(
        stores.identity,
        config,
        clock=clock,
        wall_clock=SystemClock(),
        tracer_provider=ground.tracer_provider,
    )
    async with AsyncExitStack() as stack:
        to_identity = await stack.enter_async_context(_inside(identity_app))
        verifier = TokenVerifier(
            f"{INSIDE}/api/auth/jwks",
            to_identity,
            issuer=issuer,
            audience=DEFAULT_AUDIENCE,
            clock=clock,
        )
        stack.push_async_callback(verifier.close)
        at_sync = TokenVerifier(
            f"{INSIDE}/api/auth/jwks",
            to_identity,
            issuer=issuer,
            audience=(DEFAULT_AUDIENCE, SYNC_AUDIENCE),
            clock=clock,
        )
        stack.push_async_callback(at_sync.close)
        sync_app = sync_server.create_app(
            stores.sync,
            clock=clock,
            verifier=at_sync,
            memberships=sync_server.HttpMemberships(INSIDE, to_identity, config.service_key, clock),
            service_key=config.service_key,
            notices=ground.notices,
            tracer_provider=ground.tracer_provider,
        )
        to_sync = await stack.enter_async_context(_inside(sync_app))
        identity = IdentityClient(INSIDE, to_identity)
        sync = SyncClient(INSIDE, to_sync, _CLIENT_ID)
        backend = Backend(
            identity,
            sync,
            clock=clock,
            tables=ground.registry.tables(),
            policy=ground.ciphers,
        )
        stack.push_async_callback(backend.close)
        gateway_app = gateway.create_app(
            ground.registry,
            backend,
            verifier=verifier,
            identity=identity,
            sync=sync,
            memory=ground.memory,
            config=GatewayConfig(
                resource_url=gateway_url + gateway.MCP_PATH,
                authorization_server=issuer,
                allowed_origins=(*gateway.LOCAL_ORIGINS, *origins),
                policy_mode=settings.policy_mode,
                production=settings.production,
                metrics_token=revealed(settings.metrics_token),
            ),
            clock=clock,
            variants=ground.variants,
        )
        yield Services(identity_app, sync_app, gateway_app, identity, sync)


def _identity_config(settings: Settings, ground: Ground, issuer: str) -> IdentityConfig:
    secrets = ground.secrets
    settings.check(secrets)
    return IdentityConfig(
        production=settings.production,
        long_tokens=not settings.production,
        issuer=issuer,
        audience=DEFAULT_AUDIENCE,
        kek=secrets.kek(),
        service_key=secrets.service_key.get_secret_value(),
        destructive_tools=frozenset(
            spec.name for spec in ground.registry if spec.policy_hint == "destructive"
        ),
        admin=AdminAccount(ADMIN_EMAIL, secrets.admin_password.get_secret_value()),
    )


def _inside(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    hooks = {"request": [carry_trace]}
    return httpx.AsyncClient(transport=transport, base_url=INSIDE, event_hooks=hooks)
