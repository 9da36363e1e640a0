"""What a request does may take too long, or longer than its caller waits: then it is ended.

Every request is held in here and nearly none is ended, so that holding has to cost nothing: one
timer looks after all, where ``asyncio.timeout`` takes one each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from starlette.types import Receive


@dataclass(frozen=True)
class Patience:
    """When a call lingers.

    Attributes:
        moment_s: After how many seconds it is looked whether the caller is still there.
        ping_s: After how many seconds without an answer the caller is told that there will be one,
            and how often from then on; proxies hang up on what is silent.
    """

    moment_s: float = 0.02
    ping_s: float = 15.0


class Rounds:
    """Looks now and then at everything that is held, for what has been held too long.

    Belongs to one event loop.

    Args:
        every_s: How often, in seconds; there are no rounds while nothing is held.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._held: set[Held] = set()
        self._is_due = False

    def add(self, held: Held, loop: asyncio.AbstractEventLoop) -> None:
        """Look after something from now on."""
        self._held.add(held)
        if not self._is_due:
            self._is_due = True
            loop.call_later(self._every_s, self._go, loop)

    def discard(self, held: Held) -> None:
        """Look after it no longer."""
        self._held.discard(held)

    def _go(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for held in [each for each in self._held if each.until <= now]:
            self._held.discard(held)
            held.expire()
        self._is_due = bool(self._held)
        if self._is_due:
            loop.call_later(self._every_s, self._go, loop)


class Held:
    """Holds what a task does, for it to be ended from outside.

    Args:
        rounds: Looks after it.
        seconds: How long until :meth:`expire`.
    """

    until: float
    _task: asyncio.Task[Any]
    _cancelling: int
    _ended = False

    def __init__(self, rounds: Rounds, seconds: float) -> None:
        self._rounds = rounds
        self._seconds = seconds

    def expire(self) -> None:
        """Do what is to be done after the time."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that is awaited runs in one
        self._task = task
        self._cancelling = task.cancelling()
        loop = task.get_loop()
        self.until = loop.time() + self._seconds
        self._rounds.add(self, loop)
        return self

    def __exit__(self, *error: object) -> bool:
        self._rounds.discard(self)
        if not self._ended:
            return False
        return self._task.uncancel() <= self._cancelling and error[0] is asyncio.CancelledError

    def _end(self) -> bool:
        """Cancel the task, unless that was done; return whether it was not."""
        if self._ended:
            return False
        self._ended = True
        return self._task.cancel()


class Deadline(Held):
    """Ends what takes too long.

    What comes after it in the code is reached only then, where what it holds returns or raises.
    """

    def expire(self) -> None:
        """End it."""
        self._end()


class Lingering(Held):
    """Holds a call: the task that enters this is cancelled in it when nobody wants the answer.

    Args:
        receive: Tells that the caller hung up.
        ping: Tells the caller that the call goes on.
        patience: When that is done.
        rounds: Looks after it.

    Attributes:
        hung_up: Whether the call was ended because the caller is gone.
        cancelled: Whether it was ended by :meth:`cancel`.
    """

    def __init__(
        self,
        receive: Receive,
        ping: Callable[[], Awaitable[None]],
        patience: Patience,
        rounds: Rounds,
    ) -> None:
        super().__init__(rounds, patience.moment_s)
        self._receive = receive
        self._ping = ping
        self._ping_s = patience.ping_s
        self._watch: asyncio.Task[None] | None = None
        self.hung_up = False
        self.cancelled = False

    def cancel(self) -> None:
        """End the call because its caller said so."""
        self.cancelled = self._end() or self.cancelled

    def expire(self) -> None:
        """Watch its caller from now on."""
        self._watch = asyncio.create_task(self._look())

    def __exit__(self, *error: object) -> bool:
        if self._watch is not None:
            self._watch.cancel()
        return super().__exit__(*error)

    async def _look(self) -> None:
        gone = asyncio.create_task(self._disconnected())
        try:
            while not (await asyncio.wait([gone], timeout=self._ping_s))[0]:
                await self._ping()
        finally:
            gone.cancel()
        self.hung_up = self._end()

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
