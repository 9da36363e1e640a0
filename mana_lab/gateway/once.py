"""Calls with an idempotency key happen once: done again, they bring the same answer.

A call that writes is claimed in the store before it acts, with the moment at which it acts. Where
the process dies in between, whoever gets the call again acts at that same moment, with the same
record ids, so that what was stored already is not stored twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, CursorResult, Row, delete, select, update

from mana_lab.clock import Clock
from mana_lab.errors import DecryptionError, IdempotencyConflictError, ServiceUnavailableError
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.tables import ANSWERS
from mana_lab.storage import Store, insert_or_ignore

KEPT_FOR: Final = timedelta(hours=24)
"""How long, in the lab's time, an answer is remembered."""
LONGEST_ANSWER: Final = 1024 * 1024
"""Answers that are longer, sealed, are not kept; only calls that read have such."""

Answer: TypeAlias = dict[str, Any]
Work: TypeAlias = Callable[[datetime], Awaitable["Done"]]

_LEASE = timedelta(seconds=6)
_PAUSES_S = (0.02, 0.05, 0.1, 0.25, 0.5)
_PATIENCE = 60
_PRUNE_EVERY = 50


@dataclass(frozen=True)
class Done:
    """How a call ended.

    Attributes:
        answer: What its caller is told.
        final: Whether the same call, done again, is to be told the same.
    """

    answer: Answer
    final: bool = True


@dataclass(frozen=True)
class KeyedCall:
    """A call that carries an idempotency key.

    Attributes:
        user_id: The caller; keys of two users have nothing to do with one another.
        key: The caller's name for the call.
        content: What is called, where and with what; of JSON.
        writes: Whether it may change anything.
    """

    user_id: str
    key: str
    content: Any
    writes: bool


@dataclass(frozen=True)
class Terms:
    """Who claims calls.

    Attributes:
        holder: The process, or what else dies as a whole.
        alone: Whether there is no other one, so that claims of another are of one that died.
    """

    holder: str
    alone: bool = False


@dataclass(frozen=True)
class _Claim:
    acts_at: datetime
    sealed_answer: str | None = None
    is_mine: bool = True


