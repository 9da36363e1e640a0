"""Runs that are over, read back from the rows that they left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import pandas as pd

from mana_lab.analysis import Warehouse
from mana_lab.analysis.choosing import chosen_row
from mana_lab.runner import Run
from mana_lab.runner.meter import Usage
from mana_lab.runner.run import days_of

_DECIMALS = 9


def past_run(warehouse: Warehouse, number: int) -> Run:
    """Return a run, with what it came to.

    Args:
        warehouse: Where its rows are.
        number: As of :meth:`mana_lab.lab.reading.Reading.past_run`.

    Raises:
        NotFoundError: There is no such run.
    """
    row = chosen_row(warehouse.runs_df(), number)
    ticks = warehouse.ticks_df(int(row["run"]))
    statuses = Counter(ticks["status"])
    skipped: Counter[str] = Counter()
    for counts in ticks["skipped_modules"]:
        skipped.update(counts)
    starts_at, ends_at = (row[name].to_pydatetime() for name in ("starts_at", "ends_at"))
    return Run(
        id=row["id"],
        seed=int(row["seed"]),
        brain=row["brain"],
        model=_text(row["model"]),
        starts_at=starts_at,
        ends_at=ends_at,
        ticks=len(ticks),
        failed_ticks=statuses["failed"],
        abandoned_ticks=statuses["abandoned"],
        open_ticks=statuses["waiting"] + statuses["running"],
        calls=_sum(ticks, "calls"),
        errors=_sum(ticks, "errors"),
        skipped_modules=skipped,
        usage=Usage(
            _sum(ticks, "requests"),
            _sum(ticks, "input_tokens"),
            _sum(ticks, "output_tokens"),
            round(Decimal(float(ticks["cost_usd"].sum())), _DECIMALS),
        ),
        status=row["status"],
        reason=_text(row["reason"]),
        by_day=days_of(starts_at, ends_at, _due(ticks)),
    )


def _due(ticks: pd.DataFrame) -> Iterator[tuple[datetime, int, int]]:
    known = ticks[["scheduled_at", "calls", "errors"]].fillna({"calls": 0, "errors": 0})
    for due_at, calls, errors in known.itertuples(index=False, name=None):
        yield due_at.to_pydatetime(), int(calls), int(errors)


def _sum(ticks: pd.DataFrame, name: str) -> int:
    return int(ticks[name].fillna(0).sum())


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
