"""Turns: so many at a time, first come, first served, and the number may change meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Lets some through at a time; of one event loop.

    Args:
        limit: How many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many there may be at a time."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._admit()

    @property
    def taken(self) -> int:
        """How many there are."""
        return self._taken

    async def take(self) -> None:
        """Wait for a turn; give it back with :meth:`free`."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def free(self) -> None:
        """Give a turn back."""
        self._taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._taken < self._limit:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._taken += 1
                turn.set_result(None)

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if not turn.cancelled():
            self.free()
        elif turn in self._waiting:
            self._waiting.remove(turn)
