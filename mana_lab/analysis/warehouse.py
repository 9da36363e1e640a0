"""The warehouse: what a lab or a run folder has, as frames and SQL views; it only reads."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import pandas as pd

from mana_lab.analysis import columns
from mana_lab.analysis.duck import run_sql
from mana_lab.analysis.sources import Source
from mana_lab.errors import NotFoundError


class HasId(Protocol):
    """Something with an id, such as a run."""

    @property
    def id(self) -> str:
        """The id."""
        ...


RunChoice: TypeAlias = HasId | str | int | None
"""A run, its id or its number from 1; None stands for all runs and for calls made by hand."""


class Warehouse:
    """The data of a lab or a run folder, for reading.

    Every call looks at the data as they are now.

    Args:
        source: Where the rows come from.
    """

    VIEWS = ("persona_actions", "persona_feedback", "personas", "runs", "ticks")
    """What a query can name."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __repr__(self) -> str:
        return f"<Warehouse: {', '.join(self.VIEWS)}>"

    def actions_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the audited calls; see :data:`mana_lab.analysis.columns.ACTIONS`.

        Raises:
            NotFoundError: There is no such run.
        """
        context = self._source.context()
        return _of_run(self._source.actions(context), run, context.runs)

    def feedback_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ratings; see :data:`mana_lab.analysis.columns.FEEDBACK`.

        Raises:
            NotFoundError: There is no such run.
        """
        context = self._source.context()
        return _of_run(self._source.feedback(context), run, context.runs)

    def ticks_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ticks; see :data:`mana_lab.analysis.columns.TICKS`.

        Raises:
            NotFoundError: There is no such run.
        """
        context = self._source.context()
        return _of_run(context.ticks, run, context.runs)

    def runs_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the runs; see :data:`mana_lab.analysis.columns.RUNS`.

        Raises:
            NotFoundError: There is no such run.
        """
        runs = self._source.runs()
        return _of_run(runs, run, runs, key="id")

    def personas_df(self) -> pd.DataFrame:
        """Return the personas; see :data:`mana_lab.analysis.columns.PERSONAS`."""
        return self._source.personas()

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
        context = self._source.context()
        views = {
            "persona_actions": (self._source.actions(context), columns.ACTIONS),
            "persona_feedback": (self._source.feedback(context), columns.FEEDBACK),
            "personas": (context.personas, columns.PERSONAS),
            "runs": (context.runs, columns.RUNS),
            "ticks": (context.ticks, columns.TICKS),
        }
        return run_sql(query, parameters, views)


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
