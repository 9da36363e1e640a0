"""Serving an app on a port, from a command, a notebook's thread or a test alike.

Knows sockets and uvicorn; knows nothing of MCP. Signals are left alone: who serves decides how to
stop, by cancelling :func:`serve`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import uvicorn
from starlette.types import ASGIApp

from mana_lab.errors import InfrastructureError, PortInUseError, SettingsError

_BACKLOG = 2048
_GRACE_S = 1.0
_BACKSTOP_S = 3
_LONGEST_MESSAGE = 64 * 1024


OnReady: TypeAlias = Callable[[], object]
"""Called as soon as requests are answered."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on *host* and *port*.

    Args:
        host: An address of this machine, such as ``127.0.0.1``, ``::1`` or ``localhost``.
        port: 0 to 65535; 0 picks a free one.

    Raises:
        PortInUseError: Another program, or another server of this one, has the port.
        SettingsError: The address or the port cannot be listened on.
    """
    if not 0 <= port <= 65535:
        raise SettingsError(f"port {port} does not exist; ports are 0 to 65535, 0 picks a free one")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise SettingsError(f"{host!r} is not an address of this machine") from None
    family, _, _, _, address = found[0]
    # asyncio turns Nagle's algorithm off only on sockets that say they are TCP; without that every
    # answer waits some 40 ms for the client's delayed ACK.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise _refusal(error, host, port) from None
    sock.setblocking(False)
    return sock


def _refusal(error: OSError, host: str, port: int) -> PortInUseError | SettingsError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            f"port {port} on {host} is in use; stop the program that has it, "
            "or choose another port (0 picks a free one)"
        )
    return SettingsError(f"cannot listen on port {port} of {host}: {error.strerror}")


class QuietServer(uvicorn.Server):
    """A uvicorn server that leaves signals, logging and ``sys.exit`` to the program around it.

    Args:
        app: The application; its lifespan runs.
        on_ready: Called as soon as requests are answered.
        websockets: Whether the application speaks WebSocket.
    """

    def __init__(
        self, app: ASGIApp, on_ready: OnReady | None = None, *, websockets: bool = False
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                loop="none",
                http="h11",
                ws="websockets-sansio" if websockets else "none",
                ws_max_size=_LONGEST_MESSAGE,
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_BACKSTOP_S,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Touch no signal handler."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app's lifespan, then accept connections.

        Raises:
            InfrastructureError: The app's lifespan failed; the log has the reason.
        """
        try:
            await super().startup(sockets)
        except SystemExit:
            raise InfrastructureError("the app did not start; the log says why") from None
        if self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish for one second, then hang up on those that are left and stop."""
        # A stream that waits for events never finishes; hung up on, it ends without an error.
        timer = asyncio.get_running_loop().call_later(_GRACE_S, self._hang_up)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.close()


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    *,
    on_ready: OnReady | None = None,
    websockets: bool = False,
) -> None:
    """Serve *app* until this is cancelled; then let requests finish for one second and stop.

    Args:
        app: The application; its lifespan runs in here.
        sock: From :func:`listen`; closed at the end.
        on_ready: Called as soon as requests are answered.
        websockets: Whether the application speaks WebSocket.

    Raises:
        InfrastructureError: The app's lifespan failed; the log has the reason.
    """
    server = QuietServer(app, on_ready, websockets=websockets)
    serving = asyncio.create_task(server.serve([sock]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
    finally:
        sock.close()
