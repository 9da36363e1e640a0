"""A server in a thread of its own, so that it answers while a cell computes or blocks."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeAlias

from starlette.types import ASGIApp

from mana_lab.errors import InfrastructureError
from mana_lab.gateway import serving

AppFactory: TypeAlias = Callable[[], AbstractAsyncContextManager[ASGIApp]]
"""Builds the app in the event loop that will serve it."""

_START_S = 30.0


class BackgroundServer:
    """Serves an app from a daemon thread, without touching signals; it can be started once.

    Args:
        build: Builds the app; called in the thread's own event loop.
        sock: A listening socket, from ``gateway.serving.listen``; closed at the end.
    """

    def __init__(self, build: AppFactory, sock: socket.socket) -> None:
        self._build = build
        self._sock = sock
        self.port: int = sock.getsockname()[1]
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._serve())
        self._thread = threading.Thread(target=self._main, name="mana-lab-server", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it answers requests."""
        return self._ready.is_set() and self._thread.is_alive()

    async def start(self) -> None:
        """Start the thread; returns once requests are answered.

        Raises:
            InfrastructureError: The app did not start.
        """
        self._thread.start()
        try:
            started = await asyncio.to_thread(self._ready.wait, _START_S)
        except asyncio.CancelledError:
            self._cancel()
            raise
        if self._failure is not None or not started:
            await self.stop()
            raise InfrastructureError("the server did not start") from self._failure

    async def stop(self) -> None:
        """Let requests finish, then end the thread; again is harmless."""
        self._cancel()
        await asyncio.to_thread(self._thread.join)

    def _cancel(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the server has ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._until_cancelled())
        except Exception as error:  # noqa: BLE001 - handed to whoever called start
            self._failure = error
        finally:
            self._sock.close()
            self._ready.set()

    async def _until_cancelled(self) -> None:
        with suppress(asyncio.CancelledError):
            await self._task

    async def _serve(self) -> None:
        async with self._build() as app:
            await serving.serve(app, self._sock, on_ready=self._ready.set)
