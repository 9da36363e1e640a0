"""What a lab and a run folder have to read: frames, SQL, charts and the report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from mana_lab.analysis import Charts, RunChoice, Source, Warehouse


class Reading(ABC):
    """A lab, or a run that was kept, as analysis sees it."""

    @abstractmethod
    def _source(self) -> Source:
        """Return where the rows come from."""

    def actions_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the audited calls; see :data:`mana_lab.analysis.columns.ACTIONS`.

        Args:
            run: A run, its id or its number; None for all, calls by hand included.

        Raises:
            NotFoundError: There is no such run.
        """
        return self.warehouse.actions_df(run)

    def feedback_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ratings; see :data:`mana_lab.analysis.columns.FEEDBACK`.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        return self.warehouse.feedback_df(run)

    def personas_df(self) -> pd.DataFrame:
        """Return the personas; see :data:`mana_lab.analysis.columns.PERSONAS`."""
        return self.warehouse.personas_df()

    def sql(self, query: str, /, **parameters: Any) -> pd.DataFrame:
        """Return the result of a DuckDB query; see :meth:`mana_lab.analysis.Warehouse.sql`.

        Args:
            query: Over the views ``persona_actions``, ``persona_feedback``, ``personas``,
                ``runs`` and ``ticks``.
            parameters: Values for ``$name`` in the query.

        Raises:
            QueryError: DuckDB refused the query; the message is DuckDB's own.
        """
        return self.warehouse.sql(query, **parameters)

    def summary(self, run: RunChoice = None) -> pd.DataFrame:
        """Return what each persona did and thought, a row each.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        from mana_lab.analysis import summary

        return summary(self.warehouse, run)

    def report(self, path: str | Path, run: RunChoice = None) -> Path:
        """Write what was found as one HTML page that needs nothing but itself.

        Args:
            path: The file; one that is there is replaced.
            run: A run, its id or its number; None for all.

        Returns:
            The file's path.

        Raises:
            NotFoundError: There is no such run.
            OSError: The file cannot be written.
        """
        from mana_lab.analysis import render_report

        target = Path(path)
        target.write_text(render_report(self.warehouse, run), encoding="utf-8")
        return target

    @cached_property
    def warehouse(self) -> Warehouse:
        """The data for reading: frames and SQL views."""
        from mana_lab.analysis import Warehouse

        return Warehouse(self._source())

    @cached_property
    def charts(self) -> Charts:
        """The charts, such as ``lab.charts.ratings(run)``."""
        from mana_lab.analysis import Charts

        return Charts(self.warehouse)
