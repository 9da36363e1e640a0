"""How many requests a provider gets at a time: more while it takes them, fewer when it does not.

One flow is shared by all personas that a brain plays. Additive increase and multiplicative
decrease, as TCP does it (RFC 5681): every answer raises the limit by one over the limit, every
refusal halves it, but not again for requests that had begun before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeAlias

from mana_lab.clock import Clock, SystemClock
from mana_lab.errors import InvalidInputError

Outcome: TypeAlias = Literal["answered", "refused", "failed"]
"""What became of a request; ``refused`` says that the provider wants fewer of them."""

Pause: TypeAlias = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


class Flow(Protocol):
    """Says when a request may be made; several processes may share one through a store."""

    async def enter(self) -> int:
        """Wait until a request may be made; returns what ``leave`` wants to know."""
        ...

    async def leave(
        self, ticket: int, outcome: Outcome, *, retry_after_s: float | None = None
    ) -> None:
        """Tell what became of the request.

        Args:
            ticket: What ``enter`` gave.
            outcome: What became of it.
            retry_after_s: For how long the provider wants no further request, in seconds.
        """
        ...


class LocalFlow:
    """A flow of this process and one event loop.

    Args:
        start: How many requests at a time there may be at first.
        most: How many there may ever be.
        clock: Measures how long the provider wanted to be left alone.
        pause: Waits.

    Raises:
        InvalidInputError: *start* is below 1 or above *most*.
    """

    def __init__(
        self,
        *,
        start: int = 8,
        most: int = 100,
        clock: Clock | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        if not 1 <= start <= most:
            raise InvalidInputError(f"a flow starts with 1 to {most} requests, got {start}")
        self._limit = float(start)
        self._most = most
        self._clock = clock or SystemClock()
        self._pause = pause
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._era = 0
        self._not_before = 0.0

    @property
    def limit(self) -> int:
        """How many requests at a time there may be now."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """How many there are."""
        return self._in_flight

    async def enter(self) -> int:
        """Wait for a place, first come, first served, and until the provider wants requests."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            self._give_up(place)
            raise
        try:
            while (wait_s := self._not_before - self._clock.monotonic()) > 0:
                await self._pause(wait_s)
        except BaseException:
            self._free()
            raise
        return self._era

    async def leave(
        self, ticket: int, outcome: Outcome, *, retry_after_s: float | None = None
    ) -> None:
        """Free the place, and learn from what became of the request."""
        if outcome == "answered":
            self._limit = min(self._limit + 1 / self._limit, float(self._most))
        elif outcome == "refused":
            if ticket == self._era:
                self._limit = max(1.0, self._limit / 2)
                self._era += 1
            if retry_after_s is not None:
                self._not_before = max(self._not_before, self._clock.monotonic() + retry_after_s)
        self._free()

    def _free(self) -> None:
        self._in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._in_flight < self.limit:
            place = self._waiting.popleft()
            if not place.cancelled():
                self._in_flight += 1
                place.set_result(None)

    def _give_up(self, place: asyncio.Future[None]) -> None:
        if not place.cancelled():
            self._free()
        elif place in self._waiting:
            self._waiting.remove(place)
