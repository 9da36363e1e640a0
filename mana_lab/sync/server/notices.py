"""Notices: those who wait for changes are woken when somebody appends one.

A notice says only that it is worth looking; what there is to see, the log says. So one too many is
harmless, and one that got lost, because another process wrote, is made good by looking now and
then all the same.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from mana_lab.errors import RateLimitedError

MOST_OF_A_USER = 32
"""How many connections of one user may wait at the same time."""


class Listener:
    """One connection that waits, in the event loop that made it.

    Attributes:
        spaces: Which spaces it is woken for.
    """

    def __init__(self) -> None:
        self.spaces: Collection[str] = frozenset()
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()

    async def wait(self, timeout_s: float) -> bool:
        """Wait until there is something to look at; False when nothing came for so long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._told.wait()
        except TimeoutError:
            return False
        self._told.clear()
        return True

    def tell(self) -> None:
        """End the wait, from whatever thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told.set)


class Notices:
    """Who waits for changes, for any number of event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[Listener, str] = {}

    @property
    def connections(self) -> int:
        """How many connections wait."""
        return len(self._listeners)

    @property
    def users(self) -> int:
        """How many users they belong to."""
        with self._lock:
            return len(set(self._listeners.values()))

    @contextmanager
    def listening(self, user_id: str) -> Iterator[Listener]:
        """Return a listener of a user, which hears until the block ends.

        Raises:
            RateLimitedError: The user has :data:`MOST_OF_A_USER` of them already.
        """
        listener = Listener()
        with self._lock:
            if Counter(self._listeners.values())[user_id] >= MOST_OF_A_USER:
                raise RateLimitedError(
                    f"you have {MOST_OF_A_USER} connections that wait for changes already; "
                    "close one of them first"
                )
            self._listeners[listener] = user_id
        try:
            yield listener
        finally:
            with self._lock:
                del self._listeners[listener]

    def announce(self, spaces: Collection[str]) -> None:
        """Wake all who listen for one of *spaces*."""
        changed = frozenset(spaces)
        with self._lock:
            for listener in self._listeners:
                if not changed.isdisjoint(listener.spaces):
                    listener.tell()
