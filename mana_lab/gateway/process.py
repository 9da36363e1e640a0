"""One process of the gateway alone: its parts put together, and served on a socket."""

from __future__ import annotations

import json
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import httpx
from pydantic import SecretStr

from mana_lab import tools
from mana_lab.clock import Clock, ShiftedClock, SystemClock
from mana_lab.crypto import TokenVerifier
from mana_lab.gateway.app import MCP_PATH, create_app
from mana_lab.gateway.config import LOCAL_ORIGINS, GatewayConfig
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.memory import Memory
from mana_lab.gateway.rates import CALLS_A_MINUTE, SharedRates
from mana_lab.gateway.tables import METADATA
from mana_lab.identity.client import IdentityClient
from mana_lab.registry import Backend, Registry
from mana_lab.registry.passes import Forwarding
from mana_lab.settings import Settings, decode_key, load_or_create_key, revealed
from mana_lab.storage import Store
from mana_lab.storage.folders import make_folder
from mana_lab.sync.client import SyncClient
from mana_lab.web import carry_trace
from mana_lab.web.addresses import check_url
from mana_lab.web.exporting import exporting
from mana_lab.web.serving import OnReady, serve

DEFAULT_GRACE_S: Final = 30.0
"""How long requests may take to finish when the gateway stops, in seconds."""

_CLIENT_ID = "mana-lab-gateway"
_JWKS_PATH = "/api/auth/jwks"
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Order:
    """What a process of the gateway is told to be.

    Attributes:
        settings: Of the environment and the command line.
        url: How clients reach the gateway, without the path.
        data: Folder of the gateway's own database and key.
        origins: Rules for the pages that may use it, besides those of this machine.
        workers: How many processes of this order there are.
        grace_s: How long requests may take to finish at the end, in seconds.
        calls_per_minute: How often a user may call one tool.
        shift_s: How much later than the machine's its time is, in seconds; for a simulated one.

    Raises:
        SettingsError: No gateway can be set up like that.
    """

    settings: Settings
    url: str
    data: Path
    origins: tuple[str, ...] = ()
    workers: int = 1
    grace_s: float = DEFAULT_GRACE_S
    calls_per_minute: int = CALLS_A_MINUTE
    shift_s: float = 0.0

    def __post_init__(self) -> None:
        self.config()

    def config(self) -> GatewayConfig:
        """Return how the gateway is set up; only a single process keeps older clients' sessions."""
        check_url(self.url, "the public URL")
        return GatewayConfig(
            resource_url=self.url.rstrip("/") + MCP_PATH,
            authorization_server=self.settings.auth_url,
            allowed_origins=(*LOCAL_ORIGINS, *self.origins),
            policy_mode=self.settings.policy_mode,
            production=self.settings.production,
            metrics_token=revealed(self.settings.metrics_token),
            sessions=self.workers == 1,
            calls_per_minute=self.calls_per_minute,
        )

    def clock(self) -> Clock:
        """Return the gateway's time."""
        return ShiftedClock(timedelta(seconds=self.shift_s)) if self.shift_s else SystemClock()

    def secret(self) -> bytes:
        """Return what the gateway's keys follow from; made in the folder where none is set.

        Raises:
            SettingsError: It is no key, or cannot be read or written.
        """
        if self.settings.gateway_key is not None:
            return decode_key("MANA_GATEWAY_KEY", self.settings.gateway_key.get_secret_value())
        return load_or_create_key(self.data / "gateway.key")

    def store_url(self) -> str:
        """Return where the gateway's own database is."""
        if self.settings.database_url is not None:
            return self.settings.database_url.get_secret_value()
        return f"sqlite:///{self.data.resolve() / 'gateway.db'}"

    def to_json(self) -> str:
        """Return the order with its secrets, for a pipe to another process."""
        settings = {name: _revealed(value) for name, value in self.settings if value is not None}
        return json.dumps(
            {
                "settings": settings,
                "url": self.url,
                "data": str(self.data),
                "workers": self.workers,
                "grace_s": self.grace_s,
                "origins": self.origins,
                "calls_per_minute": self.calls_per_minute,
                "shift_s": self.shift_s,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        found = json.loads(text)
        return cls(
            settings=Settings.model_validate(found["settings"]),
            url=found["url"],
            data=Path(found["data"]),
            workers=found["workers"],
            grace_s=found["grace_s"],
            origins=tuple(found["origins"]),
            calls_per_minute=found["calls_per_minute"],
            shift_s=found["shift_s"],
        )


def _revealed(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def approved_registry(settings: Settings, *, approve: bool = False) -> Registry:
    """Return the tools of the app and of installed packages.

    Args:
        settings: Say where the approved ones are written down.
        approve: Approve them as they are now.

    Raises:
        ToolDriftError: A tool of another package is not the one that was approved.
        SettingsError: The key of the approvals is none.
    """
    registry = tools.with_plugins(tools.default_registry())
    tools.check_approved(registry, _approvals(settings), approve=approve)
    return registry


def _approvals(settings: Settings) -> tools.Approvals | None:
    if settings.approved_tools is None or settings.tools_key is None:
        return None
    key = decode_key("MANA_TOOLS_KEY", settings.tools_key.get_secret_value())
    return tools.Approvals(settings.approved_tools, key)


async def prepare(order: Order) -> None:
    """Make the gateway's key and bring its database up to date, before several processes do.

    Raises:
        SettingsError: The key or the folder cannot be used.
        InfrastructureError: The database cannot be used.
    """
    order.secret()
    async with await _open_store(order):
        pass


async def _open_store(order: Order) -> Store:
    """Open the gateway's own database, in a folder that is made if it is missing."""
    if order.settings.database_url is None:
        make_folder(order.data, called="the gateway's folder")
    return await Store.open(order.store_url(), METADATA)


async def serve_gateway(
    order: Order, registry: Registry, sock: socket.socket, on_ready: OnReady
) -> None:
    """Serve the gateway until this is cancelled; then answer what was sent, and stop.

    Args:
        order: What to be.
        registry: The tools.
        sock: A listening socket; closed at the end.
        on_ready: Called as soon as requests are answered.

    Raises:
        SettingsError: The key or the folder cannot be used.
        InfrastructureError: The database cannot be used, or the app did not start.
    """
    settings, clock = order.settings, order.clock()
    async with AsyncExitStack() as stack:
        tracer_provider = stack.enter_context(exporting(settings.otlp_endpoint))
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=_TIMEOUT_S, event_hooks={"request": [carry_trace]})
        )
        verifier = TokenVerifier(
            settings.auth_url.rstrip("/") + _JWKS_PATH,
            http,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            clock=clock,
        )
        stack.push_async_callback(verifier.close)
        identity = IdentityClient(settings.auth_url, http)
        sync = SyncClient(settings.sync_url, http, _CLIENT_ID)
        backend = Backend(
            identity,
            sync,
            clock=clock,
            tables=registry.tables(),
            passes=Forwarding() if settings.forward_tokens else None,
        )
        stack.push_async_callback(backend.close)
        store = await stack.enter_async_context(await _open_store(order))
        config = order.config()
        rates = SharedRates(store, clock, config.calls_per_minute) if order.workers > 1 else None
        app = create_app(
            registry,
            backend,
            verifier=verifier,
            identity=identity,
            sync=sync,
            memory=Memory(
                store,
                GatewayKeys(order.secret()),
                rates=rates,
                shared=order.workers > 1,
                tracer_provider=tracer_provider,
            ),
            config=config,
            clock=clock,
        )
        await serve(app, sock, on_ready=on_ready, grace_s=order.grace_s)
