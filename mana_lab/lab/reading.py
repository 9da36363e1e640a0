"""What a lab and a run folder have to read: frames, SQL, charts and the report."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mana_lab.closing import Closing
from mana_lab.notebook import Progress, silent
from mana_lab.runner import Run

if TYPE_CHECKING:
    import pandas as pd

    from mana_lab.analysis import Charts, Friction, RunChoice, Source, Warehouse
    from mana_lab.analysis.choosing import OneRun
    from mana_lab.analysis.contrast import Contrast
    from mana_lab.analysis.findings import Findings
    from mana_lab.analysis.transcripts import Tick
    from mana_lab.analysis.trust import Trust
    from mana_lab.experiments import Experiment, RaterCalibration


class Reading(Closing):
    """A lab, or a run that was kept, as analysis sees it; an async context manager."""

    _progress: Progress = staticmethod(silent)

    @abstractmethod
    def _source(self) -> Source:
        """Return where the rows come from."""

    async def close(self) -> None:
        """Let go of what is held; files that are only read hold nothing."""

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

    def ticks_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ticks; see :data:`mana_lab.analysis.columns.TICKS`.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        return self.warehouse.ticks_df(run)

    def ratings_in_context(self, run: RunChoice = None) -> pd.DataFrame:
        """Return every rating with what it rests on.

        That is: whose it was, the brain and the model, and how many calls that persona made to that
        module in that tick, how many of them failed and how, and how long they took.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        return self.warehouse.ratings_in_context(run)

    def journeys_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return what personas set out to do, and whether they got to the end of it.

        A journey is the path of one tick through one module; see
        :mod:`mana_lab.analysis.journeys`. How reliably each is completed says
        :func:`mana_lab.analysis.statistics.journey_reliability` of these rows.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        return self.warehouse.journeys_df(run)

    def past_run(self, number: int = -1) -> Run:
        """Return a run as it was lived, also where there is no lab any more.

        Args:
            number: Its number, from 1; -1 is the last one, -2 the one before.

        Raises:
            NotFoundError: There is no such run.
        """
        from mana_lab.lab.past import past_run

        return past_run(self.warehouse, number)

    def runs_df(self) -> pd.DataFrame:
        """Return the runs; see :data:`mana_lab.analysis.columns.RUNS`."""
        return self.warehouse.runs_df()

    def personas_df(self) -> pd.DataFrame:
        """Return the personas; see :data:`mana_lab.analysis.columns.PERSONAS`."""
        return self.warehouse.personas_df()

    def sql(self, query: str, /, **parameters: Any) -> pd.DataFrame:
        """Return the result of a DuckDB query; see :meth:`mana_lab.analysis.Warehouse.sql`.

        Args:
            query: Over the views ``persona_actions``, ``persona_feedback``, ``personas``,
                ``runs`` and ``ticks``, ``ratings_in_context``, ``journeys``, and those of
                friction, such as ``friction_tools``.
            parameters: Values for ``$name`` in the query.

        Raises:
            QueryError: DuckDB refused the query; the message is DuckDB's own.
        """
        return self.warehouse.sql(query, **parameters)

    def describe(self, view: str) -> pd.DataFrame:
        """Return what the columns of a view, and of the frame of the same rows, hold and mean.

        Args:
            view: Its name, such as ``persona_actions`` or ``friction_tools``.

        Raises:
            NotFoundError: There is no such view.
        """
        from mana_lab.analysis.meanings import described

        return described(view)

    def summary(self, run: RunChoice = None) -> pd.DataFrame:
        """Return what each persona did and thought, a row each.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        from mana_lab.analysis import summary

        return summary(self.warehouse, run)

    def trust(self, run: RunChoice = None) -> Trust:
        """Return what the numbers of a run rest on, as it stands below each chart.

        That is how many personas and ratings, how alike the ratings of one persona are, how large a
        difference is where nothing was changed, who rated, and whose way to rate is suspicious.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        from mana_lab.analysis.trust import trust_of

        return trust_of(self.warehouse, run)

    def findings(self, run: RunChoice = None) -> Findings:
        """Return what holds up in a run, each with what speaks against it.

        Args:
            run: A run, its id or its number; None for all.

        Returns:
            The findings, like a list; where nothing holds up it is empty, and says what was looked
            at and which run would be able to show something.

        Raises:
            NotFoundError: There is no such run.
        """
        from mana_lab.analysis.findings import findings_of

        return findings_of(self.warehouse, run, partial(self._progress, "questions asked"))

    def tick(self, persona: str, number: int | None = None) -> Tick:
        """Return a tick as a transcript: its calls in order, what became of them, and its ratings.

        Args:
            persona: A persona's name or address, with *number*; or the id of a tick alone.
            number: The how-manieth tick of the persona, from 1, over all runs.

        Raises:
            NotFoundError: There is no such persona or tick.
            InvalidInputError: Several personas have that name.
        """
        from mana_lab.analysis.transcripts import tick_of

        return tick_of(self.warehouse, persona, number)

    def report(self, path: str | Path, run: RunChoice = None) -> Path:
        """Write what was found as one HTML page that needs nothing but itself.

        An index leads to the findings, and these to the calls behind them, tick by tick; see
        :func:`mana_lab.analysis.render_report`.

        Args:
            path: The file; one that is there is replaced.
            run: A run, its id or its number; None for all.

        Returns:
            The file's path.

        Raises:
            NotFoundError: There is no such run.
            OSError: The file cannot be written.
        """
        from mana_lab.analysis.report import render_report
        from mana_lab.lab.whole import check_writable

        target = Path(path)
        check_writable(target)
        tell = partial(self._progress, "parts of the report")
        target.write_text(render_report(self.warehouse, run, tell), encoding="utf-8")
        return target

    def export(self, folder: str | Path) -> Path:
        """Write all runs as Parquet files that :class:`mana_lab.Archive` and others read.

        The layout is that of :mod:`mana_lab.analysis.archive`; the same rows give the same bytes.

        Args:
            folder: Where to; it must not be there yet, and is there whole or not at all.

        Returns:
            The folder's path.

        Raises:
            ConflictError: The folder is there already.
            SettingsError: It cannot be written.
        """
        from mana_lab.analysis.archive import write_archive
        from mana_lab.lab.whole import new_folder

        target = Path(folder)
        with new_folder(target) as made:
            tell = partial(self._progress, "runs written")
            write_archive(self.warehouse, made, tell)
        return target

    def experiment_of(self, run: OneRun) -> Experiment:
        """Return what an experiment came to that was made before.

        Args:
            run: The run, its id or its number.

        Raises:
            NotFoundError: There is no such run.
            InvalidInputError: It was no experiment.
        """
        from mana_lab.experiments import Experiment

        return Experiment.of(self.warehouse, run)

    def calibration_of(self, run: OneRun) -> RaterCalibration:
        """Return how the raters took it in a run that calibrated them before.

        Args:
            run: The run, its id or its number.

        Raises:
            NotFoundError: There is no such run.
            InvalidInputError: It calibrated nobody, or nobody rated their module both ways.
        """
        from mana_lab.analysis.contrast import Varied
        from mana_lab.experiments import calibrated

        return calibrated(Varied.of(self.warehouse, run), self.personas_df())

    def contrast(
        self, run: OneRun, *, seed: int | None = None, alpha: float | None = None
    ) -> Contrast:
        """Return which modules and tools a run's treatment changed.

        Args:
            run: The run, its id or its number.
            seed: For the patterns of signs and the draws; that of the experiment unless given.
            alpha: How often something may be named although nothing was changed; that of the
                experiment unless given.

        Raises:
            NotFoundError: There is no such run.
            InvalidInputError: It did not vary the app.
        """
        from mana_lab.analysis.contrast import contrast

        return contrast(self.warehouse, run, seed=seed, alpha=alpha)

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

    @cached_property
    def friction(self) -> Friction:
        """Where personas get stuck, such as ``lab.friction.confusion(run)``."""
        from mana_lab.analysis import Friction

        return Friction(self.warehouse)
