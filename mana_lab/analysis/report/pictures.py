"""The charts on the page, each with its numbers and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from mana_lab.analysis import charts
from mana_lab.analysis.charts import Chart
from mana_lab.analysis.columns import TRAITS
from mana_lab.analysis.friction import Friction
from mana_lab.analysis.warehouse import Warehouse

if TYPE_CHECKING:
    from mana_lab.analysis.trust import Shown


@dataclass(frozen=True)
class Picture:
    """A chart with its numbers.

    Attributes:
        question: What it answers; the heading.
        chart: The chart.
        numbers: What it shows.
    """

    question: str
    chart: Chart
    numbers: pd.DataFrame


Draw: TypeAlias = Callable[[], Picture]


def pictures(
    warehouse: Warehouse,
    run: int | None,
    frames: Mapping[str, pd.DataFrame],
) -> list[Draw]:
    """Return what draws the pictures, in their order.

    Args:
        warehouse: Where the rows come from.
        run: The run's number; None for all.
        frames: The ``actions``, ``ratings`` and ``personas``.
    """
    from mana_lab.analysis.trust import Shown

    actions, ratings, personas = (frames[name] for name in ("actions", "ratings", "personas"))
    friction = Friction(warehouse)
    confused, recovery = friction.confusion(run), friction.error_recovery(run)
    shown = Shown(warehouse, run)
    calls, failures = shown.calls(), shown.failures()
    return [
        *_population(personas, shown),
        *_treatment(warehouse, run, shown),
        lambda: Picture(
            "Who used the app, and when?",
            charts.activity(actions, personas).trusted(calls),
            charts.activity_table(actions, personas),
        ),
        lambda: Picture(
            "How was it rated?",
            charts.ratings(ratings).trusted(shown.ratings()),
            charts.ratings_table(ratings),
        ),
        lambda: Picture(
            "Where did calls fail?",
            charts.tool_errors(actions).trusted(calls),
            charts.tool_errors_table(actions),
        ),
        lambda: Picture(
            "Which tool did they take for another?",
            charts.confusion(confused).trusted(failures),
            charts.confusion_table(confused),
        ),
        lambda: Picture(
            "After which errors did they get on?",
            charts.error_recovery(recovery).trusted(failures),
            charts.error_recovery_table(recovery),
        ),
        lambda: Picture(
            "Did they use what they had meant to use?",
            charts.module_mix(personas, actions).trusted(calls),
            charts.module_mix_table(personas, actions),
        ),
    ]


def _population(personas: pd.DataFrame, shown: Shown) -> list[Draw]:
    if personas[list(TRAITS)].isna().all(axis=None):
        return []
    return [
        lambda: Picture(
            "Who are the personas?",
            charts.coverage(personas).trusted(shown.population()),
            charts.coverage_table(personas),
        )
    ]


def _treatment(warehouse: Warehouse, run: int | None, shown: Shown) -> list[Draw]:
    """Return what the treatment changed, of a run that was an experiment."""
    from mana_lab.analysis.contrast import TRIAL, contrast

    if run is None or warehouse.runs_df(run)["design"].iloc[0].get("kind") != TRIAL:
        return []
    found = contrast(warehouse, run)
    return [
        lambda: Picture(
            "What did the treatment change?",
            charts.contrast(found).trusted(shown.treatment(found)),
            charts.contrast_table(found),
        )
    ]
