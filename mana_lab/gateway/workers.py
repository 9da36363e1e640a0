"""Several processes on one listening socket: started, replaced when they die, and stopped.

Knows processes and sockets; what a worker does is its own matter. Signals are left alone, as in
:mod:`mana_lab.web.serving`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from mana_lab.clock import Clock
from mana_lab.errors import InfrastructureError
from mana_lab.web.serving import OnReady

_logger = logging.getLogger(__name__)
_LIVED_S = 10.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_PATIENCE_S = 10.0
_START_S = 60.0


class Workers:
    """A number of worker processes.

    Args:
        command: What each of them runs.
        order: What each is told, in one line behind the number of its socket.
        sock: A listening socket, which they inherit.
        count: How many there are.
        clock: ``monotonic`` tells how long one lived.
        ready: The line that a worker writes once it answers requests.
        grace_s: How long a worker may take to stop, in seconds; a bit later it is killed.
        environment: What they find in their environment, besides what is in this one.
        on_end: Called with the process id of each that has ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        order: str,
        sock: socket.socket,
        count: int,
        *,
        clock: Clock,
        ready: bytes,
        grace_s: float,
        environment: Mapping[str, str],
        on_end: Callable[[int], None],
    ) -> None:
        self._command = command
        self._order = order
        self._sock = sock
        self._clock = clock
        self._ready = ready
        self._patience_s = grace_s + _PATIENCE_S
        self._environment = environment
        self._on_end = on_end
        self._current: dict[int, Process] = {}
        self._changing = [asyncio.Lock() for _ in range(count)]
        self._renewing = asyncio.Lock()

    @property
    def pids(self) -> list[int]:
        """The process ids of those that are there now."""
        return [each.pid for each in self._current.values() if each.returncode is None]

    async def run(self, on_ready: OnReady) -> None:
        """Keep the workers until this is cancelled; then stop them, and wait until all have ended.

        Cancelled once more, it tells them once more, and they wait for nobody any longer.

        Args:
            on_ready: Called as soon as all of them answer requests.

        Raises:
            InfrastructureError: One did not start at the beginning; its own output says why.
        """
        places = range(len(self._changing))
        keepers = [asyncio.create_task(self._begin(place)) for place in places]
        try:
            await _all(keepers)
            on_ready()
            keepers = [asyncio.create_task(self._keep(place)) for place in places]
            await _all(keepers)
        finally:
            self._sock.close()  # what is not accepted yet goes to nobody
            await self._end_all(keepers)

    async def renew(self) -> None:
        """Replace one worker after the other; each goes when the next one answers requests.

        Where a new one does not start, the old ones stay.
        """
        async with self._renewing:
            for place, changing in enumerate(self._changing):
                async with changing:
                    old = self._current[place]
                    try:
                        self._current[place] = await self._start()
                    except InfrastructureError:
                        _logger.exception("a new worker did not start; the old ones stay")
                        return
                await self._end(old)

    async def _begin(self, place: int) -> None:
        async with self._changing[place]:
            self._current[place] = await self._start()

    async def _keep(self, place: int) -> None:
        while True:
            worker, since = self._current[place], self._clock.monotonic()
            await worker.wait()
            async with self._changing[place]:
                if self._current[place] is worker:
                    _logger.warning("a worker ended with status %s", worker.returncode)
                    self._on_end(worker.pid)
                    is_new = self._clock.monotonic() - since < _LIVED_S
                    self._current[place] = await self._replacement(is_new=is_new)

    async def _replacement(self, *, is_new: bool) -> Process:
        """Start a worker, and again until one stays; with ever longer pauses."""
        pause_s = _FIRST_PAUSE_S if is_new else 0.0
        while True:
            await asyncio.sleep(pause_s)
            with suppress(InfrastructureError):
                return await self._start()
            pause_s = min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)

    async def _start(self) -> Process:
        """Start a worker and wait until it answers requests."""
        worker = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, **self._environment},
            pass_fds=[self._sock.fileno()],
            process_group=0,  # so that Ctrl-C in a terminal reaches the parent only
        )
        try:
            await self._instruct(worker)
        except BaseException:
            await self._end(worker)
            raise
        return worker

    async def _instruct(self, worker: Process) -> None:
        assert worker.stdin is not None  # noqa: S101 - both are pipes
        assert worker.stdout is not None  # noqa: S101
        worker.stdin.write(f"{self._sock.fileno()} {self._order}\n".encode())
        try:
            async with asyncio.timeout(_START_S):
                answer = await worker.stdout.readline()
        except TimeoutError:
            answer = b""
        if answer != self._ready:
            raise InfrastructureError("a worker did not start; its own message says why")

    async def _end_all(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        for keeper in keepers:
            keeper.cancel()
        left = self._current.values()
        ends = [*keepers, *(asyncio.create_task(self._end(each)) for each in left)]
        cancelled = False
        while pending := [each for each in ends if not each.done()]:
            try:
                await asyncio.wait(pending)
            except asyncio.CancelledError:
                cancelled = True
                for each in pending:
                    each.cancel()
        if cancelled:
            raise asyncio.CancelledError

    async def _end(self, worker: Process) -> None:
        """Tell a worker to stop, again whenever this is cancelled, and wait until it has ended."""
        cancelled = False
        while worker.returncode is None:
            with suppress(ProcessLookupError):
                worker.terminate()
            try:
                async with asyncio.timeout(self._patience_s):
                    await worker.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    worker.kill()
            except asyncio.CancelledError:
                cancelled = True
        self._on_end(worker.pid)
        if cancelled:
            raise asyncio.CancelledError


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for each in done:
        each.result()
