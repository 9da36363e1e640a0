"""The gateway's application: the layers in front of the MCP server, and the open routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from mana_lab.clock import Clock
from mana_lab.crypto import TokenVerifier
from mana_lab.gateway.auth import BearerAuth
from mana_lab.gateway.config import METADATA_PATH, GatewayConfig
from mana_lab.gateway.headers import HeaderSanity
from mana_lab.gateway.messages import MessageGate
from mana_lab.gateway.origins import BrowserAccess, OriginGuard
from mana_lab.gateway.sessions import SessionGuard
from mana_lab.gateway.spaces import SpaceResolver
from mana_lab.gateway.surface import build_server
from mana_lab.identity.client import IdentityClient
from mana_lab.registry import Backend, Registry

MCP_PATH = "/mcp"
"""Where the MCP endpoint stands."""


def create_app(
    registry: Registry,
    backend: Backend,
    *,
    verifier: TokenVerifier,
    identity: IdentityClient,
    config: GatewayConfig,
    clock: Clock,
) -> Starlette:
    """Return the gateway as an application; it can be run once.

    Args:
        registry: The tools; those of admin scope are left out.
        backend: Gives each call its context.
        verifier: Judges the callers' tokens.
        identity: Knows who is in which space.
        config: Addresses and limits.
        clock: ``monotonic`` ages sessions and memberships.
    """
    manager = StreamableHTTPSessionManager(
        build_server(registry, backend),
        json_response=False,
        stateless=False,
        # OriginGuard does what these settings would, but exactly and before anything else.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        session_idle_timeout=config.session_idle_s,
        max_request_body_size=config.max_body_bytes,
        max_sessions=config.max_sessions,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield

    app: ASGIApp = StreamableHTTPASGIApp(manager)
    app = SpaceResolver(app, identity, clock, config.membership_age_s)
    app = SessionGuard(app, clock, config.session_idle_s, config.max_sessions_per_user)
    app = MessageGate(app, config.max_body_bytes, config.body_deadline_s)
    app = BearerAuth(app, verifier, config.metadata_url)
    app = OriginGuard(app, config.host_rules, config.origin_rules)
    app = HeaderSanity(app)
    described = _fixed(_metadata(config))
    return Starlette(
        routes=[
            Route(MCP_PATH, app),
            Route("/health", _fixed(_health(registry.exposable()))),
            Route(METADATA_PATH, described),
            Route(METADATA_PATH + MCP_PATH, described),
        ],
        middleware=[Middleware(BrowserAccess, config.origin_rules)],
        lifespan=lifespan,
    )


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


def _fixed(document: dict[str, Any]) -> Any:
    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(document)

    return answer


def _health(registry: Registry) -> dict[str, Any]:
    return {
        "status": "ok",
        "service": "mana-mcp",
        "registry": {"loaded": True, "tools": len(registry), "modules": registry.modules()},
    }


def _metadata(config: GatewayConfig) -> dict[str, Any]:
    return {
        "resource": config.resource_url,
        "resource_name": "Mana",
        "authorization_servers": [config.authorization_server],
        "bearer_methods_supported": ["header"],
    }
