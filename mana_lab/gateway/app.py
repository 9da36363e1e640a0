"""The gateway's application: the layers in front of the MCP server, and the open routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.clock import Clock
from mana_lab.crypto import TokenVerifier
from mana_lab.gateway.admission import Allowance, CallLimit, Slots, UploadLimit
from mana_lab.gateway.answers import LaterTries
from mana_lab.gateway.attempts import Attempts, AttemptWatch
from mana_lab.gateway.audit import CallLog
from mana_lab.gateway.auth import BearerAuth
from mana_lab.gateway.browsers import BrowserAccess
from mana_lab.gateway.calls import Calls, Desk
from mana_lab.gateway.config import METADATA_PATH, GatewayConfig
from mana_lab.gateway.consents import Consents
from mana_lab.gateway.headers import HeaderSanity
from mana_lab.gateway.memory import Memory
from mana_lab.gateway.messages import MessageGate
from mana_lab.gateway.metrics import Level, Levels, Metrics
from mana_lab.gateway.once import Once
from mana_lab.gateway.origins import OriginGuard
from mana_lab.gateway.policy import Policy, SpaceLeaves
from mana_lab.gateway.quick import QuickCalls
from mana_lab.gateway.rates import MemoryRates
from mana_lab.gateway.scopes import SCOPES, ScopeGate
from mana_lab.gateway.sessionguard import NoSessions, SessionGuard
from mana_lab.gateway.sessions import SessionBook
from mana_lab.gateway.spaces import SpaceResolver
from mana_lab.gateway.statuses import HandlersStatus
from mana_lab.gateway.surface import build_server
from mana_lab.gateway.variants import Variants
from mana_lab.gateway.versions import name_all_versions
from mana_lab.identity.client import IdentityClient
from mana_lab.registry import Backend, Principal, Registry
from mana_lab.registry.passes import Exchanging, Passes
from mana_lab.sync.client import SyncClient
from mana_lab.web import Tracing
from mana_lab.web.routes import Checks, MetricsRoute, Readiness, fixed

MCP_PATH = "/mcp"
"""Where the MCP endpoint stands."""

FORWARDS = (
    "the callers' own tokens are forwarded: identity, sync and whoever sees what they are sent "
    "can act as a caller everywhere until the token ends"
)
"""What a gateway says at its start that forwards tokens."""

_logger = logging.getLogger(__name__)


def create_app(
    registry: Registry,
    backend: Backend,
    *,
    verifier: TokenVerifier,
    identity: IdentityClient,
    sync: SyncClient,
    config: GatewayConfig,
    clock: Clock,
    memory: Memory,
    variants: Variants | None = None,
) -> Starlette:
    """Return the gateway as an application; it can be run once.

    Args:
        registry: The tools; those of admin scope are left out.
        backend: Gives each call its context.
        verifier: Judges the callers' tokens.
        identity: Knows who is in which space, and what may be done there.
        sync: Has to be well for the gateway to be ready.
        config: Addresses and limits.
        clock: ``now`` is the lab's time, ``monotonic`` ages sessions and memberships.
        memory: What is remembered of calls.
        variants: Who has the app otherwise than it is; nobody by default.
    """
    exposed = registry.exposable()
    if not backend.passes.bound:
        _logger.warning(FORWARDS)
    desk = make_desk(config, memory, identity, clock, backend.passes)
    about = {"tools": len(exposed), "modules": exposed.modules()}
    calls = Calls(exposed, backend, desk, variants)
    server = build_server(exposed, calls)
    return behind_the_door(
        server,
        quick=partial(QuickCalls, registry=exposed, calls=calls, server=server),
        verifier=verifier,
        identity=identity,
        passes=backend.passes,
        config=config,
        clock=clock,
        desk=desk,
        about=about,
        reading={spec.name for spec in exposed if spec.policy_hint == "read"},
        checks={"identity": identity.health, "sync": sync.health},
    )


def make_desk(
    config: GatewayConfig,
    memory: Memory,
    identity: IdentityClient,
    clock: Clock,
    passes: Passes | None = None,
) -> Desk:
    """Return what calls are dealt with by.

    Args:
        config: Addresses and limits.
        memory: What is remembered of calls.
        identity: Knows what may be done in which space.
        clock: The lab's time.
        passes: What identity is shown; by default tokens that are exchanged for the callers' own.
    """
    if config.policy_mode != "enforce":
        _logger.warning("the policy of calls is %s: nothing is refused", config.policy_mode)
    rates = memory.rates
    if rates is None:
        rates = MemoryRates(clock, config.calls_per_minute)
    store, keys = memory.store, memory.keys
    return Desk(
        policy=Policy(
            config.policy_mode,
            SpaceLeaves(identity, passes or Exchanging(identity, clock), clock),
            rates,
        ),
        consents=Consents(store, keys, clock, config.resource_url, memory.random),
        once=Once(store, keys, clock, memory.wall_clock, memory.terms),
        log=CallLog(store),
        metrics=Metrics(shared=memory.shared),
        keys=keys,
        clock=clock,
        random=memory.random,
        tracing=Tracing("mana-mcp", memory.tracer_provider),
    )


def behind_the_door(
    server: Server,
    *,
    verifier: TokenVerifier,
    identity: IdentityClient,
    config: GatewayConfig,
    clock: Clock,
    desk: Desk,
    about: Mapping[str, Any],
    checks: Checks,
    reading: AbstractSet[str] = frozenset(),
    quick: Callable[[ASGIApp], ASGIApp] | None = None,
    passes: Passes | None = None,
) -> Starlette:
    """Return an application that lets verified callers, and nobody else, reach *server*.

    Args:
        server: An MCP server; its handlers find the caller in their HTTP request.
        verifier: Judges the callers' tokens.
        identity: Knows who is in which space.
        config: Addresses and limits.
        clock: ``monotonic`` ages sessions and memberships.
        desk: Its audit is written down to the end when the application stops.
        about: What ``/health`` tells of the registry.
        checks: What has to be well, besides the keys and the audit.
        reading: The names of the tools that change nothing.
        quick: Puts something in front of *server* that answers some of its calls.
        passes: What identity is shown; by default tokens that are exchanged for the callers' own.
    """
    name_all_versions(server)
    manager = StreamableHTTPSessionManager(
        server,
        json_response=False,
        stateless=not config.sessions,
        # OriginGuard does what these settings would, but exactly and before anything else.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        session_idle_timeout=None,  # SessionGuard ends them, and sees all that they do
        max_request_body_size=config.max_body_bytes,
        max_sessions=None,  # SessionGuard counts them, per user too
    )
    mcp: ASGIApp = HandlersStatus(StreamableHTTPASGIApp(manager))
    if quick is not None:
        mcp = quick(mcp)
    exchanging = Exchanging(identity, clock)
    spaces = SpaceResolver(mcp, identity, passes or exchanging, clock, config.membership_age_s)

    async def recheck(principal: Principal) -> None:
        await verifier.verify(principal.token)
        await spaces.confirm(principal, config.recheck_age_s)

    book = SessionBook(clock, config.session_limits)
    guard = SessionGuard(spaces, mcp, book, recheck)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with (
            exchanging,
            desk.log,
            desk.metrics.telling(),
            manager.run(),
            guard.watching(config.session_check_s),
        ):
            yield

    app: ASGIApp = guard if config.sessions else NoSessions(spaces)
    app = ScopeGate(app, reading)
    notices = Allowance(clock, config.max_notifications_per_minute)
    app = CallLimit(app, Slots("calls", config.max_calls, config.max_calls_per_user), notices)
    attempts = Attempts(desk.log, desk.keys, desk.metrics, clock, desk.random)
    refused = attempts.refused
    app = AttemptWatch(app, attempts, clock)
    app = MessageGate(app, config.max_body_bytes, config.body_deadline_s, refused)
    uploads = Slots("uploads", config.max_calls, config.max_calls_per_user)
    app = UploadLimit(app, uploads, refused)
    app = BearerAuth(app, verifier, config.metadata_url, refused)
    app = OriginGuard(app, config.host_rules, config.origin_rules, refused)
    app = LaterTries(HeaderSanity(app, refused))
    described = fixed(_metadata(config))
    own = {"keys": verifier.has_keys, "audit": desk.log.is_well}
    desk.metrics.watch(_levels(verifier, book, desk.log))
    gateway = _Gateway(
        BrowserAccess(app, config.origin_rules),
        routes=[
            Route(MCP_PATH, app),
            Route("/health", fixed(_health(about, config))),
            Route("/ready", Readiness({**own, **checks}, clock).answer),
            Route("/metrics", MetricsRoute(desk.metrics.text, config.metrics_token).answer),
            Route(METADATA_PATH, described),
            Route(METADATA_PATH + MCP_PATH, described),
        ],
        middleware=[Middleware(BrowserAccess, config.origin_rules)],
        lifespan=lifespan,
    )
    gateway.state.log = desk.log
    return gateway


def _levels(verifier: TokenVerifier, book: SessionBook, log: CallLog) -> Levels:
    keys = verifier.status
    return {
        "mana_mcp_sessions": Level("Open sessions of older clients.", lambda: len(book)),
        "mana_mcp_audit_waiting": Level("Audit lines not stored yet.", lambda: log.waiting),
        "mana_mcp_audit_failing": Level(
            "1: the audit is not taken.", lambda: log.failing, "livemax"
        ),
        "mana_mcp_jwks_keys": Level(
            "Keys that tokens are judged by.", lambda: keys().keys, "livemax"
        ),
        "mana_mcp_jwks_age_seconds": Level(
            "Age of those keys.", lambda: keys().age_s or 0.0, "livemax"
        ),
        "mana_mcp_jwks_stale": Level(
            "1: the keys cannot be fetched anew.", lambda: keys().stale, "livemax"
        ),
        "mana_mcp_jwks_fetches": Level(
            "Fetches of the keys so far.", lambda: keys().fetches, "sum"
        ),
        "mana_mcp_jwks_failures": Level(
            "Fetches that failed so far.", lambda: keys().failures, "sum"
        ),
        "mana_mcp_verified_tokens": Level("Tokens that are remembered.", lambda: keys().tokens),
    }


class _Gateway(Starlette):
    """Lets requests to the MCP endpoint pass by the router and its middleware, for speed.

    Args:
        endpoint: What answers at :data:`MCP_PATH`.
        options: As for Starlette; the path is among its routes too, for one mounted elsewhere.
    """

    def __init__(self, endpoint: ASGIApp, **options: Any) -> None:
        super().__init__(**options)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, from the endpoint or from another route."""
        if scope["type"] == "http" and scope["path"] == MCP_PATH and not scope.get("root_path"):
            await self._endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def log_of(app: Starlette) -> CallLog:
    """Return the audit of a gateway that :func:`create_app` made."""
    log: CallLog = app.state.log
    return log


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[Starlette]:
    """Run the lifespan of *app*, for using it without a port through ``ASGITransport``.

    It may be left by another task than the one that entered it, such as another notebook cell.

    Args:
        app: From :func:`create_app`, not run before.
    """
    leave = asyncio.Event()
    started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    holder = asyncio.create_task(_hold(app, started, leave))
    try:
        await asyncio.wait([holder, started], return_when=asyncio.FIRST_COMPLETED)
        if holder.done():
            await holder
        yield app
    finally:
        leave.set()
        await asyncio.wait([holder])
    await holder


async def _hold(app: Starlette, started: asyncio.Future[None], leave: asyncio.Event) -> None:
    async with app.router.lifespan_context(app):
        started.set_result(None)
        await leave.wait()


def _health(about: Mapping[str, Any], config: GatewayConfig) -> dict[str, Any]:
    return {
        "status": "ok",
        "service": "mana-mcp",
        "policy": config.policy_mode,
        "registry": {"loaded": True, **about},
    }


def _metadata(config: GatewayConfig) -> dict[str, Any]:
    return {
        "resource": config.resource_url,
        "resource_name": "Mana",
        "authorization_servers": [config.authorization_server],
        "bearer_methods_supported": ["header"],
        "scopes_supported": list(SCOPES),
    }
