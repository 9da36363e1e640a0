"""Runs as the ledger has them: what they set out to do, and what they came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, select, update

from mana_lab.runner.claims import LEASE, Holder, waiting
from mana_lab.runner.ledger_shards import runs_in_shards
from mana_lab.runner.ledger_tables import RUNS, TICKS
from mana_lab.runner.meter import NANO_USD, Usage
from mana_lab.runner.run import Run, RunPlan, RunStatus, days_of
from mana_lab.runner.schedule import run_id
from mana_lab.storage import insert_or_ignore


def add_run(connection: Connection, plan: RunPlan, now: datetime) -> str:
    """Open a run under the next number that no other process takes, and return its id.

    Args:
        connection: In a transaction.
        plan: What it sets out to do.
        now: The real time; its runner lives until a lease after it, or renews that.
    """
    row = {
        "seed": plan.seed,
        "brain": plan.brain,
        "model": plan.model,
        "starts_at": plan.starts_at,
        "ends_at": plan.ends_at,
        "reached_at": plan.starts_at,
        "participants": None if plan.participants is None else sorted(plan.participants),
        "status": "running",
        "recording": plan.recording and dict(plan.recording),
        "app_on_tape": plan.app_on_tape,
        "design": plan.design and dict(plan.design),
        "created_at": now,
        "held_until": now + LEASE,
    }
    while True:
        ordinal = (connection.scalar(select(func.max(RUNS.c.ordinal))) or 0) + 1
        new_id = run_id(ordinal, plan.seed, plan.starts_at)
        if insert_or_ignore(connection, RUNS, [{"id": new_id, "ordinal": ordinal, **row}]):
            return new_id


def plan_of(connection: Connection, run: str) -> RunPlan | None:
    """Return what a run set out to do; None if there is none of that id."""
    row = connection.execute(select(RUNS).where(RUNS.c.id == run)).first()
    if row is None:
        return None
    return RunPlan(
        seed=row.seed,
        brain=row.brain,
        model=row.model,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        participants=None if row.participants is None else frozenset(row.participants),
        recording=row.recording,
        app_on_tape=row.app_on_tape,
        design=row.design,
    )


def read_runs(connection: Connection, only: str | None = None) -> list[Run]:
    """Return all runs or the one of an id, the oldest first."""
    query = select(TICKS)
    runs = select(RUNS).order_by(RUNS.c.ordinal)
    if only is not None:
        query, runs = query.where(TICKS.c.run_id == only), runs.where(RUNS.c.id == only)
    ticks: dict[str, list[Row[*tuple[Any, ...]]]] = {}
    for row in connection.execute(query):
        ticks.setdefault(row.run_id, []).append(row)
    return [_as_run(run, ticks.get(run.id, [])) for run in connection.execute(runs)]


def set_status(
    connection: Connection, run: str, status: RunStatus, reason: str | None, now: datetime
) -> None:
    """Note where a run stands, and why; one that is under way has a runner that lives."""
    held_until = now + LEASE if status == "running" else None
    change = update(RUNS).where(RUNS.c.id == run)
    connection.execute(change.values(status=status, reason=reason, held_until=held_until))


def hold(connection: Connection, runs: Collection[str], holder: Holder, now: datetime) -> None:
    """Move the ends of the leases on *runs* on, and on all that the holder has ticks of."""
    ticks = select(TICKS.c.run_id).where(TICKS.c.status == "running", TICKS.c.holder == holder.name)
    ours = RUNS.c.id.in_(ticks) | RUNS.c.id.in_(runs)
    change = update(RUNS).where(RUNS.c.status == "running", ours)
    connection.execute(change.values(held_until=now + LEASE))


def interrupted(connection: Connection, holder: Holder, now: datetime) -> list[str]:
    """Return the ids of runs that somebody else has to finish, the oldest first.

    They have ticks that wait, or have not ended and nobody is at them: their runner is no more.
    Runs whose parts are still to be lived are not among them.
    """
    ticks = select(TICKS.c.run_id).where(TICKS.c.id.in_(waiting(connection, holder, now)))
    is_lived = RUNS.c.status == "running"
    wanted: ColumnElement[bool] = RUNS.c.id.in_(ticks) | is_lived
    if not holder.alone:
        is_held = and_(is_lived, RUNS.c.held_until > now)
        wanted = and_(wanted, ~func.coalesce(is_held, false()))
    in_shards = RUNS.c.id.in_(runs_in_shards(connection))
    return list(
        connection.scalars(select(RUNS.c.id).where(wanted, ~in_shards).order_by(RUNS.c.ordinal))
    )


def used_in(row: Row[*tuple[Any, ...]]) -> Usage:
    """Return what models took in a tick."""
    return Usage(
        row.requests,
        row.input_tokens,
        row.output_tokens,
        Decimal(row.cost_nano_usd) / NANO_USD,
    )


def _as_run(run: Row[*tuple[Any, ...]], ticks: list[Row[*tuple[Any, ...]]]) -> Run:
    skipped: Counter[str] = Counter()
    for tick in ticks:
        skipped.update(tick.skipped_modules)
    statuses = Counter(tick.status for tick in ticks)
    return Run(
        id=run.id,
        seed=run.seed,
        brain=run.brain,
        model=run.model,
        starts_at=run.starts_at,
        ends_at=run.ends_at,
        ticks=len(ticks),
        failed_ticks=statuses["failed"],
        abandoned_ticks=statuses["abandoned"],
        open_ticks=statuses["waiting"] + statuses["running"],
        calls=sum(tick.calls for tick in ticks),
        errors=sum(tick.errors for tick in ticks),
        skipped_modules=skipped,
        usage=sum(map(used_in, ticks), Usage()),
        status=run.status,
        reason=run.reason,
        by_day=days_of(
            run.starts_at,
            run.ends_at,
            [(tick.scheduled_at, tick.calls, tick.errors) for tick in ticks],
        ),
    )
