"""The ledger: which runs and ticks there were, where they stand and where the next one starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection, delete, func, select, update

from mana_lab.clock import Clock, SystemClock
from mana_lab.errors import LeaseLostError, NotFoundError
from mana_lab.runner import claims, ledger_runs
from mana_lab.runner.budget import Budget, LedgerMeter
from mana_lab.runner.claims import EndedTick, Holder, LeftTick, OpenTick, Wanted
from mana_lab.runner.ledger_runs import plan_of, read_runs
from mana_lab.runner.ledger_shards import begin_shards, check_shard, end_shard, runs_in_shards
from mana_lab.runner.ledger_tables import METADATA, RUNS, TICKS
from mana_lab.runner.ledger_tape import LedgerTape, RunTape, keep_entry, put_app, read_tape
from mana_lab.runner.meter import Meter
from mana_lab.runner.run import Run, RunPlan, RunStatus
from mana_lab.runner.tape import Entry, Tape
from mana_lab.storage import Store

__all__ = ["METADATA", "Ledger", "Step", "TickOutcome"]

T = TypeVar("T")
Step: TypeAlias = Literal["prepare", "sign-in", "use", "record", "rate", "close"]
"""The parts of a tick, in their order; a failed tick names the one that failed."""


@dataclass
class TickOutcome:
    """What a tick came to.

    Attributes:
        calls: How many tool calls were made.
        errors: How many of them failed.
        skipped_modules: How often the persona wanted a module that offers no tool.
        failed_step: The step that failed; None when none did.
        error: What that step's failure said.
        gave_up: Why the persona left for good before it was done; None if it did not.
        kept: What the brain is to be told in the persona's next tick; None where it kept nothing.
        prompt_hash: SHA-256 of what a model was told, in hex.
    """

    calls: int = 0
    errors: int = 0
    skipped_modules: Mapping[str, int] = field(default_factory=dict)
    failed_step: Step | None = None
    error: str | None = None
    gave_up: str | None = None
    kept: Mapping[str, Any] | None = None
    prompt_hash: str | None = None

    @property
    def status(self) -> Literal["done", "failed", "abandoned"]:
        """How the tick ended."""
        if self.failed_step is not None:
            return "failed"
        return "done" if self.gave_up is None else "abandoned"


class Ledger:
    """Runs and ticks, in a store of their own.

    Args:
        store: Opened with this module's ``METADATA``.
        holder: In whose name ticks are claimed; each runner has its own.
        wall_clock: Real time: what leases and ``created_at`` go by. The rest is the lab's time.
    """

    def __init__(self, store: Store, holder: Holder, *, wall_clock: Clock | None = None) -> None:
        self._store = store
        self._holder = holder
        self._wall = wall_clock or SystemClock()
        self._runs: set[str] = set()

    async def begin_run(self, plan: RunPlan) -> str:
        """Open a run and return its id."""
        begin = partial(ledger_runs.add_run, plan=plan, now=self._wall.now())
        run = await self._store.write(begin)
        self._runs.add(run)
        return run

    async def reach(self, run: str, moment: datetime) -> None:
        """Note that everything before *moment* is finished."""
        change = update(RUNS).where(RUNS.c.id == run).values(reached_at=moment)
        await self._store.write(lambda connection: connection.execute(change) and None)

    async def extend(self, run: str, reached_at: datetime, ends_at: datetime) -> None:
        """Let a run that has no end of its own go on.

        Args:
            run: The run.
            reached_at: Up to where everybody who was due has been seen.
            ends_at: Until when it lasts at the least.
        """
        moved = {"reached_at": reached_at, "ends_at": ends_at}
        change = update(RUNS).where(RUNS.c.id == run).values(**moved)
        await self._store.write(lambda connection: connection.execute(change) and None)

    async def set_status(self, run: str, status: RunStatus, reason: str | None = None) -> None:
        """Note where a run stands, and why; ticks of ours that are still open then wait."""
        now = self._wall.now()

        def work(connection: Connection) -> None:
            ledger_runs.set_status(connection, run, status, reason, now)
            claims.release(connection, self._holder)

        await self._store.write(work)
        (self._runs.add if status == "running" else self._runs.discard)(run)

    async def reached(self, run: str) -> datetime:
        """Return the moment before which everything of a run is finished."""
        reached = select(RUNS.c.reached_at).where(RUNS.c.id == run)
        found: datetime = await self._store.read(
            lambda connection: connection.execute(reached).scalar_one()
        )
        return found

    async def progress(self, run: str) -> datetime | None:
        """Return the moment that a run has come to: that of its last tick; None before any."""
        last = select(func.max(TICKS.c.scheduled_at)).where(TICKS.c.run_id == run)
        return await self._store.read(lambda connection: connection.scalar(last))

    async def interrupted(self) -> list[str]:
        """Return the ids of runs that have no runner any more, and are not over.

        They have ticks which wait for somebody to finish them, or did not come to their end.
        """
        return await self._claiming(ledger_runs.interrupted)

    async def give_up(self, run: str, outcome: TickOutcome) -> None:
        """End the ticks of a run that wait, with the same outcome."""
        for tick in await self.waiting(run):
            if await self.take(tick) is not None:
                await self.close_tick(tick, outcome)

    def meter(self, tick: OpenTick, budget: Budget) -> Meter:
        """Return what counts a tick's model requests, and holds them to *budget*."""
        return LedgerMeter(self._store, tick, budget)

    def tape(self, tick: OpenTick) -> Tape:
        """Return what a tick's model is asked through, from its start, and not asked twice."""
        return LedgerTape(self._store, tick.id)

    async def keep_app(
        self, tick: str, entries: Sequence[Entry], offers: Mapping[str, Sequence[Any]]
    ) -> None:
        """Store what a tick of ours did with the app so far, instead of what was stored of it.

        Args:
            tick: The tick.
            entries: All of its entries; nothing is stored where the tick is no longer ours.
            offers: Lists of tools that they speak of, by their hashes.
        """
        keep = partial(put_app, tick=tick, holder=self._holder.name, entries=entries, offers=offers)
        await self._store.write(keep)

    async def keep_said(self, tick: str, entry: Entry) -> None:
        """Store what a tick's model said at a place, if nothing is stored there."""
        await keep_entry(self._store, tick, "model", entry)

    async def tape_of(self, run: str) -> RunTape:
        """Return all that a run has on tape."""
        return await self._store.read(partial(read_tape, run=run))

    async def reached_at(self) -> datetime | None:
        """Return up to where the lab's simulated time has been lived; None before any run."""

        def work(connection: Connection) -> datetime | None:
            finished = connection.scalar(select(func.max(RUNS.c.reached_at)))
            begun = connection.scalar(select(func.max(TICKS.c.scheduled_at)))
            return max(filter(None, (finished, begun)), default=None)

        return await self._store.read(work)

    async def claim(self, wanted: Wanted) -> OpenTick | EndedTick | None:
        """Claim a persona's next tick, or the same one where a former attempt left it.

        Returns:
            The tick to work on; or the one that has ended already, by whoever it was; or None
            when somebody else works on it.
        """
        return await self._claiming(partial(claims.claim, wanted=wanted))

    async def take(self, tick: str) -> OpenTick | None:
        """Take a tick that waits, or whose lease is over; None if it is neither."""
        return await self._claiming(partial(claims.take, tick=tick))

    async def waiting(
        self, run: str | None = None, among: Collection[str] | None = None
    ) -> list[str]:
        """Return the ids of ticks that may be taken, the oldest first.

        Args:
            run: Of this run; of all runs when None.
            among: Of personas with these e-mail addresses; of all when None.
        """
        return await self._claiming(partial(claims.waiting, run=run, among=among))

    async def ended_ticks(self, run: str, among: Collection[str] | None = None) -> int:
        """Return how many ticks of a run have ended; only those of *among*, where it is given."""
        ended = select(func.count()).where(TICKS.c.run_id == run, TICKS.c.ended_at.is_not(None))
        if among is not None:
            ended = ended.where(TICKS.c.persona_email.in_(among))
        return await self._store.read(lambda connection: connection.scalar(ended) or 0)

    async def begin_shards(self, run: str, count: int) -> None:
        """Note that a run is lived in so many parts, numbered from 1."""
        await self._store.write(partial(begin_shards, run=run, count=count))

    async def end_shard(
        self, run: str, number: int, status: RunStatus, reason: str | None = None
    ) -> int:
        """Note how a part of a run ended, and with the last one the run; open ticks of ours wait.

        Args:
            run: The run's id.
            number: The part's.
            status: How it ended.
            reason: Why it ended early.

        Returns:
            How many ticks of ours were open.
        """

        def work(connection: Connection) -> int:
            end_shard(connection, run, number, status, reason)
            return claims.release(connection, self._holder)

        return await self._store.write(work)

    async def check_shard(self, run: str, number: int, of: int) -> None:
        """Check that a part is one of those that the run was cut into last.

        Raises:
            NotFoundError: It is not.
        """
        await self._store.read(partial(check_shard, run=run, number=number, of=of))

    async def runs_in_shards(self) -> list[str]:
        """Return the ids of runs that are under way and have parts which have not been lived."""
        return await self._store.read(runs_in_shards)

    async def left(self) -> list[LeftTick]:
        """Return the ticks of all runs that may be taken, the oldest first."""
        return await self._claiming(claims.left)

    async def release(self, tick: str) -> None:
        """Let a tick of ours wait for somebody to take it."""
        await self._store.write(partial(claims.release, holder=self._holder, tick=tick))

    async def renew(self) -> int:
        """Move the ends of our leases on ticks and runs on; return how many ticks we have."""
        await self._claiming(partial(ledger_runs.hold, runs=frozenset(self._runs)))
        return await self._claiming(claims.renew)

    async def _claiming(self, work: Callable[..., T]) -> T:
        now = self._wall.now()
        return await self._store.write(
            lambda connection: work(connection, holder=self._holder, now=now)
        )

    async def close_tick(self, tick: str, outcome: TickOutcome) -> None:
        """End a tick of ours with what it came to.

        Raises:
            LeaseLostError: It is no longer ours; whoever has it ends it.
        """
        ours = (
            TICKS.c.id == tick,
            TICKS.c.status == "running",
            TICKS.c.holder == self._holder.name,
        )
        change = (
            update(TICKS)
            .where(*ours)
            .values(
                status=outcome.status,
                holder=None,
                held_until=None,
                calls=outcome.calls,
                errors=outcome.errors,
                skipped_modules=dict(sorted(outcome.skipped_modules.items())),
                failed_step=outcome.failed_step,
                error=outcome.error or outcome.gave_up,
                kept=outcome.kept and dict(outcome.kept),
                prompt_hash=outcome.prompt_hash,
                held_requests=0,
                held_tokens=0,
                held_nano_usd=0,
                ended_at=self._wall.now(),
            )
        )
        if not await self._store.write(lambda connection: connection.execute(change).rowcount):
            raise LeaseLostError("the tick is another runner's by now; what it comes to counts")

    async def forget(self, persona_id: str) -> int:
        """Remove the ticks of a persona whose account goes; the number that went."""
        gone = delete(TICKS).where(TICKS.c.persona_id == persona_id)
        return await self._store.write(lambda connection: connection.execute(gone).rowcount)

    async def is_well(self) -> bool:
        """Tell whether the store answers."""
        await self._store.read(lambda connection: connection.execute(select(1)).scalar_one())
        return True

    async def plan(self, run: str) -> RunPlan:
        """Return what a run set out to do.

        Raises:
            NotFoundError: There is none of that id.
        """
        found = await self._store.read(partial(plan_of, run=run))
        if found is None:
            raise NotFoundError("the ledger has no run of that id")
        return found

    async def run(self, run: str) -> Run:
        """Return the run of that id.

        Raises:
            NotFoundError: There is none.
        """
        for known in await self._store.read(partial(read_runs, only=run)):
            return known
        raise NotFoundError("the ledger has no run of that id")

    async def runs(self) -> Sequence[Run]:
        """Return all runs, the oldest first."""
        return await self._store.read(read_runs)
