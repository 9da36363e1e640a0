"""Runs as the ledger has them: what they set out to do, and what they came to."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select

from mana_lab.runner.ledger_tables import RUNS, TICKS
from mana_lab.runner.meter import NANO_USD, Usage
from mana_lab.runner.run import Run, RunPlan
from mana_lab.runner.schedule import run_id
from mana_lab.storage import insert_or_ignore


def add_run(connection: Connection, plan: RunPlan, created_at: datetime) -> str:
    """Open a run under the next number that no other process takes, and return its id."""
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
        "created_at": created_at,
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
    )
