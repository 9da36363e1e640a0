"""The likelihood of a cumulative-link mixed model with one random intercept.

For rating *y* of persona *i* the model says: logit P(y <= k) = threshold_k - (x'beta + sd·u_i),
with u_i from the standard normal distribution. The integral over u_i is taken by adaptive
Gauss-Hermite quadrature: the nodes of each persona lie around the mode of their integrand, as
wide as its curvature there (Liu and Pierce 1994, *Biometrika* 81). One node is Laplace's
approximation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

from mana_lab.analysis.statistics.results import Floats

_LONGEST_STEP = 2.0
_STEPS = 100


@dataclass(frozen=True)
class Parameters:
    """Where a likelihood is taken.

    Attributes:
        thresholds: Ascending, one less than there are categories.
        beta: The log-odds of the effects.
        sd: The standard deviation of the personas' intercepts, above 0.
    """

    thresholds: Floats
    beta: Floats
    sd: float


class Likelihood:
    """The marginal likelihood of ratings.

    Equal ratings of a persona under equal effects are counted and computed once.

    Args:
        categories: Of each rating, from 0 without a gap.
        design: The effects: ratings in rows, effects in columns.
        personas: Of each rating, from 0 without a gap.
        nodes: Of the quadrature.
    """

    def __init__(
        self,
        categories: npt.NDArray[np.int64],
        design: Floats,
        personas: npt.NDArray[np.int64],
        nodes: int,
    ) -> None:
        keys = np.column_stack([personas, categories, design])
        cells, counts = np.unique(keys, axis=0, return_counts=True)
        self._category = cells[:, 1].astype(np.int64)
        self._design = cells[:, 2:]
        self._count = counts.astype(float)
        self._persona = cells[:, 0].astype(np.int64)
        self._starts = np.flatnonzero(np.diff(self._persona, prepend=-1))
        self._top = int(categories.max())
        points, weights = np.polynomial.hermite.hermgauss(nodes)
        self._points = np.sqrt(2) * points
        self._weights = np.log(weights) + points**2 + 0.5 * np.log(2)

    def value(self, at: Parameters) -> float:
        """Return the log-likelihood."""
        return float(self.values(at).sum())

    def values(self, at: Parameters) -> Floats:
        """Return each persona's part of the log-likelihood."""
        return self._integrate(at)[0]

    def scores(self, at: Parameters) -> tuple[float, Floats]:
        """Return the log-likelihood and each persona's part of its gradient.

        The gradient is the mean of that of the joint likelihood over the posterior of the random
        intercept; with fewer than about seven nodes that is only near the gradient of
        :meth:`value`.

        Returns:
            The sum, and a row per persona: by thresholds, by beta, by log(sd).
        """
        each, posterior, u, upper, lower = self._integrate(at)
        inside = posterior[self._persona]
        log_p = self._log_p(at, upper, lower)
        by_eta = self._count * (inside * (expit(upper) + expit(lower) - 1)).sum(axis=1)
        by_sd = (inside * (expit(upper) + expit(lower) - 1) * u[self._persona]).sum(axis=1)
        up = self._count * (inside * np.exp(_log_density(upper) - log_p)).sum(axis=1)
        down = self._count * (inside * np.exp(_log_density(lower) - log_p)).sum(axis=1)
        steps = np.arange(self._top)
        by_threshold = up[:, None] * (self._category[:, None] == steps)
        by_threshold -= down[:, None] * (self._category[:, None] == steps + 1)
        by_log_sd = self._count * by_sd * at.sd
        parts = np.column_stack([by_threshold, by_eta[:, None] * self._design, by_log_sd])
        return float(each.sum()), np.add.reduceat(parts, self._starts, axis=0)

    def _integrate(self, at: Parameters) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        mode, width = self._modes(at)
        u = mode[:, None] + width[:, None] * self._points
        upper, lower = self._sides(at, u[self._persona])
        log_p = self._count[:, None] * self._log_p(at, upper, lower)
        joint = np.add.reduceat(log_p, self._starts, axis=0) - 0.5 * u**2 - 0.5 * np.log(2 * np.pi)
        joint += self._weights + np.log(width)[:, None]
        each: Floats = logsumexp(joint, axis=1)
        return each, np.exp(joint - each[:, None]), u, upper, lower

    def _modes(self, at: Parameters) -> tuple[Floats, Floats]:
        u = np.zeros(len(self._starts))
        for _ in range(_STEPS):
            upper, lower = (side[:, 0] for side in self._sides(at, u[self._persona][:, None]))
            above, below = expit(upper), expit(lower)
            pull = np.add.reduceat(self._count * (above + below - 1), self._starts)
            bend = np.add.reduceat(
                self._count * (above * (1 - above) + below * (1 - below)), self._starts
            )
            curvature = 1 + at.sd**2 * bend
            step = np.clip((at.sd * pull - u) / curvature, -_LONGEST_STEP, _LONGEST_STEP)
            u = u + step
            if np.abs(step).max() < 1e-10:
                break
        return u, 1 / np.sqrt(curvature)

    def _sides(self, at: Parameters, u: Floats) -> tuple[Floats, Floats]:
        eta = (self._design @ at.beta)[:, None] + at.sd * u
        ends = np.concatenate([[-np.inf], at.thresholds, [np.inf]])
        upper, lower = ends[self._category + 1], ends[self._category]
        return upper[:, None] - eta, lower[:, None] - eta

    def _log_p(self, at: Parameters, upper: Floats, lower: Floats) -> Floats:
        gaps = np.concatenate([[np.inf], np.diff(at.thresholds), [np.inf]])
        log_gap = np.log(-np.expm1(-gaps))[self._category]
        found: Floats = log_gap[:, None] - np.logaddexp(0, -upper) - np.logaddexp(0, lower)
        return found


def _log_density(x: Floats) -> Floats:
    found: Floats = -np.logaddexp(0, -x) - np.logaddexp(0, x)
    return found
