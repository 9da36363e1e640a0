"""The command ``python -m mana_lab.gateway``: the gateway alone, in front of a Mana elsewhere."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import AsyncExitStack
from typing import Annotated

import httpx
import typer

from mana_lab import tools
from mana_lab.clock import SystemClock
from mana_lab.crypto import TokenVerifier
from mana_lab.errors import InfrastructureError, SettingsError, ToolDriftError
from mana_lab.gateway.app import MCP_PATH, create_app
from mana_lab.gateway.config import DEFAULT_HOST, DEFAULT_PORT, GatewayConfig, check_url
from mana_lab.gateway.foreground import until_stopped
from mana_lab.gateway.serving import listen, serve
from mana_lab.identity.client import IdentityClient
from mana_lab.registry import Backend, Registry
from mana_lab.settings import Settings, decode_key
from mana_lab.sync.client import SyncClient

_CLIENT_ID = "mana-lab-gateway"
_JWKS_PATH = "/api/auth/jwks"
_TIMEOUT_S = 30.0

command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@command.command()
def main(
    host: Annotated[
        str, typer.Option(help="Address to listen on; for other machines also set --public-url.")
    ] = DEFAULT_HOST,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = DEFAULT_PORT,
    public_url: Annotated[
        str | None, typer.Option(help="How clients reach the gateway; else http://HOST:PORT.")
    ] = None,
    auth_url: Annotated[
        str | None, typer.Option(help="The identity service; else MANA_AUTH_URL.")
    ] = None,
    sync_url: Annotated[
        str | None, typer.Option(help="The sync service; else MANA_SYNC_URL.")
    ] = None,
    jwt_issuer: Annotated[
        str | None, typer.Option(help="Whose tokens count; else JWT_ISSUER, else the auth URL.")
    ] = None,
    jwt_audience: Annotated[
        str | None, typer.Option(help="Whom tokens must be for; else JWT_AUDIENCE.")
    ] = None,
    approve_tools: Annotated[
        bool,
        typer.Option("--approve-tools", help="Approve installed packages' tools as they are now."),
    ] = False,
) -> None:
    """Serve the tools of the Mana app over MCP.

    For example:

    python -m mana_lab.gateway --port 3069 --auth-url http://127.0.0.1:3001
    """
    try:
        settings = Settings.from_environment(
            MANA_AUTH_URL=auth_url,
            MANA_SYNC_URL=sync_url,
            JWT_ISSUER=jwt_issuer,
            JWT_AUDIENCE=jwt_audience,
        )
        check_url(settings.auth_url, "the identity service's URL")
        check_url(settings.sync_url, "the sync service's URL")
        registry = _registry(settings, approve=approve_tools)
        with listen(host, port) as sock:
            own_url = _own_url(host, sock)
            config = _config(settings, public_url or own_url)
            logging.basicConfig(level=logging.WARNING)
            asyncio.run(_serve(settings, config, registry, sock, own_url))
    except (InfrastructureError, ToolDriftError) as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from None
    except SettingsError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(2) from None


def _own_url(host: str, sock: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{sock.getsockname()[1]}"


def _config(settings: Settings, url: str) -> GatewayConfig:
    check_url(url, "the public URL")
    return GatewayConfig(
        resource_url=url.rstrip("/") + MCP_PATH, authorization_server=settings.auth_url
    )


def _registry(settings: Settings, *, approve: bool) -> Registry:
    registry = tools.with_plugins(tools.default_registry())
    tools.check_approved(registry, _approvals(settings), approve=approve)
    return registry


def _approvals(settings: Settings) -> tools.Approvals | None:
    if settings.approved_tools is None or settings.tools_key is None:
        return None
    key = decode_key("MANA_TOOLS_KEY", settings.tools_key.get_secret_value())
    return tools.Approvals(settings.approved_tools, key)


async def _serve(
    settings: Settings,
    config: GatewayConfig,
    registry: Registry,
    sock: socket.socket,
    own_url: str,
) -> None:
    def announce() -> None:
        typer.echo(f"The gateway listens on {own_url}{MCP_PATH} (Ctrl-C stops it)")

    verifier_url = settings.auth_url.rstrip("/") + _JWKS_PATH
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=_TIMEOUT_S))
        verifier = TokenVerifier(
            verifier_url,
            http,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            clock=SystemClock(),
        )
        stack.push_async_callback(verifier.close)
        identity = IdentityClient(settings.auth_url, http)
        sync = SyncClient(settings.sync_url, http, _CLIENT_ID)
        backend = Backend(identity, sync, clock=SystemClock(), tables=registry.tables())
        stack.push_async_callback(backend.close)
        app = create_app(
            registry,
            backend,
            verifier=verifier,
            identity=identity,
            config=config,
            clock=SystemClock(),
        )
        await until_stopped(serve(app, sock, on_ready=announce))


if __name__ == "__main__":
    command(prog_name="python -m mana_lab.gateway")
