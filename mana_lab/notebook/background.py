"""A server in a thread of its own, so that it answers while a cell computes or blocks."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeAlias

from starlette.types import ASGIApp

from mana_lab.errors import InfrastructureError
from mana_lab.web import serving

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
        self._wanted: Future[None] = Future()  # cancelled as soon as the server shall stop
        self._settled = threading.Event()  # it answers, or it has ended
        self._answers = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="mana-lab-server", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it answers requests."""
        return self._answers

    async def start(self) -> None:
        """Start the thread; returns once requests are answered.

        Raises:
            InfrastructureError: The app did not start.
        """
        self._thread.start()
        try:
            await asyncio.to_thread(self._settled.wait, _START_S)
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not self._answers:
            await self.stop()
            raise InfrastructureError("the server did not start") from self._failure

    async def stop(self) -> None:
        """Let requests finish, then end the thread; again is harmless."""
        self._wanted.cancel()
        if self._thread.ident is None:
            self._sock.close()
        else:
            await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve_while_wanted())
        except BaseException as error:
            if self._settled.is_set():
                raise  # nobody waits for it any more: the thread's hook prints it
            self._failure = error
        finally:
            self._answers = False
            self._sock.close()
            self._settled.set()

    async def _serve_while_wanted(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.create_task(self._serve())

        def stop(_: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: the server has ended by itself
                loop.call_soon_threadsafe(task.cancel)

        self._wanted.add_done_callback(stop)
        with suppress(asyncio.CancelledError):
            await task

    async def _serve(self) -> None:
        async with self._build() as app:
            await serving.serve(app, self._sock, on_ready=self._tell_ready)

    def _tell_ready(self) -> None:
        self._answers = True
        self._settled.set()
