"""A flow that all processes of a run share through the ledger's store.

How many requests the provider takes at a time, and until when it wants none, stands in the store;
each process looks there about once a second, and takes its share of the turns. A refusal is told
at once, so that the others slow down with their next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select, update

from mana_lab.clock import Clock, SystemClock
from mana_lab.runner.ledger_tables import FLOW_USERS, FLOWS
from mana_lab.runner.models.flow import Outcome, Pause, lowered, raised
from mana_lab.runner.models.turns import Turns
from mana_lab.storage import Store, insert_or_ignore

_LOOK_S = 1.0
_GONE = timedelta(seconds=210)
"""A process that was not seen for so long takes no share: a model's answer may take three minutes,
and one whose turns are all taken does not look meanwhile."""


class _State(NamedTuple):
    share: int
    era: int
    not_before: datetime | None


class SharedFlow:
    """One process's part of a flow; see :class:`mana_lab.runner.models.Flow`.

    Args:
        store: The ledger's.
        provider: Whose limits these are, such as ``anthropic``.
        holder: A name that no other process has.
        start: How many requests at a time there may be at first, of all processes.
        most: How many there may ever be.
        clock: Real time, which all processes share.
        pause: Waits.
    """

    def __init__(
        self,
        store: Store,
        provider: str,
        holder: str,
        *,
        start: int = 8,
        most: int = 100,
        clock: Clock | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._store = store
        self._own = (provider, holder)
        self._start = start
        self._most = most
        self._clock = clock or SystemClock()
        self._pause = pause
        self._turns = Turns(1)
        self._looking = asyncio.Lock()
        self._looked_at: float | None = None
        self._answers = 0
        self._state = _State(1, 0, None)

    @property
    def limit(self) -> int:
        """How many requests at a time this process may make now."""
        return self._turns.limit

    @property
    def in_flight(self) -> int:
        """How many it makes."""
        return self._turns.taken

    async def enter(self) -> int:
        """Wait for a turn, and until the provider wants requests."""
        await self._look()
        await self._turns.take()
        try:
            await self._look()
            while (wait_s := self._wait_s()) > 0:
                await self._pause(wait_s)
        except BaseException:
            self._turns.free()
            raise
        return self._state.era

    async def leave(
        self, ticket: int, outcome: Outcome, *, retry_after_s: float | None = None
    ) -> None:
        """Give the turn back, and tell what became of the request."""
        try:
            if outcome == "answered":
                self._answers += 1
            elif outcome == "refused":
                until = None
                if retry_after_s is not None:
                    until = self._clock.now() + timedelta(seconds=retry_after_s)
                await self._store.write(partial(_refused, self._own[0], ticket, until))
                self._looked_at = None
        finally:
            self._turns.free()

    def _wait_s(self) -> float:
        until = self._state.not_before
        return 0.0 if until is None else (until - self._clock.now()).total_seconds()

    async def _look(self) -> None:
        async with self._looking:
            now = self._clock.monotonic()
            if self._looked_at is not None and now - self._looked_at < _LOOK_S:
                return
            told = (self._own, self._answers, (self._start, self._most), self._clock.now())
            self._answers = 0
            self._state = await self._store.write(partial(_looked, *told))
            self._looked_at = now
            self._turns.limit = self._state.share


def _looked(
    own: tuple[str, str],
    answers: int,
    limits: tuple[int, int],
    now: datetime,
    connection: Connection,
) -> _State:
    """Tell that a process is there and what was answered to it; return where the flow stands."""
    provider, holder = own
    start, most = limits
    fresh = {"provider": provider, "most_at_once": float(start), "era": 0, "not_before": None}
    insert_or_ignore(connection, FLOWS, [fresh])
    query = select(FLOWS).where(FLOWS.c.provider == provider)
    row = connection.execute(query.with_for_update()).one()
    limit = raised(row.most_at_once, answers, most)
    change = update(FLOWS).where(FLOWS.c.provider == provider)
    connection.execute(change.values(most_at_once=limit))
    users = FLOW_USERS.c.provider == provider
    connection.execute(delete(FLOW_USERS).where(users, FLOW_USERS.c.seen_at <= now - _GONE))
    seen = {"provider": provider, "holder": holder, "seen_at": now}
    if not insert_or_ignore(connection, FLOW_USERS, [seen]):
        mine = update(FLOW_USERS).where(users, FLOW_USERS.c.holder == holder)
        connection.execute(mine.values(seen_at=now))
    holders: Sequence[Any] = connection.scalars(
        select(FLOW_USERS.c.holder).where(users).order_by(FLOW_USERS.c.holder)
    ).all()
    return _State(_share(int(limit), holders, holder), row.era, row.not_before)


def _share(limit: int, holders: Sequence[str], holder: str) -> int:
    """Return a process's share of the turns: all shares together are the limit, and none is 0."""
    each, over = divmod(limit, len(holders))
    return max(1, each + (holders.index(holder) < over))


def _refused(provider: str, ticket: int, until: datetime | None, connection: Connection) -> None:
    query = select(FLOWS).where(FLOWS.c.provider == provider)
    row = connection.execute(query.with_for_update()).one()
    values: dict[str, Any] = {}
    if row.era == ticket:
        values = {"most_at_once": lowered(row.most_at_once), "era": row.era + 1}
    if until is not None and (row.not_before is None or row.not_before < until):
        values["not_before"] = until
    if values:
        connection.execute(update(FLOWS).where(FLOWS.c.provider == provider).values(**values))
