"""The audit: one line for every attempt at a tool, whatever became of it.

A line says who tried what and when, what was decided and by which rule, and how it ended. Of the
arguments it holds a keyed digest, by which two calls can be told to be alike and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from mana_lab.closing import Closing
from mana_lab.errors import StoreUnavailableError
from mana_lab.gateway.tables import ANSWERS, ATTEMPTS, CONSENTS, WINDOWS
from mana_lab.storage import Store

MAX_WAITING: Final = 10_000
"""How many lines may wait for the store; calls are refused above it."""

Verdict: TypeAlias = Literal["allow", "flagged", "deny"]
Outcome: TypeAlias = Literal[
    "begun", "success", "failed", "invalid", "denied", "asked", "cancelled"
]

_logger = logging.getLogger(__name__)
_GATHERING_S = 0.05
"""How long lines wait for others to be put down with: a commit costs more than many lines."""
_MILLIS = (1 << 48) - 1
_VERSION_7 = 0x7 << 76 | 0x2 << 62
_RANDOM = 0xFFF << 64 | (1 << 62) - 1
_PAUSES_S = (0.05, 0.2, 1.0, 5.0)
_SETTLE = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.id == bindparam("line_id"))
    .values(
        decision=bindparam("line_decision"),
        rule=bindparam("line_rule"),
        outcome=bindparam("line_outcome"),
        error_code=bindparam("line_error_code"),
        latency_ms=bindparam("line_latency_ms"),
    )
)


@dataclass
class Line:
    """One attempt.

    Attributes:
        id: Of the line.
        occurred_at: The lab's time.
        principal: The caller's user id; empty where nobody is known.
        space_id: Where it was to act.
        tool: The name that was called, shortened where it is none of a tool.
        tool_hash: Which version of the tool; None for an unknown one.
        input_hmac: A keyed digest of the arguments.
        trace_id: The trace that it belongs to (W3C Trace Context).
        decision: What the policy made of it.
        rule: By which rule.
        outcome: How it ended; ``begun`` for as long as nobody knows.
        error_code: Of a failure; of a cancelled call whether it had written: ``written``,
            ``not-written``, or ``unacknowledged`` where the sync service had not answered yet.
        latency_ms: How long it took; None where nobody knows.
    """

    id: str
    occurred_at: datetime
    principal: str
    space_id: str
    tool: str
    tool_hash: str | None
    input_hmac: str
    trace_id: str
    decision: Verdict = "allow"
    rule: str = "clean"
    outcome: Outcome = "begun"
    error_code: str | None = None
    latency_ms: float | None = None


def line_id(moment: datetime, drawn: UUID) -> str:
    """Return the id of a line: *drawn* with *moment* before it (RFC 9562 §5.7, version 7).

    Lines of one time stand together in the store then, which makes them cheap to put down.

    Args:
        moment: When.
        drawn: At random.
    """
    millis = int(moment.timestamp() * 1000)
    return str(UUID(int=(millis & _MILLIS) << 80 | _VERSION_7 | drawn.int & _RANDOM))


class CallLog(Closing):
    """Keeps the audit in a store.

    What writes is put down before it acts and refused where that fails; what only reads is put
    down soon after. Belongs to one event loop.

    Args:
        store: Opened with the gateway's ``METADATA``; it stays the caller's.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._new: list[Line] = []
        self._settled: list[Line] = []
        self._known: set[str] = set()
        self._pump: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._hurry = asyncio.Event()
        self.failing = False
        """Whether the store did not take the latest lines."""

    @property
    def waiting(self) -> int:
        """How many lines the store does not have yet."""
        return len(self._new) + len(self._settled)

    async def is_well(self) -> bool:
        """Tell whether the store takes lines."""
        await self._store.read(lambda connection: connection.execute(select(1)).scalar_one())
        return not self.failing

    async def begin(self, line: Line) -> None:
        """Put *line* down for good before what it is about begins.

        Raises:
            StoreUnavailableError: It cannot be; the call must not go on.
        """
        row = _row(line)
        try:
            await self._store.write(lambda connection: _insert(connection, [row]))
        except Exception as error:
            self.failing = True
            raise StoreUnavailableError("the audit is not taken") from error
        self.failing = False
        self._known.add(line.id)

    def end(self, line: Line) -> None:
        """Put down how the call of *line* ended, soon."""
        if line.id in self._known:
            self._known.discard(line.id)
            self._settled.append(line)
        else:
            self._new.append(line)
        if self._pump is None and not self._closing.is_set():
            self._hurry.clear()
            self._pump = asyncio.create_task(self._write_down())

    async def flush(self) -> None:
        """Wait until the store has every line that was ended by now."""
        self._hurry.set()
        if self._pump is not None:
            await asyncio.wait([self._pump])

    async def forget_user(self, user_id: str) -> None:
        """Remove everything the gateway has of a user."""
        await self.flush()
        await self._store.write(lambda connection: _forget(connection, user_id))

    async def close(self) -> None:
        """Write down what waits, as far as the store takes it; again is harmless."""
        self._closing.set()
        await self.flush()
        if self.waiting:
            try:
                await self._write_batch()
            except Exception as error:  # noqa: BLE001 - there is nobody left to refuse a call
                _logger.warning("%d audit lines are lost: %s", self.waiting, type(error).__name__)

    async def _write_down(self) -> None:
        failures = 0
        try:
            while self.waiting and not self._closing.is_set():
                await _wait(self._hurry, _GATHERING_S)
                try:
                    await self._write_batch()
                    failures = 0
                except Exception as error:  # noqa: BLE001 - whatever it is, the lines are kept
                    self.failing = True
                    _logger.warning("the audit is not taken: %s", type(error).__name__)
                    await _wait(self._closing, _PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
                    failures += 1
        finally:
            self._pump = None

    async def _write_batch(self) -> None:
        new, settled = self._new[:], self._settled[:]
        rows = [_row(line) for line in new]
        changes = [_settling(line) for line in settled]

        def work(connection: Connection) -> None:
            _insert(connection, rows)
            if changes:
                connection.execute(_SETTLE, changes)

        await self._store.write(work)
        self.failing = False
        del self._new[: len(new)]
        del self._settled[: len(settled)]


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(ATTEMPTS), rows)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _row(line: Line) -> dict[str, Any]:
    return vars(line).copy()


def _settling(line: Line) -> dict[str, Any]:
    changed = ("id", "decision", "rule", "outcome", "error_code", "latency_ms")
    return {f"line_{name}": getattr(line, name) for name in changed}


def _forget(connection: Connection, user_id: str) -> None:
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.principal == user_id))
    for table in (ANSWERS, CONSENTS, WINDOWS):
        connection.execute(delete(table).where(table.c.user_id == user_id))
