"""The charts of one warehouse, as ``lab.charts`` offers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from mana_lab.analysis.charts.activity import activity, activity_table
from mana_lab.analysis.charts.confusion import confusion, confusion_table
from mana_lab.analysis.charts.contrast import contrast
from mana_lab.analysis.charts.control import control
from mana_lab.analysis.charts.coverage import coverage
from mana_lab.analysis.charts.differences import contrast_table
from mana_lab.analysis.charts.error_recovery import error_recovery, error_recovery_table
from mana_lab.analysis.charts.figure import Chart
from mana_lab.analysis.charts.module_mix import module_mix, module_mix_table
from mana_lab.analysis.charts.ratings import ratings, ratings_table
from mana_lab.analysis.charts.thresholds import thresholds, thresholds_table
from mana_lab.analysis.charts.timeline import timeline, timeline_table
from mana_lab.analysis.charts.tool_errors import tool_errors, tool_errors_table
from mana_lab.analysis.choosing import OneRun, RunChoice, choose_persona
from mana_lab.analysis.coverage import coverage_table
from mana_lab.analysis.friction import Friction
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import InvalidInputError, MixedBrainsError

if TYPE_CHECKING:
    from mana_lab.analysis.statistics import ClmmFit
    from mana_lab.analysis.trust import Shown


class Charts:
    """The charts of a lab and their numbers.

    Each takes a run, its id or its number, or shows all; that of the population takes none. A line
    at its foot says what it rests on; ``chart.trust`` has that in full.

    Args:
        warehouse: Where the data come from.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._friction = Friction(warehouse)

    def __repr__(self) -> str:
        names = (
            "activity, confusion, contrast, control, coverage, error_recovery, module_mix, "
            "ratings, thresholds, timeline, tool_errors"
        )
        return f"<Charts: {names}>"

    def activity(self, run: RunChoice = None) -> Chart:
        """Return the calls of each persona on each day.

        Raises:
            NotFoundError: There is no such run.
        """
        drawn = activity(self._warehouse.actions_df(run), self._warehouse.personas_df())
        return drawn.trusted(self._shown(run).calls())

    def activity_table(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`activity`: calls, a row per persona, a column per day.

        Raises:
            NotFoundError: There is no such run.
        """
        return activity_table(self._warehouse.actions_df(run), self._warehouse.personas_df())

    def confusion(self, run: RunChoice = None) -> Chart:
        """Return which tool was tried when another was right.

        Raises:
            NotFoundError: There is no such run.
        """
        return confusion(self._friction.confusion(run)).trusted(self._shown(run).failures())

    def confusion_table(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`confusion`: counts and shares, a row per pair of tools.

        Raises:
            NotFoundError: There is no such run.
        """
        return confusion_table(self._friction.confusion(run))

    def contrast(self, run: OneRun) -> Chart:
        """Return what the treatment of an experiment changed, within each persona.

        Args:
            run: The experiment's run, its id or its number.

        Raises:
            NotFoundError: There is no such run.
            InvalidInputError: It did not vary the app.
        """
        from mana_lab.analysis.contrast import contrast as contrast_of

        found = contrast_of(self._warehouse, run)
        return contrast(found).trusted(self._shown(run).treatment(found))

    def contrast_table(self, run: OneRun) -> pd.DataFrame:
        """Return the numbers of :meth:`contrast`: a row per module or tool and measure.

        Args:
            run: As there.

        Raises:
            NotFoundError: There is no such run.
            InvalidInputError: It did not vary the app.
        """
        from mana_lab.analysis.contrast import contrast as contrast_of

        return contrast_table(contrast_of(self._warehouse, run))

    def control(self) -> Chart:
        """Return how each module's rating moves from run to run, within the limits of chance.

        Raises:
            MixedBrainsError: The runs are of different kinds of brains.
        """
        return control(self.control_table()).trusted(self._shown(None).ratings())

    def control_table(self) -> pd.DataFrame:
        """Return the numbers of :meth:`control`: means and limits, a row per module and run.

        See :func:`mana_lab.analysis.statistics.control_limits`.

        Raises:
            MixedBrainsError: The runs are of different kinds of brains.
        """
        from mana_lab.analysis.statistics import control_limits

        return control_limits(self._warehouse.feedback_df())

    def coverage(self) -> Chart:
        """Return how evenly the personas fill the space of their traits."""
        return coverage(self._warehouse.personas_df()).trusted(self._shown(None).population())

    def coverage_table(self) -> pd.DataFrame:
        """Return the numbers of :meth:`coverage`: how many personas are of each kind."""
        return coverage_table(self._warehouse.personas_df())

    def error_recovery(self, run: RunChoice = None) -> Chart:
        """Return how often each error is recovered within two calls, the worst first.

        Raises:
            NotFoundError: There is no such run.
        """
        drawn = error_recovery(self._friction.error_recovery(run))
        return drawn.trusted(self._shown(run).failures())

    def error_recovery_table(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`error_recovery`: counts and shares, a row per error code.

        Raises:
            NotFoundError: There is no such run.
        """
        return error_recovery_table(self._friction.error_recovery(run))

    def ratings(self, run: RunChoice = None) -> Chart:
        """Return the distribution of the ratings of each module.

        Raises:
            NotFoundError: There is no such run.
        """
        return ratings(self._warehouse.feedback_df(run)).trusted(self._shown(run).ratings())

    def ratings_table(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`ratings`: how often each rating was given, a row per module.

        Raises:
            NotFoundError: There is no such run.
        """
        return ratings_table(self._warehouse.feedback_df(run))

    def thresholds(self, run: RunChoice = None) -> Chart:
        """Return how modules move ratings across the thresholds of a model.

        It is the cumulative-link mixed model of :func:`mana_lab.analysis.statistics.fit_clmm`; the
        first module of the alphabet is the baseline.

        Raises:
            NotFoundError: There is no such run.
            MixedBrainsError: The ratings are of different kinds of brains.
        """
        baseline = self._warehouse.feedback_df(run)["module"].dropna().min()
        drawn = thresholds(self._model(run), str(baseline))
        return drawn.trusted(self._shown(run).ratings())

    def thresholds_table(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`thresholds`: a row per threshold and per module.

        Raises:
            NotFoundError: There is no such run.
            MixedBrainsError: The ratings are of different kinds of brains.
        """
        return thresholds_table(self._model(run))

    def _model(self, run: RunChoice) -> ClmmFit | None:
        """Return the model of the ratings by module; None where they are too few for one."""
        from mana_lab.analysis.statistics import fit_clmm

        try:
            return fit_clmm(self._warehouse.feedback_df(run), "module")
        except MixedBrainsError:
            raise
        except InvalidInputError:
            return None

    def timeline(self, persona: str, run: RunChoice = None) -> Chart:
        """Return when one persona used the app, what for, and how it went.

        Args:
            persona: Their name or e-mail address.
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
            UnknownPersonaError: There is nobody of that name.
            InvalidInputError: There are several.
        """
        rows = self._rows(run)
        email = str(choose_persona(rows[0], persona)["email"])
        return timeline(persona, *rows).trusted(self._shown(run).persona(email))

    def timeline_table(self, persona: str, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`timeline`: a row per session and module.

        Args:
            persona: As there.
            run: As there.

        Raises:
            NotFoundError: There is no such run.
            UnknownPersonaError: There is nobody of that name.
            InvalidInputError: There are several.
        """
        return timeline_table(persona, *self._rows(run))

    def _rows(
        self, run: RunChoice
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        known = self._warehouse
        frames = (known.ticks_df(run), known.actions_df(run), known.feedback_df(run))
        return (known.personas_df(), *frames)

    def tool_errors(self, run: RunChoice = None) -> Chart:
        """Return how often each tool fails and is tried again.

        Raises:
            NotFoundError: There is no such run.
        """
        return tool_errors(self._warehouse.actions_df(run)).trusted(self._shown(run).calls())

    def tool_errors_table(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`tool_errors`: counts and rates, a row per tool.

        Raises:
            NotFoundError: There is no such run.
        """
        return tool_errors_table(self._warehouse.actions_df(run))

    def module_mix(self, run: RunChoice = None) -> Chart:
        """Return the planned against the lived share of each module for each persona.

        Raises:
            NotFoundError: There is no such run.
        """
        drawn = module_mix(self._warehouse.personas_df(), self._warehouse.actions_df(run))
        return drawn.trusted(self._shown(run).calls())

    def module_mix_table(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the numbers of :meth:`module_mix`: planned and lived shares by persona.

        Raises:
            NotFoundError: There is no such run.
        """
        return module_mix_table(self._warehouse.personas_df(), self._warehouse.actions_df(run))

    def _shown(self, run: RunChoice) -> Shown:
        from mana_lab.analysis.trust import Shown

        return Shown(self._warehouse, None if run is None else self._warehouse.run_number(run))
