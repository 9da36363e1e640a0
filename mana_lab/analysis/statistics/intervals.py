"""Confidence intervals of a mean over personas: Student's, and by the studentised bootstrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.analysis.statistics.results import Floats, Interval, Seed, generator
from mana_lab.errors import InvalidInputError

RESAMPLES = 9_999
FEWEST = 6
"""With fewer personas too many resamples are all of one persona; Student's interval is given."""

_MOST_WITHOUT_SPREAD = 0.001
"""With a larger share of draws without a standard error, Student's interval is given."""
_ALIKE = 1e-12
"""Values that differ by no more than this share of the largest are the same but for rounding."""


def t_interval(values: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Return Student's interval of the mean, with one degree of freedom less than personas.

    Args:
        values: One per persona.
        level: How often such intervals hold the true mean.

    Raises:
        InvalidInputError: There are fewer than two personas, a value is not finite, or the
            level is not between 0 and 1.
    """
    clean = _checked(values, level)
    mean, error = float(clean.mean()), _error(clean)
    reach = float(stats.t.isf((1 - level) / 2, len(clean) - 1)) * error
    return Interval(mean - reach, mean + reach, level, "t, G-1 df")


def bootstrap_interval(
    values: npt.ArrayLike, *, seed: Seed, level: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Return the interval of the mean by the studentised bootstrap over personas.

    Personas are drawn with replacement, whole, and the mean of each draw is divided by its own
    standard error; the quantiles of that take the place of Student's (Efron and Tibshirani 1993,
    *An Introduction to the Bootstrap*, section 12.5). For fewer than about forty personas the
    percentile interval is too short. Draws of a single value have no standard error, and belong
    into the tails: where they are more than one in a thousand, since many personas have the same
    value, and with fewer than six personas, the interval is :func:`t_interval`.

    Args:
        values: One per persona, such as their mean ratings or differences.
        seed: For the draws.
        level: How often such intervals hold the true mean.
        resamples: How many draws.

    Raises:
        InvalidInputError: There are fewer than two personas, a value is not finite, or the
            level is not between 0 and 1.
    """
    clean = np.sort(_checked(values, level))  # draws go by values, not by the order of personas
    if len(clean) < FEWEST:
        return t_interval(clean, level=level)
    mean, error = float(clean.mean()), _error(clean)
    if error == 0:
        return Interval(mean, mean, level, "all personas alike")
    draws = clean[generator(seed).integers(0, len(clean), (resamples, len(clean)))]
    spread = draws.std(axis=1, ddof=1) / np.sqrt(len(clean))
    apart = spread > _ALIKE * np.abs(clean).max()
    if 1 - apart.mean() > _MOST_WITHOUT_SPREAD:
        return t_interval(clean, level=level)
    ratios = (draws.mean(axis=1)[apart] - mean) / spread[apart]
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return Interval(
        float(mean - high * error), float(mean - low * error), level, "studentised bootstrap"
    )


def _error(values: Floats) -> float:
    if np.ptp(values) <= _ALIKE * np.abs(values).max():
        return 0.0
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _checked(values: npt.ArrayLike, level: float) -> Floats:
    clean = np.asarray(values, dtype=float)
    if clean.ndim != 1 or len(clean) < 2:
        raise InvalidInputError(f"{clean.size} persona(s); an interval needs at least 2")
    if not np.isfinite(clean).all():
        raise InvalidInputError("a value is not finite; leave its persona out")
    if not 0 < level < 1:
        raise InvalidInputError(f"a level of {level}; it lies between 0 and 1")
    return clean
