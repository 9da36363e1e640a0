"""Mean ratings with intervals whose unit is the persona."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mana_lab.analysis.statistics.intervals import bootstrap_interval
from mana_lab.analysis.statistics.results import Seed, generator
from mana_lab.analysis.statistics.units import HIGHEST, LOWEST, persona_means, rated


def mean_ratings(
    feedback: pd.DataFrame, *, seed: Seed, by: str = "module", level: float = 0.95
) -> pd.DataFrame:
    """Return the mean rating of each module with a studentised bootstrap interval.

    Every persona counts the same, however often they rate.

    Args:
        feedback: Rows of ``feedback_df``.
        seed: For the draws.
        by: Another column than ``module``.
        level: Of the intervals.

    Returns:
        A row per module, sorted, with the column *by*, ``mean``, ``low``, ``high`` (missing where
        one persona alone rated, or all of them alike: nobody can tell how far personas differ
        then; never outside 1 … 5), ``sd`` (of the personas' means),
        ``personas`` and ``ratings``.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: A column is missing, or a rating is not from 1 to 5.
    """
    call = "mean_ratings(feedback)"
    units = persona_means(feedback, by, call=call)
    counts = {
        str(name): n for name, n in rated(feedback, by, call=call)[0][by].value_counts().items()
    }
    random = generator(seed)
    found = []
    for name, column in units.means.items():
        values = column.dropna()
        row: dict[str, object] = {by: name, "mean": float(values.mean())}
        if len(values) > 1:
            row["sd"] = float(values.std())
        if len(values) > 1 and np.ptp(values) > 0:
            interval = bootstrap_interval(values, seed=random, level=level)
            row["low"] = max(float(LOWEST), interval.low)
            row["high"] = min(float(HIGHEST), interval.high)
        found.append(row | {"personas": len(values), "ratings": int(counts[str(name)])})
    columns = [by, "mean", "low", "high", "sd", "personas", "ratings"]
    return pd.DataFrame(found, columns=columns)
