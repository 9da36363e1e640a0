"""A lab's services on ports of this machine: the gateway for a notebook, or all three."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Self

from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp

from mana_lab.gateway import DEFAULT_HOST, MCP_PATH
from mana_lab.gateway.rates import CALLS_A_MINUTE
from mana_lab.lab.folder import LabFolder
from mana_lab.lab.services import Ground, Stores, wired
from mana_lab.lab.standing import Addresses, listening, passing, standing, url_of_port
from mana_lab.lab.time import time_of
from mana_lab.lab.tools import tools_of
from mana_lab.notebook import BackgroundServer
from mana_lab.web.serving import listen
from mana_lab.web.together import serve_together


class Gateway:
    """A lab's gateway on a port of this machine, in a thread of its own.

    Attributes:
        url: What an MCP client connects to.
    """

    def __init__(self, server: BackgroundServer) -> None:
        self._server = server
        self.url = url_of_port(server.port) + MCP_PATH

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
        url = url_of_port(sock.getsockname()[1])

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


async def serve_lab(
    folder: Path,
    *,
    auth_port: int,
    sync_port: int,
    port: int,
    origins: Sequence[str] = (),
    workers: int = 0,
    calls_per_minute: int = CALLS_A_MINUTE,
    database_url: str | None = None,
    tracer_provider: TracerProvider | None = None,
    on_ready: Callable[[Addresses], None],
) -> None:
    """Serve identity, sync and gateway of the lab in *folder* until this is cancelled.

    The lab's time stands still meanwhile; with processes of the gateway it goes on as fast as the
    machine's.

    Args:
        folder: The lab's folder, which is made if it is missing.
        auth_port: Where identity listens; 0 picks a free port, here as below.
        sync_port: Where sync listens.
        port: Where the gateway listens.
        origins: Whose pages may call the gateway, besides those of this machine.
        workers: How many processes the gateway has; 0 serves it in this one.
        calls_per_minute: How often a user may call one tool.
        database_url: As of :meth:`Lab.open`.
        tracer_provider: As of :meth:`Lab.open`.
        on_ready: Told where the services stand, once all of them answer.

    Raises:
        PortInUseError: Another program has one of the ports.
        LabBusyError: The folder is open elsewhere.
        SettingsError: The folder or a port cannot be used.
    """
    with ExitStack() as stack:
        sockets = stack.enter_context(listening(auth_port, sync_port, port))
        held = LabFolder(folder)
        stack.callback(held.release)
        async with Stores.open(held, database_url) as stores:
            ground = Ground(
                stores,
                held.secrets,
                await time_of(stores),
                tools_of(held),
                alone=database_url is None,
                calls_per_minute=calls_per_minute,
                tracer_provider=tracer_provider,
            )
            if workers:
                ground = passing(ground)
            async with standing(
                ground, sockets, held.path, gateway_workers=workers, origins=origins
            ) as works:
                await serve_together(works, partial(on_ready, sockets.addresses))
