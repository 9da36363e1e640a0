"""``serve``: a lab's services on ports of this machine."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import typer

from mana_lab.commands.console import finish, refusals, say
from mana_lab.commands.options import HERE, Folder, database_url, spans, typed
from mana_lab.gateway import DEFAULT_PORT
from mana_lab.gateway.origins import origin_rules
from mana_lab.gateway.rates import CALLS_A_MINUTE
from mana_lab.lab import Addresses, catalog_in, holds_lab, serve_lab
from mana_lab.web.foreground import until_stopped


def _port(of: str) -> Any:
    return typer.Option(
        min=0, max=65535, help=f"The port of {of}; 0 picks a free one.", metavar="PORT"
    )


def serve(
    folder: Folder = HERE,
    auth_port: Annotated[int, _port("identity")] = 3001,
    sync_port: Annotated[int, _port("sync")] = 3050,
    port: Annotated[int, _port("the gateway")] = DEFAULT_PORT,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Whose pages may call the gateway, such as https://app.example; again for more.",
            metavar="ORIGIN",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="Processes of the gateway; with some, the lab's time goes on meanwhile, and "
            "older clients have no sessions.",
        ),
    ] = 0,
    calls_per_minute: Annotated[
        int,
        typer.Option(min=1, help="How often a user may call one tool; more for runs in shards."),
    ] = CALLS_A_MINUTE,
) -> None:
    """Serve a lab: identity, sync, and the MCP gateway for any client on this machine.

    For example: python -m mana_lab serve --dir my-lab --port 3069
    """
    logging.basicConfig(level=logging.WARNING)
    known = holds_lab(folder)
    with refusals():
        pages = origin_rules(allow_origin or ())
        somebody = catalog_in(folder)[0].slug

    def announce(where: Addresses) -> None:
        say(f"identity  {where.identity}")
        say(f"sync      {where.sync}")
        say(f"gateway   {where.gateway}   (Ctrl-C stops all three)")
        if known:
            words = ("token", somebody, "--dir", folder, "--auth", where.identity)
            say(f"A token:  {typed(*words)}")
            client = ("--gateway", where.gateway, "--client", "claude-code")
            say(f"A client: {typed(*words, *client)}")
        else:
            say(f"Nobody is in this new lab; stop it, then: {typed('seed', '--dir', folder)}")

    with refusals(), spans() as tracer_provider:
        served = serve_lab(
            folder,
            auth_port=auth_port,
            sync_port=sync_port,
            port=port,
            origins=pages,
            workers=workers,
            calls_per_minute=calls_per_minute,
            database_url=database_url(),
            tracer_provider=tracer_provider,
            on_ready=announce,
        )
        finish(until_stopped(served))
