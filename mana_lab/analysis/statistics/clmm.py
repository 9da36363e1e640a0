"""Cumulative-link mixed models: what moves the odds of a higher rating.

A rating of 4 is above one of 3, but nobody knows by how much. The model takes only the order:
thresholds cut a latent scale into categories, effects shift it, and each persona has an intercept
of their own (see :mod:`mana_lab.analysis.statistics.likelihood`). An effect is a log-odds ratio:
exp(effect) times the odds of a rating above any threshold. The estimates are those of ``clmm`` of
the R package ``ordinal``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

from mana_lab.analysis.statistics.design import design_matrix
from mana_lab.analysis.statistics.likelihood import Likelihood, Parameters
from mana_lab.analysis.statistics.results import Floats, Interval, counted, shown_p
from mana_lab.analysis.statistics.units import PERSONA, rated
from mana_lab.errors import InvalidInputError

NODES = 15
_FEW_NODES = 7
_LOG_SD = (-7.0, 4.0)
_NO_SD = -6.5
_ENDLESS = 12.0
"""Log-odds per standard deviation of an effect that are only reached on the way to infinity."""


@dataclass(frozen=True, repr=False)
class Effect:
    """One effect of a model.

    Attributes:
        name: Of the column; of a text column also the level, as in ``temp[warm]``.
        log_odds: The estimate; infinite, and without errors, where one side of the effect has the
            highest or lowest ratings alone.
        std_error: From the observed information; right where personas differ by their intercept
            alone.
        p: By Wald's test with *std_error*.
        interval: By the same.
        robust_error: From the spread of the personas' own gradients (Liang and Zeger 1986), right
            also where personas react differently to the effect.
        robust_p: With *robust_error* and Student's distribution of G-1 degrees of freedom.
        robust_interval: By the same.
    """

    name: str
    log_odds: float
    std_error: float
    p: float
    interval: Interval
    robust_error: float
    robust_p: float
    robust_interval: Interval

    def __repr__(self) -> str:
        return (
            f"<{self.name}: log-odds {self.log_odds:.3f} {self.robust_interval!r} (robust), "
            f"{shown_p(self.robust_p)}>"
        )


@dataclass(frozen=True, repr=False)
class ClmmFit:
    """A fitted model.

    Attributes:
        effects: In the order of the columns.
        thresholds: By what they part, such as ``1|2``; categories that nobody chose are left out.
        threshold_errors: Their standard errors.
        persona_sd: The standard deviation of the personas' intercepts.
        log_likelihood: At the estimates.
        n_parameters: How many were estimated.
        converged: Whether the optimum was found; else there are no errors.
        nodes: Of the quadrature; 1 is Laplace's approximation.
        n_personas: How many personas.
        n_rows: How many ratings.
        n_missing: How many rows had no rating.
    """

    effects: tuple[Effect, ...]
    thresholds: dict[str, float]
    threshold_errors: dict[str, float]
    persona_sd: float
    log_likelihood: float
    n_parameters: int
    converged: bool
    nodes: int
    n_personas: int
    n_rows: int
    n_missing: int = 0

    def __getitem__(self, name: str) -> Effect:
        """Return the effect of that name.

        Raises:
            InvalidInputError: There is none.
        """
        for effect in self.effects:
            if effect.name == name:
                return effect
        names = ", ".join(effect.name for effect in self.effects) or "none"
        raise InvalidInputError(f"there is no effect {name!r}; there are: {names}")

    def __repr__(self) -> str:
        effects = ", ".join(f"{effect.name} {effect.log_odds:.3f}" for effect in self.effects)
        return (
            f"<cumulative-link mixed model: {effects or 'no effects'}, "
            f"persona sd {self.persona_sd:.3f}, {counted(self.n_personas, 'persona')}, "
            f"{counted(self.n_rows, 'row')}>"
        )


@dataclass(frozen=True)
class LikelihoodRatio:
    """A test of a model against one that it contains.

    Attributes:
        chi2: Twice the difference of the log-likelihoods.
        df: The difference of the numbers of parameters.
        p: By the chi-squared distribution.
    """

    chi2: float
    df: int
    p: float


def fit_clmm(
    feedback: pd.DataFrame, *effects: str, nodes: int = NODES, level: float = 0.95
) -> ClmmFit:
    """Fit a model of the ratings with an intercept per persona.

    Args:
        feedback: Rows with ``persona_id``, ``rating`` and the columns of the effects.
        effects: Columns. Numbers enter as they are; text is coded against its first level in
            alphabetical order; ``a:b`` is the product of both.
        nodes: Of the quadrature.
        level: Of the intervals.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: All ratings are equal, there is one persona, or the effects cannot be
            told apart.
    """
    parts = [part for effect in effects for part in effect.split(":")]
    rows, missing = rated(feedback, *parts, call=f"fit_clmm(feedback, {', '.join(effects)})")
    names, design, spread = design_matrix(rows, effects)
    used, categories = np.unique(rows["rating"].to_numpy(dtype=np.int64), return_inverse=True)
    people, personas = np.unique(rows[PERSONA].astype(str).to_numpy(), return_inverse=True)
    if len(used) < 2 or len(people) < 2:
        raise InvalidInputError(
            f"{counted(len(people), 'persona')} and {counted(len(used), 'different rating')}; "
            "a model needs at least two of each"
        )
    likelihood = Likelihood(categories, design / spread, personas, nodes)
    fit = _Fit(likelihood, categories, design.shape[1], nodes)
    k = len(used) - 1
    cuts = [f"{low}|{high}" for low, high in pairwise(used)]
    errors, robust = fit.errors(len(people))
    beta = np.where(fit.endless, np.copysign(np.inf, fit.at.beta), fit.at.beta)
    shown = np.stack([beta, errors[k:], robust[k:]]) / spread
    return ClmmFit(
        effects=tuple(
            _effect(name, shown[:, n], len(people) - 1, level) for n, name in enumerate(names)
        ),
        thresholds=dict(zip(cuts, fit.at.thresholds.tolist(), strict=True)),
        threshold_errors=dict(zip(cuts, errors[:k].tolist(), strict=True)),
        persona_sd=fit.at.sd if fit.varies else 0.0,
        log_likelihood=fit.value,
        n_parameters=k + len(names) + 1,
        converged=fit.converged,
        nodes=nodes,
        n_personas=len(people),
        n_rows=len(rows),
        n_missing=missing,
    )


def likelihood_ratio(smaller: ClmmFit, larger: ClmmFit) -> LikelihoodRatio:
    """Test whether what *larger* has more than *smaller* matters.

    Like Wald's test it is right where personas differ by their intercept alone.

    Args:
        smaller: Some of the effects of *larger*, on the same ratings.
        larger: With more effects.

    Raises:
        InvalidInputError: The models are not nested, or rest on different ratings.
    """
    few, many = ({effect.name for effect in fit.effects} for fit in (smaller, larger))
    if not few < many or smaller.n_rows != larger.n_rows or smaller.nodes != larger.nodes:
        raise InvalidInputError(
            "the first model has to have some of the effects of the second, on the same ratings"
        )
    chi2 = max(0.0, 2 * (larger.log_likelihood - smaller.log_likelihood))
    df = larger.n_parameters - smaller.n_parameters
    return LikelihoodRatio(chi2, df, float(stats.chi2.sf(chi2, df)))


class _Fit:
    """The search for the maximum, in steps between thresholds and log(sd), which are free."""

    def __init__(
        self, likelihood: Likelihood, categories: npt.NDArray[np.int64], effects: int, nodes: int
    ) -> None:
        self._likelihood = likelihood
        self._cuts = int(categories.max())
        self._nodes = nodes
        shares = np.bincount(categories).cumsum()[:-1] / len(categories)
        cuts = np.log(shares / (1 - shares))
        start = np.concatenate([cuts[:1], np.log(np.diff(cuts)), np.zeros(effects), [-0.5]])
        bounds = [(None, None)] + [(-15.0, 10.0)] * (self._cuts - 1)
        bounds += [(-50.0, 50.0)] * effects + [_LOG_SD]
        found = optimize.minimize(
            self._loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-6},
        )
        self.at = self._natural(found.x)
        self.value = -float(found.fun)
        self.varies = bool(found.x[-1] > _NO_SD)
        self.endless = np.abs(self.at.beta) > _ENDLESS
        settled = np.concatenate([np.ones(self._cuts, bool), ~self.endless, [self.varies]])
        steep = float(np.abs(found.jac[settled]).max())
        flat = steep < 1e-3 * max(1.0, abs(self.value)) ** 0.5
        self.converged = bool(flat and found.x[-1] < _LOG_SD[1] - 0.1)

    def errors(self, personas: int) -> tuple[Floats, Floats]:
        """Return standard errors of thresholds and beta: of the model, and robust ones."""
        center = np.concatenate([self.at.thresholds, self.at.beta, [np.log(self.at.sd)]])
        free = np.concatenate([np.ones(self._cuts, bool), ~self.endless, [self.varies]])
        step = 1e-4 if self._nodes >= _FEW_NODES else 1e-3
        information = -_jacobian(self._gradient, center, step)[np.ix_(free, free)]
        information = (information + information.T) / 2
        plain, robust = np.full((2, len(center)), np.nan)
        if self.converged and np.linalg.eigvalsh(information)[0] > 0:
            covariance = np.linalg.inv(information)
            scores = self._likelihood.scores(self.at)[1][:, free]
            meat = scores.T @ scores * personas / (personas - 1)
            plain[free] = np.sqrt(np.diag(covariance))
            robust[free] = np.sqrt(np.maximum(0.0, np.diag(covariance @ meat @ covariance)))
        return plain[:-1], robust[:-1]

    def _loss(self, x: Floats) -> tuple[float, Floats]:
        at = self._natural(x)
        if self._nodes < _FEW_NODES:
            slope = _slope(lambda y: self._likelihood.value(self._natural(y)), x, 1e-5)
            return -self._likelihood.value(at), -slope
        value, scores = self._likelihood.scores(at)
        by = scores.sum(axis=0)
        tail = by[: self._cuts][::-1].cumsum()[::-1]
        tail[1:] *= np.exp(x[1 : self._cuts])
        return -value, -np.concatenate([tail, by[self._cuts :]])

    def _gradient(self, natural: Floats) -> Floats:
        if self._nodes >= _FEW_NODES:
            slope: Floats = self._likelihood.scores(self._parameters(natural))[1].sum(axis=0)
            return slope
        return _slope(lambda y: self._likelihood.value(self._parameters(y)), natural, 1e-3)

    def _natural(self, x: Floats) -> Parameters:
        cuts = np.concatenate([x[:1], x[0] + np.exp(x[1 : self._cuts]).cumsum()])
        return Parameters(cuts, x[self._cuts : -1], float(np.exp(x[-1])))

    def _parameters(self, natural: Floats) -> Parameters:
        return Parameters(
            natural[: self._cuts], natural[self._cuts : -1], float(np.exp(natural[-1]))
        )


def _slope(function: Callable[[Floats], float], at: Floats, step: float) -> Floats:
    slope: Floats = _jacobian(lambda x: np.array([function(x)]), at, step)[0]
    return slope


def _jacobian(function: Callable[[Floats], Floats], at: Floats, step: float) -> Floats:
    columns = []
    for n in range(len(at)):
        shift = np.zeros(len(at))
        shift[n] = step
        columns.append((function(at + shift) - function(at - shift)) / (2 * step))
    return np.column_stack(columns)


def _effect(name: str, shown: Floats, df: int, level: float) -> Effect:
    value, error, robust = map(float, shown)
    normal = float(stats.norm.isf((1 - level) / 2)) * error
    student = float(stats.t.isf((1 - level) / 2, df)) * robust
    return Effect(
        name=name,
        log_odds=value,
        std_error=error,
        p=float(2 * stats.norm.sf(_ratio(value, error))),
        interval=Interval(value - normal, value + normal, level, "Wald"),
        robust_error=robust,
        robust_p=float(2 * stats.t.sf(_ratio(value, robust), df)),
        robust_interval=Interval(value - student, value + student, level, "robust, t, G-1 df"),
    )


def _ratio(value: float, error: float) -> float:
    return abs(value) / error if error > 0 else float("nan")
