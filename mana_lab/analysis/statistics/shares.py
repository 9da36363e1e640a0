"""Shares of calls that are clustered in personas: an interval and a test that know it.

The calls of one persona are like one another, so that many of them tell less than as many of as
many personas. Wilson's interval (see :mod:`mana_lab.analysis.friction.wilson`) takes here the
*effective* number of calls: their number divided by the design effect, and lessened once more for
the few personas from which that is known, as Korn and Graubard (1998), *Survey Methodology* 24,
do. One test is that which Wilson's interval turns round, so that both say the same. With few
personas, or where a reference is near 0 or 1, it rejects too often; the exact one does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.analysis.statistics.reliability import intraclass_correlation
from mana_lab.analysis.statistics.results import Interval
from mana_lab.errors import InvalidInputError


@dataclass(frozen=True)
class Share:
    """How many of some calls were of a kind.

    Attributes:
        share: Of all of them, 0 … 1.
        interval: Wilson's, of the effective number; from 0 to 1 where all are of one persona.
        hits: How many were.
        n_rows: How many calls.
        n_personas: Of how many personas.
        effective_n: How many independent calls they are worth; 0 where all are of one persona.
    """

    share: float
    interval: Interval
    hits: int
    n_rows: int
    n_personas: int
    effective_n: float

    def p(self, reference: float) -> float:
        """Return the probability of a share at least as far away, were it *reference*.

        Args:
            reference: Between 0 and 1, both left out.

        Raises:
            InvalidInputError: It is not between them.
        """
        _check_reference(reference)
        error = np.sqrt(reference * (1 - reference))
        gap = abs(self.share - reference) * np.sqrt(self.effective_n) / error
        return float(2 * stats.norm.sf(gap))

    def exact_p(self, reference: float) -> float:
        """Return twice the probability of a share at least as far on that side, at most 1.

        It is the test of Clopper and Pearson with the effective number, which Korn and Graubard
        turn into an interval; that need not be whole, so that the beta distribution gives the
        binomial's tails.

        Args:
            reference: As for :meth:`p`.

        Raises:
            InvalidInputError: As there.
        """
        _check_reference(reference)
        n, hits = self.effective_n, self.share * self.effective_n
        at_least = 1.0 if hits == 0 else stats.beta.cdf(reference, hits, n - hits + 1)
        at_most = 1.0 if hits == n else stats.beta.sf(reference, hits + 1, n - hits)
        return float(min(1.0, 2 * min(at_least, at_most)))


def clustered_share(hits: npt.ArrayLike, personas: npt.ArrayLike, *, level: float = 0.95) -> Share:
    """Return how many of some calls were of a kind, with an interval that knows whose they are.

    Args:
        hits: Of each call, whether it was.
        personas: Whose each call was.
        level: Of the interval.

    Raises:
        InvalidInputError: There are not as many personas as calls, no call at all, or a level that
            is not between 0 and 1.
    """
    marks, owners = np.asarray(hits).astype(bool), np.asarray(personas).astype(str)
    if marks.ndim != 1 or marks.shape != owners.shape or not len(marks):
        raise InvalidInputError(f"{marks.size} calls of {owners.size} personas; one each needed")
    if not 0 < level < 1:
        raise InvalidInputError(f"a level of {level}; it lies between 0 and 1")
    n, share = len(marks), float(marks.mean())
    sizes = np.unique(owners, return_counts=True)[1].astype(float)
    worth = _effective(marks, owners, sizes, level)
    around = wilson(share, worth, level, "Wilson, of the effective number")
    return Share(share, around, int(marks.sum()), n, len(sizes), worth)


def _effective(
    marks: npt.NDArray[np.bool_],
    owners: npt.NDArray[np.str_],
    sizes: npt.NDArray[np.float64],
    level: float,
) -> float:
    n, g = len(marks), len(sizes)
    if g < 2:
        return 0.0
    icc = 0.0 if g == n else intraclass_correlation(marks.astype(float), owners).icc
    if np.isnan(icc):  # all calls are alike, which tells nothing of how alike a persona's are
        icc = 1.0
    design_effect = 1 + (float((sizes**2).sum()) / n - 1) * min(1.0, max(0.0, icc))
    tail = (1 - level) / 2
    few = float(stats.t.isf(tail, n - 1) / stats.t.isf(tail, g - 1)) ** 2
    return n / design_effect * few


def _check_reference(reference: float) -> None:
    if not 0 < reference < 1:
        raise InvalidInputError(f"a reference of {reference}; it lies between 0 and 1")


def wilson(share: float, n: float, level: float, method: str) -> Interval:
    """Return Wilson's interval of a share.

    Args:
        share: From 0 to 1.
        n: Of how many observations, or how many they are worth; of none it is from 0 to 1.
        level: How often such intervals hold the true share.
        method: What to call it.
    """
    if n == 0:
        return Interval(0.0, 1.0, level, method)
    z = float(stats.norm.isf((1 - level) / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
    low, high = middle - half, middle + half
    return Interval(0.0 if share == 0 else low, 1.0 if share == 1 else high, level, method)
