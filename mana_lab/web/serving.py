"""Serving an app on a port, from a command, a notebook's thread or a test alike.

Knows sockets and uvicorn; knows nothing of MCP. Signals are left alone: who serves decides how to
stop, by cancelling :func:`serve`.
"""

from __future__ import annotations

import asyncio
import errno
import math
import selectors
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

import uvicorn
from starlette.types import ASGIApp

from mana_lab.errors import InfrastructureError, PortInUseError, SettingsError
from mana_lab.web.draining import Draining
from mana_lab.web.wire import Wire, WireLimits, protocol_of

SHORT_GRACE_S: Final = 1.0
"""How long requests may take to finish when a notebook's or a test's server stops, in seconds."""

_BACKLOG = 2048
_SET_UP_STEPS = 5
_BACKSTOP_S = 2
_LINGER_S = 1.0
_SHORTEST_LINGER_S = 0.01
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


def inherited(descriptor: int) -> socket.socket:
    """Return the listening socket that another process made with :func:`listen`.

    Args:
        descriptor: Its number here.
    """
    plain = socket.socket(fileno=descriptor)
    # Not every system tells the protocol of a socket; see above what depends on it.
    sock = socket.socket(plain.family, plain.type, socket.IPPROTO_TCP, fileno=plain.detach())
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
        grace_s: How long requests may take to finish when it stops, in seconds.
        limits: What a connection may take.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_ready: OnReady | None = None,
        *,
        websockets: bool = False,
        grace_s: float = SHORT_GRACE_S,
        limits: WireLimits | None = None,
    ) -> None:
        self._draining = Draining()
        limits = limits or WireLimits()
        linger_s = max(min(_LINGER_S, grace_s / 4), _SHORTEST_LINGER_S)
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                loop="none",
                http=protocol_of(Wire(limits, self._draining, linger_s)),
                ws="websockets-sansio" if websockets else "none",
                ws_max_size=_LONGEST_MESSAGE,
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=limits.idle_s,
                timeout_graceful_shutdown=math.ceil(grace_s) + _BACKSTOP_S,
            )
        )
        self._on_ready = on_ready
        self._grace_s = grace_s

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Touch no signal handler."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app's lifespan, then accept connections.

        Raises:
            InfrastructureError: The app's lifespan failed; the log has the reason.
        """
        self._draining.announce(self.lifespan.state)
        try:
            await super().startup(sockets)
        except SystemExit:
            raise InfrastructureError("the app did not start; the log says why") from None
        if self._on_ready is not None:
            self._on_ready()

    def stop(self) -> None:
        """Take the next step towards the end: let requests finish, then wait for nobody."""
        if self.should_exit:
            self._hang_up()
        self.should_exit = True
        self._draining.begun.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was sent within the grace, then hang up on those that are left and stop."""
        await _accept_last(sockets or [])
        # A stream that waits for events never finishes; hung up on, it ends without an error.
        timer = asyncio.get_running_loop().call_later(self._grace_s, self._hang_up)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        self._draining.over.set()
        for connection in list(self.server_state.connections):
            connection.transport.close()


async def _accept_last(sockets: Sequence[socket.socket]) -> None:
    """Let the event loop take the connections that are waiting already, and no more.

    A connection that asyncio has accepted and not yet set up when its server is closed is dropped
    without a word.
    """
    loop = asyncio.get_running_loop()
    with selectors.DefaultSelector() as waiting:
        for sock in sockets:
            waiting.register(sock, selectors.EVENT_READ)
        for _ in range(_BACKLOG):
            if not waiting.select(0):
                break
            await asyncio.sleep(0)
    with suppress(NotImplementedError):  # Windows
        for sock in sockets:
            loop.remove_reader(sock)
    for _ in range(_SET_UP_STEPS):
        await asyncio.sleep(0)


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    *,
    on_ready: OnReady | None = None,
    websockets: bool = False,
    grace_s: float = SHORT_GRACE_S,
    limits: WireLimits | None = None,
) -> None:
    """Serve *app* until this is cancelled; then answer what was sent, and stop.

    Cancelled once more, it waits for nobody any longer.

    Args:
        app: The application; its lifespan runs in here.
        sock: From :func:`listen`; closed at the end.
        on_ready: Called as soon as requests are answered.
        websockets: Whether the application speaks WebSocket.
        grace_s: How long requests may take to finish at the end, in seconds.
        limits: What a connection may take.

    Raises:
        InfrastructureError: The app's lifespan failed; the log has the reason.
    """
    server = QuietServer(app, on_ready, websockets=websockets, grace_s=grace_s, limits=limits)
    serving = asyncio.create_task(server.serve([sock]))
    cancelled = False
    try:
        while not serving.done():
            try:
                await asyncio.wait([serving])
            except asyncio.CancelledError:
                cancelled = True
                server.stop()
    finally:
        sock.close()
    serving.result()
    if cancelled:
        raise asyncio.CancelledError
