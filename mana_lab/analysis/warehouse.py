"""The warehouse: a lab's databases as frames and as SQL views; it reads and never writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

import pandas as pd
from sqlalchemy import Engine, TableClause, func, select

from mana_lab.analysis import columns, frames, tables
from mana_lab.analysis.duck import run_sql
from mana_lab.analysis.frames import Context
from mana_lab.errors import NotFoundError

Source: TypeAlias = Literal["identity", "ledger"]


class HasId(Protocol):
    """Something with an id, such as a run."""

    @property
    def id(self) -> str:
        """The id."""
        ...


RunChoice: TypeAlias = HasId | str | int | None
"""A run, its id or its number from 1; None stands for all runs and for calls made by hand."""


class Warehouse:
    """The lab's data for reading.

    Every call looks at the data as they are now; rows that were read before and cannot have
    changed are not read again.

    Args:
        sources: Read-only engines: ``identity`` with users, personas, actions and feedback, and
            ``ledger`` with runs and ticks.
    """

    VIEWS = ("persona_actions", "persona_feedback", "personas", "runs", "ticks")
    """What a query can name."""

    def __init__(self, sources: Mapping[Source, Engine]) -> None:
        self._identity = sources["identity"]
        self._ledger = sources["ledger"]
        self._kept: dict[str, tuple[object, pd.DataFrame]] = {}

    def __repr__(self) -> str:
        return f"<Warehouse: {', '.join(self.VIEWS)}>"

    def actions_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the audited calls; see :data:`mana_lab.analysis.columns.ACTIONS`.

        Raises:
            NotFoundError: There is no such run.
        """
        context = self._context()
        return _of_run(self._actions(context), run, context.runs)

    def feedback_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ratings; see :data:`mana_lab.analysis.columns.FEEDBACK`.

        Raises:
            NotFoundError: There is no such run.
        """
        context = self._context()
        return _of_run(self._feedback(context), run, context.runs)

    def ticks_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ticks; see :data:`mana_lab.analysis.columns.TICKS`.

        Raises:
            NotFoundError: There is no such run.
        """
        context = self._context()
        return _of_run(context.ticks, run, context.runs)

    def runs_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the runs; see :data:`mana_lab.analysis.columns.RUNS`.

        Raises:
            NotFoundError: There is no such run.
        """
        runs = frames.runs_df(self._ledger)
        return _of_run(runs, run, runs, key="id")

    def personas_df(self) -> pd.DataFrame:
        """Return the personas; see :data:`mana_lab.analysis.columns.PERSONAS`."""
        return frames.personas_df(self._identity)

    def sql(self, query: str, /, **parameters: Any) -> pd.DataFrame:
        """Return the result of a query over all runs.

        It sees the views ``persona_actions``, ``persona_feedback``, ``personas``, ``runs`` and
        ``ticks``, which have the columns of the frames, and nothing else: no files, no network.

        Args:
            query: DuckDB's SQL, such as ``SELECT module, avg(rating) AS mean FROM
                persona_feedback WHERE run = $run GROUP BY ALL ORDER BY ALL``.
            parameters: Values for ``$name`` in the query.

        Raises:
            QueryError: DuckDB refused the query; the message is DuckDB's own.
        """
        context = self._context()
        views = {
            "persona_actions": (self._actions(context), columns.ACTIONS),
            "persona_feedback": (self._feedback(context), columns.FEEDBACK),
            "personas": (context.personas, columns.PERSONAS),
            "runs": (context.runs, columns.RUNS),
            "ticks": (context.ticks, columns.TICKS),
        }
        return run_sql(query, parameters, views)

    def _context(self) -> Context:
        return Context.read(self._identity, self._ledger)

    def _actions(self, context: Context) -> pd.DataFrame:
        return frames.actions_df(self._rows(tables.ACTIONS, frames.read_actions), context)

    def _feedback(self, context: Context) -> pd.DataFrame:
        return frames.feedback_df(self._rows(tables.FEEDBACK, frames.read_feedback), context)

    def _rows(self, table: TableClause, read: Callable[[Engine], pd.DataFrame]) -> pd.DataFrame:
        """Return the rows of a table that only ever gains or loses rows."""
        state = _state(self._identity, table)
        kept = self._kept.get(table.name)
        if kept is None or kept[0] != state:
            kept = self._kept[table.name] = (state, read(self._identity))
        return kept[1]


def _state(engine: Engine, table: TableClause) -> tuple[Any, ...]:
    of = table.c
    query = select(func.count(), func.max(of.created_at), func.min(of.id), func.max(of.id))
    with engine.connect() as connection:
        return tuple(connection.execute(query.select_from(table)).one())


def _of_run(
    frame: pd.DataFrame, run: RunChoice, runs: pd.DataFrame, *, key: str = "run_id"
) -> pd.DataFrame:
    if run is None:
        return frame
    return frame[frame[key] == _run_id(run, runs)].reset_index(drop=True)


def _run_id(run: HasId | str | int, runs: pd.DataFrame) -> str:
    known = dict(zip(runs["run"].astype(int), runs["id"], strict=True))
    if isinstance(run, int):
        if run in known:
            return str(known[run])
        name = f"run {run}"
    else:
        wanted = run if isinstance(run, str) else run.id
        if wanted in known.values():
            return wanted
        name = "run of that id"
    there = f"its runs are {', '.join(map(str, known))}" if known else "it has no runs yet"
    raise NotFoundError(f"this lab has no {name}; {there}")
