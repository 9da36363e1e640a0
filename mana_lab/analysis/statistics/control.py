"""Control charts: whether a module's rating stays within what chance does from run to run.

The mean of a run is held against that of all runs, over the personas who rated the module in each
of them. Its limits rest on what is left of the personas' means once persona and run are taken out,
so that runs which drift do not widen them; they are those of the analysis of means for randomised
blocks (Ott 1967, *Industrial Quality Control* 24; Nelson, Wludyka and Copeland 2005, *The Analysis
of Means*) with Bonferroni's bound for the runs of a module.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from mana_lab.analysis.statistics.results import Floats
from mana_lab.analysis.statistics.units import PERSONA, needed, rated
from mana_lab.errors import InvalidInputError

_COLUMNS = ["mean", "centre", "low", "high", "outside", "personas"]


def control_limits(
    feedback: pd.DataFrame, *, run: str = "run", by: str = "module", alpha: float = 0.05
) -> pd.DataFrame:
    """Return the mean rating of each module in each run, with what chance leaves it within.

    Args:
        feedback: Rows of ``feedback_df`` of several runs.
        run: The column that says in which run something was rated, such as ``lab`` or a date.
        by: Another column than ``module``.
        alpha: How often some run of a module may be outside although nothing drifts.

    Returns:
        A row per module and run, sorted, with the columns *by* and *run*, ``mean`` (over the
        personas' means), ``centre`` (of all runs), the limits ``low`` and ``high``, ``outside``
        (whether the mean is), and ``personas``: how many rated the module in every run, on whom
        alone the row rests. The limits are missing for fewer than two personas or runs.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: A column is missing, a rating is not from 1 to 5, or alpha is not
            between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise InvalidInputError(f"an alpha of {alpha}; it lies between 0 and 1")
    needed(feedback, "rating", by, run)
    found: list[dict[str, object]] = []
    if feedback["rating"].isna().all():
        return pd.DataFrame(found, columns=[by, run, *_COLUMNS])
    rows, _ = rated(feedback, by, run, call="control_limits(feedback)")
    for name, part in rows.groupby(by, observed=True):
        means = part.groupby([PERSONA, run], observed=True)["rating"].mean().unstack()
        whole = means.dropna()
        centre, reach = _limits(whole.to_numpy(dtype=float), alpha)
        for number, mean in whole.mean().items():
            found.append(
                {
                    by: name,
                    run: number,
                    "mean": float(mean),
                    "centre": centre,
                    "low": centre - reach,
                    "high": centre + reach,
                    "outside": bool(abs(mean - centre) > reach + 1e-9),
                    "personas": len(whole),
                }
            )
    return pd.DataFrame(found, columns=[by, run, *_COLUMNS])


def _limits(values: Floats, alpha: float) -> tuple[float, float]:
    """Return the centre of personas (rows) by runs (columns), and how far the means may be off."""
    personas, runs = values.shape
    if personas < 2 or runs < 2:
        return (float(values.mean()) if values.size else float("nan")), float("nan")
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    df = (personas - 1) * (runs - 1)
    error = float(np.sqrt((left**2).sum() / df * (runs - 1) / (runs * personas)))
    comparisons = 1 if runs == 2 else runs  # two runs are off by the same
    return float(values.mean()), float(stats.t.isf(alpha / (2 * comparisons), df)) * error
