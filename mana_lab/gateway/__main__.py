"""The command ``python -m mana_lab.gateway``: the gateway alone, in front of a Mana elsewhere."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from prometheus_client.multiprocess import mark_process_dead

from mana_lab.clock import SystemClock
from mana_lab.errors import InfrastructureError, SettingsError, ToolDriftError
from mana_lab.gateway import worker
from mana_lab.gateway.app import MCP_PATH
from mana_lab.gateway.config import DEFAULT_HOST, DEFAULT_PORT
from mana_lab.gateway.metrics import SHARED_FOLDER
from mana_lab.gateway.origins import origin_rules
from mana_lab.gateway.process import (
    DEFAULT_GRACE_S,
    Order,
    approved_registry,
    prepare,
    serve_gateway,
)
from mana_lab.gateway.workers import Workers
from mana_lab.registry import Registry
from mana_lab.settings import Settings
from mana_lab.web.addresses import check_url, url_of
from mana_lab.web.foreground import until_stopped
from mana_lab.web.serving import OnReady, listen

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
        asyncio.run(until_stopped(serve_gateway(order, registry, sock, announce)))
    else:
        asyncio.run(_run_workers(order, sock, announce))


async def _run_workers(order: Order, sock: socket.socket, announce: OnReady) -> None:
    await prepare(order)
    with TemporaryDirectory(prefix="mana-gateway-") as counts:
        workers = Workers(
            [sys.executable, "-m", worker.__name__],
            order.to_json(),
            sock,
            order.workers,
            clock=SystemClock(),
            ready=worker.READY,
            grace_s=order.grace_s,
            environment={SHARED_FOLDER: counts},
            on_end=partial(mark_process_dead, path=counts),
        )
        await _keep(workers, announce)


async def _keep(workers: Workers, announce: OnReady) -> None:
    renewals: set[asyncio.Task[None]] = set()

    def renew() -> None:
        renewal = asyncio.create_task(workers.renew())
        renewals.add(renewal)
        renewal.add_done_callback(renewals.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, renew)
    await until_stopped(workers.run(announce))


if __name__ == "__main__":
    command(prog_name="python -m mana_lab.gateway")
