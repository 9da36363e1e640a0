"""Permutation tests: of differences within personas, and of labels between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.analysis.statistics.results import Alternative, Floats, Seed, generator
from mana_lab.errors import InvalidInputError

RESAMPLES = 9_999
EXACT_UP_TO = 18
"""So many differences that are not 0 have 262,144 patterns of signs, which are all counted."""


def sign_flip(
    differences: npt.ArrayLike,
    *,
    seed: Seed,
    alternative: Alternative = "two-sided",
    resamples: int = RESAMPLES,
) -> float:
    """Return the p-value of the mean difference when signs are as good as random.

    It holds when, without an effect, the difference of each persona is as likely to be *d* as -*d*
    (Fisher 1935, *The Design of Experiments*, section 21). Up to 18 differences that are not 0
    all patterns of signs are counted; of more, *resamples* random ones, with the pattern that
    happened among them, so that the p-value is never 0 (Phipson and Smyth 2010).

    Args:
        differences: One per persona, finite.
        seed: For the random patterns.
        alternative: ``greater`` means a mean above 0.
        resamples: How many random patterns.

    Raises:
        InvalidInputError: There is no difference, or one is not finite.
    """
    values = np.asarray(differences, dtype=float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise InvalidInputError("finite differences are needed, one per persona")
    moving = np.sort(values[values != 0])  # signs go by values, not by the order of personas
    if not moving.size:
        return 1.0
    slack = 1e-9 * float(np.abs(moving).sum())
    observed = float(moving.sum())
    if len(moving) <= EXACT_UP_TO:
        return float(_extreme(all_sums(moving), observed, alternative, slack).mean())
    draws = generator(seed).integers(0, 2, (resamples, len(moving)), dtype=np.int8)
    sums = 2.0 * (draws @ moving) - observed
    extreme = int(_extreme(sums, observed, alternative, slack).sum())
    return (extreme + 1) / (resamples + 1)


def label_permutation(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    seed: Seed,
    alternative: Alternative = "two-sided",
    resamples: int = RESAMPLES,
) -> float:
    """Return the p-value of the difference of two means when labels are as good as random.

    Args:
        first: One value per persona.
        second: One value per persona; other personas.
        seed: For the random labels, where there are too many to count them all.
        alternative: ``greater`` means that the mean of *second* is above that of *first*.
        resamples: How many random labels.

    Raises:
        InvalidInputError: A group has fewer than two personas, or a value is not finite.
    """
    groups = [np.asarray(group, dtype=float) for group in (second, first)]
    if any(group.ndim != 1 or len(group) < 2 for group in groups):
        raise InvalidInputError("a group has fewer than two personas")
    if not all(np.isfinite(group).all() for group in groups):
        raise InvalidInputError("a value is not finite")
    found = stats.permutation_test(
        groups,
        _difference,
        vectorized=True,
        n_resamples=resamples,
        alternative=alternative,
        rng=generator(seed),
    )
    return float(min(1.0, found.pvalue))


def all_sums(values: Floats) -> Floats:
    """Return the sums under all patterns of signs; the first is under the one that happened.

    Args:
        values: One per persona, or a row of several per persona.
    """
    sums = np.zeros((1, *values.shape[1:]))
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _difference(second: Floats, first: Floats, axis: int = 0) -> Floats:
    gap: Floats = second.mean(axis=axis) - first.mean(axis=axis)
    return gap


def _extreme(
    sums: Floats, observed: float, alternative: Alternative, slack: float
) -> npt.NDArray[np.bool_]:
    if alternative == "greater":
        return sums >= observed - slack
    if alternative == "less":
        return sums <= observed + slack
    return np.abs(sums) >= abs(observed) - slack
