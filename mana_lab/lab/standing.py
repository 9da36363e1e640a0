"""A lab's services on ports of this machine for as long as a run in shards needs them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from mana_lab.clock import ShiftedClock
from mana_lab.gateway import DEFAULT_HOST, MCP_PATH
from mana_lab.gateway.process import Order
from mana_lab.gateway.several import serve_workers
from mana_lab.lab.services import Ground, wired
from mana_lab.runner.shards import Site
from mana_lab.settings import DEFAULT_AUDIENCE, Settings
from mana_lab.web.serving import listen, serve
from mana_lab.web.together import under_way

UNTHROTTLED: Final = 1_000_000
"""Calls a minute: in shards, simulated days pass in seconds, and no clock tells them."""

_GRACE_S = 5.0


@asynccontextmanager
async def standing(ground: Ground, folder: Path, gateway_workers: int) -> AsyncIterator[Site]:
    """Serve identity, sync and the gateway, each on a free port.

    Their time goes on from the lab's, as fast as the machine's.

    Args:
        ground: What the services stand on.
        folder: For the databases and keys of the gateway's processes.
        gateway_workers: How many processes the gateway has; 0 serves it in this one.

    Raises:
        InfrastructureError: A service did not start.
    """
    clock = ShiftedClock.starting_at(ground.clock.now())
    passing = replace(ground, clock=clock, alone=False, calls_per_minute=UNTHROTTLED)
    with ExitStack() as stack:
        sockets = [stack.enter_context(listen(DEFAULT_HOST, 0)) for _ in range(3)]
        auth_url, sync_url, gateway_url = (
            f"http://{DEFAULT_HOST}:{sock.getsockname()[1]}" for sock in sockets
        )
        async with wired(passing, issuer=auth_url, gateway_url=gateway_url) as services:
            if gateway_workers:
                urls = (auth_url, sync_url, gateway_url)
                gateway = partial(serve_workers, _order(clock, folder, gateway_workers, urls))
            else:
                gateway = partial(serve, services.gateway_app)
            works = [
                partial(serve, services.identity_app, sockets[0]),
                partial(serve, services.sync_app, sockets[1], websockets=True),
                partial(gateway, sockets[2]),
            ]
            async with under_way(works):
                yield Site(auth_url=auth_url, mcp_url=gateway_url + MCP_PATH)


def _order(clock: ShiftedClock, folder: Path, workers: int, urls: tuple[str, str, str]) -> Order:
    auth_url, sync_url, gateway_url = urls
    settings = Settings.from_environment(
        MANA_AUTH_URL=auth_url,
        MANA_SYNC_URL=sync_url,
        JWT_ISSUER=auth_url,
        JWT_AUDIENCE=DEFAULT_AUDIENCE,
    )
    return Order(
        settings=settings,
        url=gateway_url,
        data=folder / "gateway",
        workers=workers,
        grace_s=_GRACE_S,
        calls_per_minute=UNTHROTTLED,
        shift_s=clock.by.total_seconds(),
    )
