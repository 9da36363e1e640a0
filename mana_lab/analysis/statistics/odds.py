"""The check of proportional odds: whether an effect is the same at every threshold.

The model of :mod:`mana_lab.analysis.statistics.clmm` takes one log-odds ratio for all thresholds.
Here each threshold gets its own, by a logistic regression with a random intercept of "above the
threshold" on the effects; a difference of a low and a high one says that an effect moves some
ratings and not others, and that its single number is an average (Brant 1990, *Biometrics* 46, in
the form for clusters: the covariance comes from the personas' gradients).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import expit

from mana_lab.analysis.statistics.design import design_matrix
from mana_lab.analysis.statistics.optimizing import minimize
from mana_lab.analysis.statistics.results import Floats
from mana_lab.analysis.statistics.units import PERSONA, rated
from mana_lab.errors import InvalidInputError

_SEPARATED = 5.0
"""A log-odds ratio per standard deviation, or a standard error of it, that is only reached where
there is no finite one."""


@dataclass(frozen=True)
class ProportionalOdds:
    """Whether effects are the same at every threshold.

    Attributes:
        log_odds: By threshold (rows, such as ``1|2``) and effect (columns), each from a logistic
            regression of its own, averaged over personas; NaN where all ratings on one side of the
            threshold are of one kind, so that it has no finite value.
        chi2: By effect: Wald's statistic that its column is constant, as far as it is known.
        df: By effect: the known thresholds less one.
        p: By effect; NaN where fewer than two thresholds are known, or not more personas.
        n_personas: How many personas.
        n_rows: How many ratings.
    """

    log_odds: pd.DataFrame
    chi2: dict[str, float]
    df: dict[str, int]
    p: dict[str, float]
    n_personas: int
    n_rows: int


def proportional_odds(feedback: pd.DataFrame, *effects: str) -> ProportionalOdds:
    """Compare the effects at each threshold.

    The statistic is divided by as much as the few personas make it too large, and looked up in
    the F distribution of G - df degrees of freedom (Hotelling). A small p means that one number
    does not tell the effect: look at the distributions.

    Args:
        feedback: Rows with ``persona_id``, ``rating`` and the columns of the effects.
        effects: As for ``fit_clmm``.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: There are fewer than three different ratings or two personas, no
            effect, or effects that cannot be told apart.
    """
    if not effects:
        raise InvalidInputError("there is no effect to check")
    parts = [part for effect in effects for part in effect.split(":")]
    rows, _ = rated(feedback, *parts, call=f"proportional_odds(feedback, {', '.join(effects)})")
    names, design, spread = design_matrix(rows, effects)
    ratings = rows["rating"].to_numpy(dtype=np.int64)
    people, place = np.unique(rows[PERSONA].astype(str).to_numpy(), return_inverse=True)
    used = np.unique(ratings)
    if len(used) < 3 or len(people) < 2:
        raise InvalidInputError(
            f"{len(people)} persona(s) and {len(used)} different ratings; 2 and 3 are needed"
        )
    whole = np.column_stack([np.ones(len(rows)), design / spread])
    fits = [_logistic(whole, (ratings > cut).astype(float), place) for cut in used[:-1]]
    table = np.array([beta[1:] for beta, _, _ in fits])
    flat = np.array([known[1:] < 1 / _SEPARATED**2 for _, known, _ in fits])
    table[flat | (np.abs(table) > _SEPARATED)] = np.nan
    tests = {
        name: _equal(table[:, n], np.column_stack([parts[:, n + 1] for _, _, parts in fits]))
        for n, name in enumerate(names)
    }
    cuts = [f"{low}|{high}" for low, high in pairwise(used)]
    return ProportionalOdds(
        log_odds=pd.DataFrame(table / spread, index=cuts, columns=names),
        chi2={name: chi2 for name, (chi2, _, _) in tests.items()},
        df={name: df for name, (_, df, _) in tests.items()},
        p={name: p for name, (_, _, p) in tests.items()},
        n_personas=len(people),
        n_rows=len(rows),
    )


def _logistic(
    design: Floats, above: Floats, place: npt.NDArray[np.intp]
) -> tuple[Floats, Floats, Floats]:
    """Return the coefficients, the information of each, and each persona's part in them."""

    def loss(beta: Floats) -> tuple[float, Floats]:
        eta = design @ beta
        value = float(np.logaddexp(0, eta).sum() - above @ eta) + 1e-6 * float(beta @ beta)
        return value, design.T @ (expit(eta) - above) + 2e-6 * beta

    start = np.zeros(design.shape[1])
    beta = minimize(loss, start).x
    shown = expit(design @ beta)
    bend = (design * (shown * (1 - shown))[:, None]).T @ design + 2e-6 * np.eye(len(beta))
    pulls = design * (above - shown)[:, None]
    sums = np.zeros((int(place.max()) + 1, design.shape[1]))
    np.add.at(sums, place, pulls)
    return beta, np.diag(bend), sums @ np.linalg.inv(bend)


def _equal(column: Floats, parts: Floats) -> tuple[float, int, float]:
    known = ~np.isnan(column)
    column, parts = column[known], parts[:, known]
    g, df = len(parts), len(column) - 1
    if df < 1:
        return float("nan"), max(df, 0), float("nan")
    contrast = np.diff(np.eye(len(column)), axis=0)
    gaps = contrast @ column
    spread = contrast @ (parts.T @ parts * g / (g - 1)) @ contrast.T
    chi2 = float(gaps @ np.linalg.pinv(spread) @ gaps)
    if g <= df:
        return chi2, df, float("nan")
    return chi2, df, float(stats.f.sf(chi2 * (g - df) / (df * (g - 1)), df, g - df))
