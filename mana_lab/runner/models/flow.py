"""How many requests a provider gets at a time: more while it takes them, fewer when it does not.

One flow is shared by all personas that a brain plays. Additive increase and multiplicative
decrease, as TCP does it (RFC 5681): every answer raises the limit by one over the limit, every
refusal halves it, but not again for requests that had begun before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeAlias

from mana_lab.clock import Clock, SystemClock
from mana_lab.errors import InvalidInputError
from mana_lab.runner.models.turns import Turns

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
        self._turns = Turns(start)
        self._era = 0
        self._not_before = 0.0

    @property
    def limit(self) -> int:
        """How many requests at a time there may be now."""
        return self._turns.limit

    @property
    def in_flight(self) -> int:
        """How many there are."""
        return self._turns.taken

    async def enter(self) -> int:
        """Wait for a turn, first come, first served, and until the provider wants requests."""
        await self._turns.take()
        try:
            while (wait_s := self._not_before - self._clock.monotonic()) > 0:
                await self._pause(wait_s)
        except BaseException:
            self._turns.free()
            raise
        return self._era

    async def leave(
        self, ticket: int, outcome: Outcome, *, retry_after_s: float | None = None
    ) -> None:
        """Give the turn back, and learn from what became of the request."""
        if outcome == "answered":
            self._limit = raised(self._limit, 1, self._most)
        elif outcome == "refused":
            if ticket == self._era:
                self._limit = lowered(self._limit)
                self._era += 1
            if retry_after_s is not None:
                self._not_before = max(self._not_before, self._clock.monotonic() + retry_after_s)
        self._turns.limit = int(self._limit)
        self._turns.free()


def raised(limit: float, answers: int, most: int) -> float:
    """Return what a limit is after so many answers."""
    return min(limit + answers / limit, float(most))


def lowered(limit: float) -> float:
    """Return what a limit is after a refusal."""
    return max(1.0, limit / 2)
