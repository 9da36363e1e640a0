"""The command ``python -m mana_lab.gateway``: the gateway alone, in front of a Mana elsewhere."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from mana_lab.errors import InfrastructureError, SettingsError, ToolDriftError
from mana_lab.gateway.app import MCP_PATH
from mana_lab.gateway.config import DEFAULT_HOST, DEFAULT_PORT
from mana_lab.gateway.origins import origin_rules
from mana_lab.gateway.process import (
    DEFAULT_GRACE_S,
    Order,
    approved_registry,
    serve_gateway,
)
from mana_lab.gateway.rates import CALLS_A_MINUTE
from mana_lab.gateway.several import serve_workers
from mana_lab.registry import Registry
from mana_lab.settings import Settings
from mana_lab.web.addresses import check_url, url_of
from mana_lab.web.foreground import until_stopped
from mana_lab.web.serving import listen

DEFAULT_DATA = Path(".mana-gateway")

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
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Whose pages may call the gateway, such as https://app.example; again for more.",
            metavar="ORIGIN",
        ),
    ] = None,
    forward_tokens: Annotated[
        bool,
        typer.Option(
            "--forward-tokens",
            help="Show identity and sync the callers' own tokens, for a Mana that exchanges none: "
            "each of them can then act as the caller everywhere until the token ends; else "
            "MANA_FORWARD_TOKENS.",
        ),
    ] = False,
    data: Annotated[
        Path, typer.Option(help="Folder for the gateway's own database and key.")
    ] = DEFAULT_DATA,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; with more than one, no sessions.")
    ] = 1,
    calls_per_minute: Annotated[
        int,
        typer.Option(min=1, help="How often a user may call one tool; more for simulated days."),
    ] = CALLS_A_MINUTE,
    grace: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds for calls to finish at the end.")
    ] = DEFAULT_GRACE_S,
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
            MANA_FORWARD_TOKENS="1" if forward_tokens else None,
        )
        check_url(settings.auth_url, "the identity service's URL")
        check_url(settings.sync_url, "the sync service's URL")
        _check_workers(workers)
        registry = approved_registry(settings, approve=approve_tools)
        with listen(host, port) as sock:
            own_url = url_of(host, sock)
            order = Order(
                settings=settings,
                url=public_url or own_url,
                data=data,
                origins=origin_rules(allow_origin or ()),
                workers=workers,
                grace_s=grace,
                calls_per_minute=calls_per_minute,
            )
            logging.basicConfig(level=logging.WARNING)
            _run(order, registry, sock, own_url)
    except (InfrastructureError, ToolDriftError) as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from None
    except SettingsError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(2) from None


def _check_workers(count: int) -> None:
    if count > 1 and sys.platform == "win32":
        raise SettingsError("--workers: more than one needs a system that shares sockets, as Unix")


def _run(order: Order, registry: Registry, sock: socket.socket, own_url: str) -> None:
    def announce() -> None:
        typer.echo(f"The gateway listens on {own_url}{MCP_PATH} (Ctrl-C stops it)")

    if order.workers == 1:
        work = serve_gateway(order, registry, sock, announce)
    else:
        work = serve_workers(order, sock, announce, renew_on=signal.SIGHUP)
    asyncio.run(until_stopped(work))


if __name__ == "__main__":
    command(prog_name="python -m mana_lab.gateway")
