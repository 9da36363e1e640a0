"""Many tests at once: Holm for those that were planned, Benjamini-Hochberg for screening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.analysis.statistics.results import Floats
from mana_lab.errors import InvalidInputError


@dataclass(frozen=True, repr=False)
class Screening:
    """What a screening of many tests found.

    Attributes:
        q: The q-value of each test: the least false discovery rate at which it is found; NaN
            where there was no p-value.
        found: Which tests are found at *rate*.
        rate: The false discovery rate that was asked for.
        n_tests: How many tests there were; those without a p-value do not count.
    """

    q: Floats
    found: npt.NDArray[np.bool_]
    rate: float
    n_tests: int

    def __repr__(self) -> str:
        return f"<{int(self.found.sum())} of {self.n_tests} tests at a rate of {self.rate:g}>"


def holm(p: npt.ArrayLike) -> Floats:
    """Return adjusted p-values that hold the family-wise error rate (Holm 1979).

    Reject where they are at most alpha, whatever the dependence of the tests.

    Args:
        p: The p-values; a NaN stays one and does not count as a test.

    Raises:
        InvalidInputError: One is not between 0 and 1.
    """
    values, known = _checked(p)
    adjusted = np.full(values.shape, np.nan)
    chosen = values[known]
    order = np.argsort(chosen, kind="stable")
    steps = chosen[order] * np.arange(len(chosen), 0, -1)
    back = np.empty_like(steps)
    back[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    adjusted[known] = back
    return adjusted


def benjamini_hochberg(p: npt.ArrayLike, *, rate: float = 0.05) -> Screening:
    """Return q-values that hold the false discovery rate (Benjamini and Hochberg 1995).

    It holds for tests that are independent or positively dependent.

    Args:
        p: The p-values; a NaN stays one and does not count as a test.
        rate: Of all findings, the share of false ones to expect at most.

    Raises:
        InvalidInputError: A p-value or the rate is not between 0 and 1.
    """
    if not 0 < rate < 1:
        raise InvalidInputError(f"a false discovery rate of {rate}; it lies between 0 and 1")
    values, known = _checked(p)
    q = np.full(values.shape, np.nan)
    if known.any():
        q[known] = stats.false_discovery_control(values[known])
    return Screening(q, known & (np.nan_to_num(q, nan=2.0) <= rate), rate, int(known.sum()))


def _checked(p: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
    values = np.asarray(p, dtype=float)
    if values.ndim != 1:
        raise InvalidInputError(f"p-values of shape {values.shape}; a list is needed")
    known = ~np.isnan(values)
    wrong = values[known & ~((values >= 0) & (values <= 1))]
    if wrong.size:
        raise InvalidInputError(f"got a p-value of {wrong[0]:g}; it lies between 0 and 1")
    return values, known
