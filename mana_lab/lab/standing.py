"""A lab's three services on ports of this machine."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from mana_lab.clock import ShiftedClock
from mana_lab.gateway import DEFAULT_HOST, MCP_PATH
from mana_lab.gateway.process import Order
from mana_lab.gateway.several import serve_workers
from mana_lab.lab.services import Ground, wired
from mana_lab.settings import DEFAULT_AUDIENCE, Settings
from mana_lab.web.serving import listen, serve
from mana_lab.web.together import Work

UNTHROTTLED: Final = 1_000_000
"""Calls a minute: in shards, simulated days pass in seconds, and no clock tells them."""

_GRACE_S = 5.0


@dataclass(frozen=True)
class Addresses:
    """Where the services of a lab stand.

    Attributes:
        identity: Base URL of the identity service, which is the tokens' issuer too.
        sync: Base URL of the sync service.
        gateway: What an MCP client connects to.
    """

    identity: str
    sync: str
    gateway: str


class Sockets(NamedTuple):
    """Where the services listen.

    Attributes:
        identity: Of the identity service.
        sync: Of the sync service.
        gateway: Of the gateway.
    """

    identity: socket.socket
    sync: socket.socket
    gateway: socket.socket

    @property
    def addresses(self) -> Addresses:
        """What clients connect to."""
        identity, sync, gateway = map(url_of_port, (each.getsockname()[1] for each in self))
        return Addresses(identity, sync, gateway + MCP_PATH)


@contextmanager
def listening(identity: int = 0, sync: int = 0, gateway: int = 0) -> Iterator[Sockets]:
    """Hold sockets on these ports of this machine; 0 picks a free one.

    Raises:
        PortInUseError: Another program has one of the ports.
        SettingsError: There is no such port.
    """
    with ExitStack() as stack:
        ports = (identity, sync, gateway)
        yield Sockets(*(stack.enter_context(listen(DEFAULT_HOST, each)) for each in ports))


def passing(ground: Ground) -> Ground:
    """Return *ground* with time that goes on from the lab's, as fast as the machine's.

    Only so can several processes have the same time.
    """
    return replace(ground, clock=ShiftedClock.starting_at(ground.clock.now()), alone=False)


@asynccontextmanager
async def standing(
    ground: Ground,
    sockets: Sockets,
    folder: Path,
    *,
    gateway_workers: int = 0,
    origins: Sequence[str] = (),
) -> AsyncIterator[list[Work]]:
    """Hold what serves identity, sync and the gateway.

    Args:
        ground: What the services stand on; for several processes, of :func:`passing`.
        sockets: Where they listen.
        folder: For the databases and keys of the gateway's processes.
        gateway_workers: How many processes the gateway has; 0 serves it in this one.
        origins: Whose pages may call the gateway, besides those of this machine.
    """
    where = sockets.addresses
    gateway_url = where.gateway.removesuffix(MCP_PATH)
    async with wired(
        ground, issuer=where.identity, gateway_url=gateway_url, origins=origins
    ) as services:
        if gateway_workers:
            order = _order(ground, where, folder, gateway_workers, origins)
            gateway: Work = partial(serve_workers, order, sockets.gateway)
        else:
            gateway = partial(serve, services.gateway_app, sockets.gateway)
        yield [
            partial(serve, services.identity_app, sockets.identity),
            partial(serve, services.sync_app, sockets.sync, websockets=True),
            gateway,
        ]


def _order(
    ground: Ground, where: Addresses, folder: Path, workers: int, origins: Sequence[str]
) -> Order:
    settings = Settings.from_environment(
        MANA_AUTH_URL=where.identity,
        MANA_SYNC_URL=where.sync,
        JWT_ISSUER=where.identity,
        JWT_AUDIENCE=DEFAULT_AUDIENCE,
    )
    clock = ground.clock
    return Order(
        settings=settings,
        url=where.gateway.removesuffix(MCP_PATH),
        data=folder / "gateway",
        origins=tuple(origins),
        workers=workers,
        grace_s=_GRACE_S,
        calls_per_minute=ground.calls_per_minute,
        shift_s=clock.by.total_seconds() if isinstance(clock, ShiftedClock) else 0.0,
    )


def url_of_port(port: int) -> str:
    """Return the URL of a service on that port of this machine."""
    return f"http://{DEFAULT_HOST}:{port}"
