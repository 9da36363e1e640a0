"""Frames: what the personas did and said, joined so that nobody needs an id.

Each frame has the columns of :mod:`mana_lab.analysis.columns` in that order, rows in an order
that only the data decide, and times in UTC. ``run`` counts the runs of the lab from 1, ``tick``
the ticks of a persona from 1; both are missing for calls that were made by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import ColumnClause, ColumnElement, Engine, Select, TableClause, or_, select

from mana_lab.analysis import columns, tables
from mana_lab.analysis.columns import Columns, arranged, frame_of

_PERSON = ["persona", "email", "archetype"]


@dataclass(frozen=True)
class Context:
    """What turns ids into names and numbers.

    Attributes:
        personas: What :func:`personas_df` gave.
        runs: What :func:`runs_df` gave.
        ticks: What :func:`ticks_df` gave.
    """

    personas: pd.DataFrame
    runs: pd.DataFrame
    ticks: pd.DataFrame


@dataclass(frozen=True)
class Which:
    """Which rows: those of a run, or those of none.

    Attributes:
        run: The run's id; None for what belongs to none.
        without_run: With None, ids that rows name and no run has any more.
    """

    run: str | None = None
    without_run: Sequence[str] = ()

    def holds(self, run_id: ColumnClause[Any]) -> ColumnElement[bool]:
        """Return the condition on the column with the run's id."""
        if self.run is not None:
            return run_id == self.run
        return or_(run_id.is_(None), run_id.in_(self.without_run))


def personas_df(identity: Engine) -> pd.DataFrame:
    """Return the personas, sorted by name.

    ``module_mix`` holds a dictionary of the intended shares by module; the traits are numbers from
    0 to 1, missing for who has none.

    Args:
        identity: The database of the identity service.
    """
    users, personas = tables.USERS, tables.PERSONAS
    kinds: Columns = {**columns.PERSONAS, "traits": "shares"}
    query = select(
        users.c.name.label("persona"), users.c.email, *_shown(personas, kinds)
    ).select_from(personas.join(users, users.c.id == personas.c.user_id))
    frame = _read(identity, query, kinds)
    for trait in columns.TRAITS:
        frame[trait] = [known.get(trait) for known in frame["traits"]]
    frame = frame.astype(dict.fromkeys(columns.TRAITS, "float64"))
    return arranged(frame, columns.PERSONAS, _PERSON)


def runs_df(ledger: Engine) -> pd.DataFrame:
    """Return the runs, the oldest first.

    Args:
        ledger: The database of the ledger.
    """
    runs = tables.RUNS
    query = select(runs.c.ordinal.label("run"), *_shown(runs, columns.RUNS))
    return arranged(_read(ledger, query, columns.RUNS), columns.RUNS, ["run"])


def ticks_df(
    ledger: Engine, personas: pd.DataFrame, runs: pd.DataFrame, which: Which
) -> pd.DataFrame:
    """Return the ticks by run, time and persona.

    ``skipped_modules`` holds a dictionary of how often a module was wanted that offers no tool;
    ``requests``, tokens and ``cost_usd`` are what models took.

    Args:
        ledger: The database of the ledger.
        personas: What :func:`personas_df` gave.
        runs: What :func:`runs_df` gave.
        which: Of which run.
    """
    ticks = tables.TICKS
    number, email = ticks.c.number.label("tick"), ticks.c.persona_email.label("email")
    cost = (ticks.c.cost_nano_usd / 1e9).label("cost_usd")
    query = select(number, email, cost, *_shown(ticks, columns.TICKS))
    query = query.where(which.holds(ticks.c.run_id))
    frame = _read(ledger, query, columns.TICKS)
    known = personas.set_index("email")
    for name in ("persona", "archetype"):
        frame[name] = frame["email"].map(known[name]).astype("str")
    frame["run"] = frame["run_id"].map(runs.set_index("id")["run"]).astype("Int64")
    order = ["run", "scheduled_at", "persona", "email", "tick", "id"]
    return arranged(frame, columns.TICKS, order)


def read_actions(identity: Engine, which: Which) -> pd.DataFrame:
    """Return the audited calls alone; :func:`actions_df` adds whose and when they were."""
    of = tables.ACTIONS.c
    return _read(identity, select(*of).where(which.holds(of.run_id)), columns.ACTIONS)


def read_feedback(identity: Engine, which: Which) -> pd.DataFrame:
    """Return the ratings alone; :func:`feedback_df` adds whose and when they were."""
    of = tables.FEEDBACK.c
    return _read(identity, select(*of).where(which.holds(of.run_id)), columns.FEEDBACK)


def actions_df(raw: pd.DataFrame, context: Context) -> pd.DataFrame:
    """Return the audited calls by run, time, persona and place within the tick.

    A call whose module nobody noted has the text before the first dot of its tool.

    Args:
        raw: What :func:`read_actions` gave.
        context: The personas, runs and ticks.
    """
    frame = _joined(raw, context)
    frame["module"] = frame["module"].fillna(frame["tool_name"].str.split(".").str[0])
    order = ["run", "occurred_at", "persona", "email", "seq", "id"]
    return arranged(frame, columns.ACTIONS, order)


def feedback_df(raw: pd.DataFrame, context: Context) -> pd.DataFrame:
    """Return the ratings by run, time, persona and module.

    ``evidence`` holds a tuple of the ids of the actions that a rating rests on.

    Args:
        raw: What :func:`read_feedback` gave.
        context: The personas, runs and ticks.
    """
    frame = _joined(raw, context)
    order = ["run", "occurred_at", "persona", "email", "module", "id"]
    return arranged(frame, columns.FEEDBACK, order)


def actions_of(rows: Iterable[Mapping[str, Any]], context: Context) -> pd.DataFrame:
    """Return as :func:`actions_df` does calls that are in no database; what they lack is missing.

    Args:
        rows: The calls, by the names of their columns.
        context: The personas, runs and ticks.
    """
    return actions_df(_raw(rows, tables.ACTIONS, columns.ACTIONS), context)


def feedback_of(rows: Iterable[Mapping[str, Any]], context: Context) -> pd.DataFrame:
    """Return as :func:`feedback_df` does ratings that are in no database.

    Args:
        rows: The ratings, by the names of their columns; what they lack is missing.
        context: The personas, runs and ticks.
    """
    return feedback_df(_raw(rows, tables.FEEDBACK, columns.FEEDBACK), context)


def _raw(rows: Iterable[Mapping[str, Any]], table: TableClause, kinds: Columns) -> pd.DataFrame:
    names = [column.name for column in table.c]
    return frame_of(names, [[row.get(name) for name in names] for row in rows], kinds)


def _joined(raw: pd.DataFrame, context: Context) -> pd.DataFrame:
    frame = raw.copy()
    known = context.personas.set_index("user_id")
    for name in _PERSON:
        frame[name] = frame["persona_id"].map(known[name]).astype("str")
    runs = context.runs.set_index("id")["run"]
    frame["run"] = frame["run_id"].map(runs).astype("Int64")
    ticks = context.ticks.set_index("id")["tick"]
    frame["tick"] = frame["tick_id"].map(ticks).astype("Int64")
    return frame


def _shown(table: TableClause, kinds: Columns) -> list[ColumnClause[Any]]:
    return [column for column in table.c if column.name in kinds]


def _read(engine: Engine, query: Select[Any], kinds: Columns) -> pd.DataFrame:
    with engine.connect() as connection:
        result = connection.execute(query)
        return frame_of(list(result.keys()), result.all(), kinds)
