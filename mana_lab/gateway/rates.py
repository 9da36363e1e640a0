"""How often a user calls a tool: at most so many times a minute, counted exactly."""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from threading import Lock
from typing import Final, Protocol

from sqlalchemy import Connection, select, update

from mana_lab.clock import Clock
from mana_lab.gateway.tables import WINDOWS
from mana_lab.storage import Store, insert_or_ignore

WINDOW_S: Final = 60.0
"""Over how many seconds calls are counted."""
CALLS_A_MINUTE: Final = 30
"""How often a user may call one tool in that time, unless a gateway is set up otherwise."""


class Rates(Protocol):
    """Counts calls."""

    async def take(self, user_id: str, tool: str) -> int | None:
        """Count a call, unless it is one too many.

        Returns:
            None for a call that may go on, else in how many seconds the next one may.
        """
        ...


class MemoryRates:
    """Counts the calls of one process, in a window that slides.

    A minute is over when the lab's time has moved by one, or real time: a simulated fortnight is
    not slowed down, and nobody waits for ever in a lab whose time stands still. Serves any number
    of event loops.

    Args:
        clock: ``now`` is the lab's time, ``monotonic`` the real one.
        limit: How many calls a minute of one tool one user may make.
    """

    def __init__(self, clock: Clock, limit: int = CALLS_A_MINUTE) -> None:
        self._clock = clock
        self._limit = limit
        self._hits: OrderedDict[tuple[str, str], _Hits] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._hits)

    async def take(self, user_id: str, tool: str) -> int | None:
        """Count a call, unless it is one too many."""
        now = (self._clock.now().timestamp(), self._clock.monotonic())
        made_by = (user_id, tool)
        with self._lock:
            hits = self._hits.get(made_by)
            if hits is None:
                hits = self._hits[made_by] = _Hits()
                self._forget_old(now)
            self._hits.move_to_end(made_by)
            while hits and hits.age(now) >= WINDOW_S:
                hits.drop_oldest()
            if len(hits) >= self._limit:
                return _wait(hits.age(now))
            hits.add(now)
            return None

    def _forget_old(self, now: tuple[float, float]) -> None:
        while True:
            oldest, hits = next(iter(self._hits.items()))
            if not hits or hits.age(now, of_newest=True) < WINDOW_S:
                return
            del self._hits[oldest]


class SharedRates:
    """Counts the calls of all processes that share a store, as exactly as one process does.

    Args:
        store: Opened with the gateway's ``METADATA``.
        clock: ``now`` dates the calls.
        limit: How many calls a minute of one tool one user may make.
    """

    def __init__(self, store: Store, clock: Clock, limit: int = CALLS_A_MINUTE) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit

    async def take(self, user_id: str, tool: str) -> int | None:
        """Count a call, unless it is one too many."""
        now = self._clock.now().timestamp()
        return await self._store.write(
            lambda connection: self._count(connection, user_id, tool, now)
        )

    def _count(self, connection: Connection, user_id: str, tool: str, now: float) -> int | None:
        fresh = {"user_id": user_id, "tool": tool, "hits": []}
        insert_or_ignore(connection, WINDOWS, [fresh])
        theirs = (WINDOWS.c.user_id == user_id, WINDOWS.c.tool == tool)
        query = select(WINDOWS.c.hits).where(*theirs).with_for_update()
        hits = [hit for hit in connection.execute(query).scalar_one() if now - hit < WINDOW_S]
        if len(hits) >= self._limit:
            return _wait(now - hits[0])
        connection.execute(update(WINDOWS).where(*theirs).values(hits=[*hits, now]))
        return None


class _Hits:
    """When calls were made, the oldest first, by two clocks; bare numbers, since there are many."""

    __slots__ = ("_start", "_times")

    def __init__(self) -> None:
        self._times = array("d")
        self._start = 0

    def __len__(self) -> int:
        return (len(self._times) - self._start) // 2

    def add(self, now: tuple[float, float]) -> None:
        self._times.extend(now)

    def drop_oldest(self) -> None:
        self._start += 2
        if 2 * self._start >= len(self._times):
            del self._times[: self._start]
            self._start = 0

    def age(self, now: tuple[float, float], *, of_newest: bool = False) -> float:
        place = len(self._times) - 2 if of_newest else self._start
        return max(now[0] - self._times[place], now[1] - self._times[place + 1])


def _wait(age_s: float) -> int:
    return max(1, math.ceil(WINDOW_S - age_s))
