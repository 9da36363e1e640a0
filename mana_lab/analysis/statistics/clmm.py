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
from scipy import stats

from mana_lab.analysis.statistics.clmm_results import ClmmFit, Effect, LikelihoodRatio
from mana_lab.analysis.statistics.design import design_matrix
from mana_lab.analysis.statistics.likelihood import Likelihood, Parameters
from mana_lab.analysis.statistics.optimizing import minimize
from mana_lab.analysis.statistics.results import Floats, Interval, counted
from mana_lab.analysis.statistics.robust import Errors, clustered
from mana_lab.analysis.statistics.units import PERSONA, rated
from mana_lab.errors import InvalidInputError

NODES = 15
_FEW_NODES = 7
_LOG_SD = (-7.0, 4.0)
_NO_SD = -6.5
_ENDLESS = 12.0
"""Log-odds per standard deviation of an effect, or a standard error of them, that are only reached
on the way to infinity."""
_FEWEST_BEHIND = 2.0
"""Of an effect behind which there are fewer personas nobody can say how sure it is."""


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
    errors = fit.errors()
    beta = np.where(fit.endless, np.copysign(np.inf, fit.at.beta), fit.at.beta)
    shown = np.stack([beta, errors.plain[k:-1], errors.robust[k:-1]]) / spread
    with_it = [_Carriers.of(column, categories, personas) for column in design.T]
    return ClmmFit(
        effects=tuple(
            _effect(name, shown[:, n], float(errors.behind[k + n]), with_it[n], level)
            for n, name in enumerate(names)
        ),
        thresholds=dict(zip(cuts, fit.at.thresholds.tolist(), strict=True)),
        threshold_errors=dict(zip(cuts, errors.plain[:k].tolist(), strict=True)),
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
        settings = {"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-6}
        found = minimize(self._loss, start, bounds=bounds, options=settings)
        self.at = self._natural(found.x)
        self.value = -float(found.fun)
        self.varies = bool(found.x[-1] > _NO_SD)
        self._center = np.concatenate([self.at.thresholds, self.at.beta, [np.log(self.at.sd)]])
        self._information = self._by_persona()
        self.endless = self._without_end()
        self._free = np.concatenate([np.ones(self._cuts, bool), ~self.endless, [self.varies]])
        steep = float(np.abs(found.jac[self._free]).max())
        flat = steep < 1e-3 * max(1.0, abs(self.value)) ** 0.5
        self.converged = bool(flat and found.x[-1] < _LOG_SD[1] - 0.1)

    def errors(self) -> Errors:
        """Return how sure thresholds, beta and log(sd) are."""
        found = Errors.unknown(len(self._center))
        information = self._information[:, self._free][:, :, self._free]
        if self.converged and np.linalg.eigvalsh(information.sum(axis=0))[0] > 0:
            known = clustered(self._scores(self._center)[:, self._free], information)
            for name in ("plain", "robust", "behind"):
                getattr(found, name)[self._free] = getattr(known, name)
        return found

    def _by_persona(self) -> Floats:
        """Return each persona's observed information."""
        step = 1e-4 if self._nodes >= _FEW_NODES else 1e-3
        each = -_jacobian(self._scores, self._center, step)
        half: Floats = (each + each.transpose(0, 2, 1)) / 2
        return half

    def _without_end(self) -> npt.NDArray[np.bool_]:
        """Return which effects are infinite: far away, or where the likelihood is flat."""
        known = np.diag(self._information.sum(axis=0))[self._cuts : -1]
        endless: npt.NDArray[np.bool_] = np.abs(self.at.beta) > _ENDLESS
        return endless | (known < 1 / _ENDLESS**2)

    def _loss(self, x: Floats) -> tuple[float, Floats]:
        at = self._natural(x)
        if self._nodes < _FEW_NODES:
            each = _jacobian(lambda y: self._likelihood.values(self._natural(y)), x, 1e-5)
            return -self._likelihood.value(at), -each.sum(axis=0)
        value, scores = self._likelihood.scores(at)
        by = scores.sum(axis=0)
        tail = by[: self._cuts][::-1].cumsum()[::-1]
        tail[1:] *= np.exp(x[1 : self._cuts])
        return -value, -np.concatenate([tail, by[self._cuts :]])

    def _scores(self, natural: Floats) -> Floats:
        """Return each persona's gradient."""
        if self._nodes >= _FEW_NODES:
            return self._likelihood.scores(self._parameters(natural))[1]
        return _jacobian(lambda y: self._likelihood.values(self._parameters(y)), natural, 1e-3)

    def _natural(self, x: Floats) -> Parameters:
        cuts = np.concatenate([x[:1], x[0] + np.exp(x[1 : self._cuts]).cumsum()])
        return Parameters(cuts, x[self._cuts : -1], float(np.exp(x[-1])))

    def _parameters(self, natural: Floats) -> Parameters:
        return Parameters(
            natural[: self._cuts], natural[self._cuts : -1], float(np.exp(natural[-1]))
        )


def _jacobian(function: Callable[[Floats], Floats], at: Floats, step: float) -> Floats:
    columns = []
    for n in range(len(at)):
        shift = np.zeros(len(at))
        shift[n] = step
        columns.append((function(at + shift) - function(at - shift)) / (2 * step))
    return np.stack(columns, axis=-1)


def _effect(name: str, shown: Floats, behind: float, carriers: _Carriers, level: float) -> Effect:
    value, error, robust = map(float, shown)
    normal = float(stats.norm.isf((1 - level) / 2)) * error
    df = behind - 1
    if behind < _FEWEST_BEHIND:
        df, robust = float("nan"), float("nan")
        bounds = Interval(-np.inf, np.inf, level, "fewer than two personas")
    else:
        student = float(stats.t.isf((1 - level) / 2, df)) * robust
        bounds = Interval(value - student, value + student, level, "robust, t")
    return Effect(
        name=name,
        log_odds=value,
        std_error=error,
        p=float(2 * stats.norm.sf(_ratio(value, error))),
        interval=Interval(value - normal, value + normal, level, "Wald"),
        robust_error=robust,
        robust_p=float(2 * stats.t.sf(_ratio(value, robust), df)),
        robust_interval=bounds,
        n_personas=carriers.number,
        personas_behind=behind,
        sign_p=carriers.sign_p,
    )


@dataclass(frozen=True)
class _Carriers:
    """Who rated with an effect, and how sure their signs are."""

    number: int
    sign_p: float

    @classmethod
    def of(
        cls, column: Floats, categories: npt.NDArray[np.int64], personas: npt.NDArray[np.int64]
    ) -> _Carriers:
        rows = pd.DataFrame({"who": personas, "with": column != 0, "rating": categories})
        means = rows.groupby(["who", "with"])["rating"].mean().unstack()
        means = means.reindex(columns=[False, True])
        gaps = (means[True] - means[False]).dropna()
        higher, lower = int((gaps > 0).sum()), int((gaps < 0).sum())
        known = higher + lower > 0
        p = float(stats.binomtest(higher, higher + lower).pvalue) if known else 1.0
        return cls(int(means[True].notna().sum()), p)


def _ratio(value: float, error: float) -> float:
    return abs(value) / error if error > 0 else float("nan")
