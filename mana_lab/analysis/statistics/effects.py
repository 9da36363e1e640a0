"""Effect sizes of ordinal values, and Friedman's test over a table of personas."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.errors import InvalidInputError


class Friedman(NamedTuple):
    """Friedman's test.

    Attributes:
        chi2: The statistic, corrected for ties.
        df: The conditions less one.
        p: By the chi-squared distribution.
        w: Kendall's W: from 0, the personas rank the conditions each in their own way, to 1, all
            rank them alike.
        n_personas: How many personas have a value in every condition.
    """

    chi2: float
    df: int
    p: float
    w: float
    n_personas: int


def friedman(table: npt.ArrayLike) -> Friedman:
    """Test whether some conditions are ranked above others (Friedman 1937).

    Args:
        table: Personas in rows, conditions in columns; rows with a NaN are left out. Where nobody
            prefers anything, the statistic and W are 0 and p is 1.

    Raises:
        InvalidInputError: There are fewer than three conditions, or fewer than two personas
            have a value in each.
    """
    values = np.asarray(table, dtype=float)
    if values.ndim != 2 or values.shape[1] < 3:
        raise InvalidInputError("a table of at least three conditions is needed")
    whole = values[~np.isnan(values).any(axis=1)]
    n, k = whole.shape
    if n < 2:
        raise InvalidInputError(f"of {len(values)} personas {n} have all conditions; 2 are needed")
    if (whole == whole[:, :1]).all():
        return Friedman(0.0, k - 1, 1.0, 0.0, n)
    chi2, p = stats.friedmanchisquare(*whole.T)
    return Friedman(float(chi2), k - 1, float(p), float(chi2 / (n * (k - 1))), n)


def cliffs_delta(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Return how often a value of *second* is above one of *first*, less how often below.

    It is 2U/(n₁n₂) - 1 (Cliff 1993), from -1 to 1, and 0 where neither tends to be higher.

    Args:
        first: Values without NaN.
        second: Values without NaN.

    Raises:
        InvalidInputError: One is empty or has a NaN.
    """
    a, b = (np.asarray(values, dtype=float).ravel() for values in (first, second))
    if not a.size or not b.size or np.isnan(a).any() or np.isnan(b).any():
        raise InvalidInputError("two lists of numbers are needed, none of them empty")
    u = stats.mannwhitneyu(b, a, method="asymptotic").statistic
    return float(2 * u / (a.size * b.size) - 1)


def probability_better(differences: npt.ArrayLike) -> float:
    """Return the share of personas above 0; those at 0 count half.

    Args:
        differences: One per persona, without NaN.

    Raises:
        InvalidInputError: There is none, or a NaN among them.
    """
    values = np.asarray(differences, dtype=float)
    if not values.size or np.isnan(values).any():
        raise InvalidInputError("differences without NaN are needed, one per persona")
    return float((np.sign(values).mean() + 1) / 2)