class Once:
    """Remembers calls by their keys.

    Belongs to one event loop.

    Args:
        store: Opened with the gateway's ``METADATA``.
        keys: Seals the answers.
        clock: ``now`` is the moment at which calls act.
        wall_clock: ``now`` ends the claims of processes that died.
        terms: Who claims.
    """

    def __init__(
        self, store: Store, keys: GatewayKeys, clock: Clock, wall_clock: Clock, terms: Terms
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._wall_clock = wall_clock
        self._terms = terms
        self._running: dict[tuple[str, str], asyncio.Lock] = {}
        self._claims = 0

    @asynccontextmanager
    async def turn(self, call: KeyedCall) -> AsyncIterator[bool]:
        """Wait until nobody else in this process is at a call of that key, and keep them waiting.

        Yields whether this is a call that was answered already, or that another process is at: one
        that is done again, and none of its own. A call that is to be tried anew, because nobody
        knows how it ended, is none of those.

        Args:
            call: What is to be done.

        Raises:
            StoreUnavailableError: Nobody knows.
        """
        place = (call.user_id, call.key)
        lock = self._running.setdefault(place, asyncio.Lock())
        try:
            async with lock:
                yield await self._is_repeated(call)
        finally:
            if not lock.locked() and self._running.get(place) is lock:
                del self._running[place]

    async def do(self, call: KeyedCall, work: Work) -> Answer:
        """Do *work* unless it was done before, and return its answer either way.

        Args:
            call: What is done, in its :meth:`turn`.
            work: Does it, at the moment that it is given; is not called where the answer is known.

        Raises:
            IdempotencyConflictError: The key was used for another call.
            ServiceUnavailableError: Another process has been at it for too long.
            StoreUnavailableError: It cannot be claimed; nothing was done.
        """
        claim = await self._claimed(call)
        if claim.sealed_answer is not None:
            return self._opened(call, claim.sealed_answer)
        return await self._done(call, claim.acts_at, work)

    async def _is_repeated(self, call: KeyedCall) -> bool:
        row = await self._store.read(lambda connection: _find(connection, call).first())
        if row is None or row.call_hmac != self._digest(call):
            return False
        return row.sealed_answer is not None or not self._is_free(row)

    async def _done(self, call: KeyedCall, acts_at: datetime, work: Work) -> Answer:
        renewal = asyncio.create_task(self._renew(call)) if call.writes else None
        done: Done | None = None
        try:
            done = await work(acts_at)
            return done.answer
        finally:
            if renewal is not None:
                renewal.cancel()
            await asyncio.shield(self._settle(call, acts_at, done))

    async def _claimed(self, call: KeyedCall) -> _Claim:
        for attempt in range(_PATIENCE):
            claim = await self._try_claim(call)
            if claim.is_mine or claim.sealed_answer is not None:
                return claim
            await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
        raise ServiceUnavailableError(
            "the same call is still being done elsewhere; call again with the same key later"
        )

    async def _try_claim(self, call: KeyedCall) -> _Claim:
        digest, now = self._digest(call), self._clock.now()
        if not call.writes:
            row = await self._store.read(lambda connection: _find(connection, call).first())
            return _Claim(now) if row is None else self._judged(row, digest)
        self._claims += 1
        prunes = self._claims % _PRUNE_EVERY == 0

        def work(connection: Connection) -> _Claim:
            if prunes:
                _prune(connection, now - KEPT_FOR)
            return self._claim(connection, call, digest, now)

        return await self._store.write(work)

    def _claim(self, connection: Connection, call: KeyedCall, digest: str, now: datetime) -> _Claim:
        held = {
            "holder": self._terms.holder,
            "held_until": self._wall_clock.now() + _LEASE,
        }
        new = {**_place(call), "call_hmac": digest, "acts_at": now, **held}
        if insert_or_ignore(connection, ANSWERS, [new]):
            return _Claim(now)
        claim = self._judged(_find(connection, call, for_update=True).one(), digest)
        if claim.is_mine and claim.sealed_answer is None:
            connection.execute(update(ANSWERS).where(*_is(call)).values(**held))
        return claim

    def _judged(self, row: Row[Any], digest: str) -> _Claim:
        if row.call_hmac != digest:
            raise IdempotencyConflictError(
                "the idempotency key was used for another call; use a new one for this call"
            )
        return _Claim(row.acts_at, row.sealed_answer, is_mine=self._is_free(row))

    def _is_free(self, row: Row[Any]) -> bool:
        return (
            row.holder is None
            or row.held_until <= self._wall_clock.now()
            or (self._terms.alone and row.holder != self._terms.holder)
        )

    async def _renew(self, call: KeyedCall) -> None:
        while True:
            await asyncio.sleep(_LEASE.total_seconds() / 3)
            with suppress(ServiceUnavailableError):
                await self._change(call, held_until=self._wall_clock.now() + _LEASE)

    async def _settle(self, call: KeyedCall, acts_at: datetime, done: Done | None) -> None:
        sealed = None
        if done is not None and done.final:
            sealed = self._keys.answers.close([*_place(call).values(), done.answer])
        if not call.writes:
            if sealed is not None and len(sealed) <= LONGEST_ANSWER:
                await self._keep(call, acts_at, sealed)
            return
        await self._change(call, holder=None, sealed_answer=sealed)

    async def _change(self, call: KeyedCall, **values: Any) -> None:
        ours = (*_is(call), ANSWERS.c.holder == self._terms.holder)
        change = update(ANSWERS).where(*ours).values(**values)
        await self._store.write(lambda connection: connection.execute(change).rowcount)

    async def _keep(self, call: KeyedCall, acts_at: datetime, sealed: str) -> None:
        row = {
            **_place(call),
            "call_hmac": self._digest(call),
            "acts_at": acts_at,
            "sealed_answer": sealed,
        }
        await self._store.write(lambda connection: insert_or_ignore(connection, ANSWERS, [row]))

    def _digest(self, call: KeyedCall) -> str:
        return self._keys.digest(call.content)

    def _opened(self, call: KeyedCall, sealed: str) -> Answer:
        user_id, key_digest, answer = self._keys.answers.open(sealed)
        if {"user_id": user_id, "key_digest": key_digest} != _place(call):
            raise DecryptionError("a kept answer belongs to another call")
        found: Answer = answer
        return found


def _place(call: KeyedCall) -> dict[str, str]:
    digest = hashlib.sha256(call.key.encode("utf-8", "surrogatepass")).hexdigest()
    return {"user_id": call.user_id, "key_digest": digest}


def _is(call: KeyedCall) -> tuple[Any, ...]:
    return tuple(ANSWERS.c[name] == value for name, value in _place(call).items())


def _find(
    connection: Connection, call: KeyedCall, *, for_update: bool = False
) -> CursorResult[Any]:
    query = select(ANSWERS).where(*_is(call))
    return connection.execute(query.with_for_update() if for_update else query)


def _prune(connection: Connection, before: datetime) -> None:
    connection.execute(delete(ANSWERS).where(ANSWERS.c.acts_at < before))
