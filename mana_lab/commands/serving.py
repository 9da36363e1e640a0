"""``serve``: a lab's services on ports of this machine."""

from __future__ import annotations

import logging
from typing import Annotated, TypeAlias

import typer

from mana_lab.commands.console import finish, say
from mana_lab.commands.options import HERE, Folder
from mana_lab.gateway import DEFAULT_PORT
from mana_lab.gateway.foreground import until_stopped
from mana_lab.lab import Addresses, serve_lab

Port: TypeAlias = Annotated[
    int, typer.Option(min=0, max=65535, help="Where it listens; 0 picks a free port.")
]


def serve(
    folder: Folder = HERE,
    auth_port: Port = 3001,
    sync_port: Port = 3050,
    port: Port = DEFAULT_PORT,
) -> None:
    """Serve a lab: identity, sync, and the MCP gateway for any client on this machine.

    For example: python -m mana_lab serve --dir my-lab --port 3069
    """
    logging.basicConfig(level=logging.WARNING)

    def announce(where: Addresses) -> None:
        say(f"identity  {where.identity}")
        say(f"sync      {where.sync}")
        say(f"gateway   {where.gateway}   (Ctrl-C stops all three)")
        say(f"A token:  python -m mana_lab token anna --dir {folder} --auth {where.identity}")

    served = serve_lab(
        folder, auth_port=auth_port, sync_port=sync_port, port=port, on_ready=announce
    )
    finish(until_stopped(served))
