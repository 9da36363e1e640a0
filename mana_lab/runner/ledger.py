"""The ledger: which runs and ticks there were, where they stand and where the next one starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from mana_lab.clock import Clock, SystemClock
from mana_lab.errors import NotFoundError
from mana_lab.runner.ledger_tables import METADATA, RUNS, TICKS
from mana_lab.runner.run import Run, RunStatus
from mana_lab.runner.schedule import run_id, tick_id
from mana_lab.storage import Store

__all__ = ["METADATA", "Ledger", "OpenTick", "Step", "TickOutcome"]

Step: TypeAlias = Literal["prepare", "sign-in", "use", "record", "rate", "close"]
"""The parts of a tick, in their order; a failed tick names the one that failed."""


@dataclass(frozen=True)
class OpenTick:
    """A tick that has begun.

    Attributes:
        id: Follows from the run, the persona and the number.
        number: The persona's how-manieth tick it is, from 1, over all runs of the lab.
    """

    id: str
    number: int


@dataclass
class TickOutcome:
    """What a tick came to.

    Attributes:
        calls: How many tool calls were made.
        errors: How many of them failed.
        skipped_modules: How often the persona wanted a module that offers no tool.
        failed_step: The step that failed; None when none did.
        error: What that step's failure said.
    """

    calls: int = 0
    errors: int = 0
    skipped_modules: Mapping[str, int] = field(default_factory=dict)
    failed_step: Step | None = None
    error: str | None = None


class Ledger:
    """Runs and ticks, in a store of their own.

    Args:
        store: Opened with this module's ``METADATA``.
        wall_clock: What ``created_at`` is read from; the rest is the lab's time.
    """

    def __init__(self, store: Store, *, wall_clock: Clock | None = None) -> None:
        self._store = store
        self._wall = wall_clock or SystemClock()

    async def begin_run(
        self, *, seed: int, brain: str, model: str | None, starts_at: datetime, ends_at: datetime
    ) -> str:
        """Open a run and return its id; what an earlier process left open is abandoned."""
        created_at = self._wall.now()

        def work(connection: Connection) -> str:
            _abandon(connection)
            ordinal = (connection.scalar(select(func.max(RUNS.c.ordinal))) or 0) + 1
            new_id = run_id(ordinal, seed, starts_at)
            connection.execute(
                insert(RUNS).values(
                    id=new_id,
                    ordinal=ordinal,
                    seed=seed,
                    brain=brain,
                    model=model,
                    starts_at=starts_at,
                    ends_at=ends_at,
                    reached_at=starts_at,
                    status="running",
                    created_at=created_at,
                )
            )
            return new_id

        return await self._store.write(work)

    async def reach(self, run: str, moment: datetime) -> None:
        """Note that everything before *moment* is finished."""
        change = update(RUNS).where(RUNS.c.id == run).values(reached_at=moment)
        await self._store.write(lambda connection: connection.execute(change) and None)

    async def finish_run(self, run: str, status: RunStatus) -> None:
        """Close a run; a tick that is still open is abandoned."""

        def work(connection: Connection) -> None:
            connection.execute(update(RUNS).where(RUNS.c.id == run).values(status=status))
            _abandon(connection)

        await self._store.write(work)

    async def reached_at(self) -> datetime | None:
        """Return up to where the lab's simulated time has been lived; None before any run."""

        def work(connection: Connection) -> datetime | None:
            finished = connection.scalar(select(func.max(RUNS.c.reached_at)))
            begun = connection.scalar(select(func.max(TICKS.c.scheduled_at)))
            return max(filter(None, (finished, begun)), default=None)

        return await self._store.read(work)

    async def open_tick(
        self, run: str, email: str, persona_id: str, scheduled_at: datetime
    ) -> OpenTick:
        """Begin a persona's next tick."""

        def work(connection: Connection) -> OpenTick:
            last = select(func.max(TICKS.c.number)).where(TICKS.c.persona_email == email)
            number = (connection.scalar(last) or 0) + 1
            tick = OpenTick(tick_id(run, email, number), number)
            connection.execute(
                insert(TICKS).values(
                    id=tick.id,
                    run_id=run,
                    persona_email=email,
                    persona_id=persona_id,
                    number=number,
                    scheduled_at=scheduled_at,
                    status="running",
                )
            )
            return tick

        return await self._store.write(work)

    async def close_tick(self, tick: str, outcome: TickOutcome) -> None:
        """End a tick with what it came to."""
        change = (
            update(TICKS)
            .where(TICKS.c.id == tick)
            .values(
                status="done" if outcome.failed_step is None else "failed",
                calls=outcome.calls,
                errors=outcome.errors,
                skipped_modules=dict(sorted(outcome.skipped_modules.items())),
                failed_step=outcome.failed_step,
                error=outcome.error,
            )
        )
        await self._store.write(lambda connection: connection.execute(change) and None)

    async def forget(self, persona_id: str) -> int:
        """Remove the ticks of a persona whose account goes; the number that went."""
        gone = delete(TICKS).where(TICKS.c.persona_id == persona_id)
        return await self._store.write(lambda connection: connection.execute(gone).rowcount)

    async def run(self, run: str) -> Run:
        """Return the run of that id.

        Raises:
            NotFoundError: There is none.
        """
        for known in await self._store.read(partial(_read_runs, only=run)):
            return known
        raise NotFoundError("the ledger has no run of that id")

    async def runs(self) -> list[Run]:
        """Return all runs, the oldest first."""
        return await self._store.read(_read_runs)


def _abandon(connection: Connection) -> None:
    for table in (TICKS, RUNS):
        connection.execute(
            update(table).where(table.c.status == "running").values(status="abandoned")
        )


def _read_runs(connection: Connection, only: str | None = None) -> list[Run]:
    query = select(
        TICKS.c.run_id, TICKS.c.status, TICKS.c.calls, TICKS.c.errors, TICKS.c.skipped_modules
    )
    runs = select(RUNS).order_by(RUNS.c.ordinal)
    if only is not None:
        query, runs = query.where(TICKS.c.run_id == only), runs.where(RUNS.c.id == only)
    ticks: dict[str, list[Row[*tuple[Any, ...]]]] = {}
    for row in connection.execute(query):
        ticks.setdefault(row.run_id, []).append(row)
    return [_as_run(run, ticks.get(run.id, [])) for run in connection.execute(runs)]


def _as_run(run: Row[*tuple[Any, ...]], ticks: list[Row[*tuple[Any, ...]]]) -> Run:
    skipped: Counter[str] = Counter()
    for tick in ticks:
        skipped.update(tick.skipped_modules)
    return Run(
        id=run.id,
        seed=run.seed,
        brain=run.brain,
        model=run.model,
        starts_at=run.starts_at,
        ends_at=run.ends_at,
        ticks=len(ticks),
        failed_ticks=sum(tick.status == "failed" for tick in ticks),
        calls=sum(tick.calls for tick in ticks),
        errors=sum(tick.errors for tick in ticks),
        skipped_modules=skipped,
        status=run.status,
    )
