"""The process that a gateway of several runs as: ``python -m mana_lab.gateway.worker``.

It is started by :mod:`mana_lab.gateway.workers` and by nobody else. What it shall do comes through
its input, so that no secret stands on a command line; when the input ends, its parent is gone, and
it stops too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Final

from mana_lab.errors import InfrastructureError, SettingsError, ToolDriftError
from mana_lab.gateway.process import Order, approved_registry, serve_gateway
from mana_lab.web.foreground import until_stopped
from mana_lab.web.serving import inherited

READY: Final = b"ready\n"
"""What a worker writes to its output once it answers requests."""

_INPUT, _OUTPUT = 0, 1


def main() -> int:
    """Serve until told to stop; return the exit status."""
    try:
        descriptor, order = sys.stdin.buffer.readline().decode().split(" ", 1)
        asyncio.run(_serve(Order.from_json(order), int(descriptor)))
    except (InfrastructureError, SettingsError, ToolDriftError) as error:
        sys.stderr.write(f"{error.message}\n")
        return 2 if isinstance(error, SettingsError) else 1
    return 0


async def _serve(order: Order, descriptor: int) -> None:
    registry = approved_registry(order.settings)
    sock = inherited(descriptor)
    serving = asyncio.create_task(
        serve_gateway(order, registry, sock, lambda: os.write(_OUTPUT, READY))
    )
    asyncio.get_running_loop().add_reader(_INPUT, _stop_at_the_end, serving)
    await until_stopped(serving)


def _stop_at_the_end(serving: asyncio.Task[None]) -> None:
    if not os.read(_INPUT, 1024):
        asyncio.get_running_loop().remove_reader(_INPUT)
        serving.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
