"""Reliability: how much of the variance of ratings lies between the personas.

The ratings of one persona resemble each other, so that many of them tell less than as many
ratings of as many personas. By how much says the design effect (Kish 1965, *Survey Sampling*).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.analysis.statistics.results import Floats, Interval
from mana_lab.errors import InvalidInputError


@dataclass(frozen=True)
class Icc:
    """The intraclass correlation ICC(1) of ratings within personas.

    Attributes:
        icc: The share of the variance between personas; at worst -1/(n-1), NaN where there is
            no variance at all or no persona with two ratings.
        between: The variance between personas; not below 0.
        within: The variance within personas.
        design_effect: 1 + (n-1)·icc, at least 1, for the mean number n of ratings per persona.
        effective_n: How many independent ratings the ratings are worth.
        interval: Of the ICC, by the F distribution; exact where all have as many ratings.
        n_personas: How many personas.
        n_rows: How many ratings.
    """

    icc: float
    between: float
    within: float
    design_effect: float
    effective_n: float
    interval: Interval
    n_personas: int
    n_rows: int


def design_effect(per_persona: float, icc: float) -> float:
    """Return by how much clustering raises the variance of a mean: 1 + (n-1)·ICC.

    Args:
        per_persona: How many ratings a persona gives, on average.
        icc: The intraclass correlation; below 0 counts as 0, so that it never helps.

    Raises:
        InvalidInputError: There is less than one rating per persona.
    """
    if per_persona < 1:
        raise InvalidInputError(f"{per_persona} ratings per persona; at least 1 is needed")
    return 1 + (per_persona - 1) * max(0.0, icc)


def intraclass_correlation(
    ratings: npt.ArrayLike, personas: npt.ArrayLike, *, level: float = 0.95
) -> Icc:
    """Return ICC(1) from a one-way analysis of variance (Shrout and Fleiss 1979, case 1).

    Args:
        ratings: One value each; NaN is left out.
        personas: Whose each value is.
        level: Of the interval.

    Raises:
        InvalidInputError: There are not as many personas as ratings, or no rating at all.
    """
    values, owners = _clean(ratings, personas)
    _, place = np.unique(owners, return_inverse=True)
    sizes = np.bincount(place).astype(float)
    means = np.bincount(place, values) / sizes
    g, n = len(sizes), len(values)
    inside = float(((values - means[place]) ** 2).sum())
    outside = float((sizes * (means - values.mean()) ** 2).sum())
    if g < 2 or n == g or inside + outside == 0:
        deff = design_effect(n / g, 1.0) if g < 2 else 1.0
        nothing = Interval(np.nan, np.nan, level, "F")
        return Icc(np.nan, np.nan, np.nan, deff, n / deff, nothing, g, n)
    typical = (n - (sizes**2).sum() / n) / (g - 1)
    msb, msw = outside / (g - 1), inside / (n - g)
    icc = (msb - msw) / (msb + (typical - 1) * msw)
    deff = float(design_effect(n / g, icc))
    return Icc(
        icc=float(icc),
        between=float(max(0.0, (msb - msw) / typical)),
        within=float(msw),
        design_effect=deff,
        effective_n=n / deff,
        interval=_interval(msb, msw, typical, (g - 1, n - g), level),
        n_personas=g,
        n_rows=n,
    )


def _interval(
    msb: float, msw: float, typical: float, df: tuple[int, int], level: float
) -> Interval:
    if msw == 0:
        return Interval(1.0, 1.0, level, "F")
    tail, ratio = (1 - level) / 2, msb / msw
    low = ratio / stats.f.isf(tail, *df)
    high = ratio * stats.f.isf(tail, *df[::-1])
    ends = [float((f - 1) / (f + typical - 1)) for f in (low, high)]
    return Interval(ends[0], ends[1], level, "F")


def _clean(ratings: npt.ArrayLike, personas: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.str_]]:
    values = np.asarray(ratings, dtype=float)
    owners = np.asarray(personas).astype(str)
    if values.ndim != 1 or values.shape != owners.shape:
        raise InvalidInputError(
            f"ratings of shape {values.shape} and personas of shape {owners.shape}; "
            "both have to be lists of one length"
        )
    known = ~np.isnan(values)
    if not known.any():
        raise InvalidInputError("there is no rating")
    return values[known], owners[known]
