"""A lab's services on ports of this machine: the gateway for a notebook, or all three."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp

from mana_lab.gateway import DEFAULT_HOST, MCP_PATH
from mana_lab.lab.folder import LabFolder
from mana_lab.lab.services import Ground, Stores, wired
from mana_lab.lab.time import time_of
from mana_lab.lab.tools import tools_of
from mana_lab.notebook import BackgroundServer
from mana_lab.web.serving import listen, serve
from mana_lab.web.together import serve_together


class Gateway:
    """A lab's gateway on a port of this machine, in a thread of its own.

    Attributes:
        url: What an MCP client connects to.
    """

    def __init__(self, server: BackgroundServer) -> None:
        self._server = server
        self.url = _url(server.port) + MCP_PATH

    @classmethod
    async def open(cls, port: int, ground: Ground, origins: Sequence[str] = ()) -> Self:
        """Listen on *port* and serve.

        Args:
            port: Where; 0 picks a free port.
            ground: What the services stand on.
            origins: Whose pages may call the gateway, besides those of this machine.

        Raises:
            PortInUseError: Another program has the port.
            SettingsError: There is no such port.
            InfrastructureError: The gateway did not start.
        """
        sock = listen(DEFAULT_HOST, port)
        url = _url(sock.getsockname()[1])

        @asynccontextmanager
        async def build() -> AsyncIterator[ASGIApp]:
            async with wired(ground, gateway_url=url, origins=origins) as services:
                yield services.gateway_app

        server = BackgroundServer(build, sock)
        await server.start()
        return cls(server)

    async def close(self) -> None:
        """Stop serving and free the port; again is harmless."""
        await self._server.stop()

    def __repr__(self) -> str:
        return f"<Gateway: {f'serving {self.url}' if self._server.running else 'closed'}>"


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


async def serve_lab(
    folder: Path,
    *,
    auth_port: int,
    sync_port: int,
    port: int,
    origins: Sequence[str] = (),
    database_url: str | None = None,
    tracer_provider: TracerProvider | None = None,
    on_ready: Callable[[Addresses], None],
) -> None:
    """Serve identity, sync and gateway of the lab in *folder* until this is cancelled.

    Args:
        folder: The lab's folder, which is made if it is missing.
        auth_port: Where identity listens; 0 picks a free port, here as below.
        sync_port: Where sync listens.
        port: Where the gateway listens.
        origins: Whose pages may call the gateway, besides those of this machine.
        database_url: As of :meth:`Lab.open`.
        tracer_provider: As of :meth:`Lab.open`.
        on_ready: Told where the services stand, once all of them answer.

    Raises:
        PortInUseError: Another program has one of the ports.
        LabBusyError: The folder is open elsewhere.
        SettingsError: The folder or a port cannot be used.
    """
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(listen(DEFAULT_HOST, each)) for each in (auth_port, sync_port, port)
        ]
        auth_url, sync_url, url = (_url(sock.getsockname()[1]) for sock in sockets)
        held = LabFolder(folder)
        stack.callback(held.release)
        async with (
            Stores.open(held, database_url) as stores,
            wired(
                Ground(
                    stores,
                    held.secrets,
                    await time_of(stores),
                    tools_of(held),
                    alone=database_url is None,
                    tracer_provider=tracer_provider,
                ),
                issuer=auth_url,
                gateway_url=url,
                origins=origins,
            ) as services,
        ):
            works = [
                partial(serve, services.identity_app, sockets[0]),
                partial(serve, services.sync_app, sockets[1], websockets=True),
                partial(serve, services.gateway_app, sockets[2]),
            ]
            addresses = Addresses(auth_url, sync_url, url + MCP_PATH)
            await serve_together(works, partial(on_ready, addresses))


def _url(port: int) -> str:
    return f"http://{DEFAULT_HOST}:{port}"
