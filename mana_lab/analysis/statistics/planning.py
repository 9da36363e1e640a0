"""Power: what a planned run could find, before anybody pays for it.

Analytic, by the noncentral t distribution of a test on persona means. The variance of a rating is
split by the ICC into what lies between personas and within them; more ticks shrink only the
latter, so that a comparison of different personas hardly gains by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from scipy import optimize, stats

from mana_lab.analysis.statistics.results import Alternative
from mana_lab.errors import InvalidInputError

_CERTAIN = 1_000.0
"""So many standard errors away the noncentral t distribution is not computed any more."""

Design: TypeAlias = Literal["within", "between"]


@dataclass(frozen=True)
class Plan:
    """A run that is planned.

    Attributes:
        personas: How many take part, in both groups together.
        ticks: How many ratings each gives; ``within``, half of them in each variant.
        design: ``within`` where every persona sees both variants, ``between`` where each sees one.
        icc: The share of the variance of ratings that lies between personas, 0 … 1.
        rating_sd: The standard deviation of all ratings.
        slope_sd: By how much the effect itself differs from persona to persona.
        alpha: The level of the test.
        alternative: Of the test; a one-sided one expects the effect in its direction.
    """

    personas: int
    ticks: int
    design: Design = "within"
    icc: float = 0.4
    rating_sd: float = 1.0
    slope_sd: float = 0.3
    alpha: float = 0.05
    alternative: Alternative = "two-sided"


def power(plan: Plan, effect: float) -> float:
    """Return the probability that the run finds an effect.

    Args:
        plan: The run.
        effect: The true difference in rating points.

    Raises:
        InvalidInputError: The plan has too few personas or ticks, or a number outside its range.
    """
    _check(plan)
    if not np.isfinite(effect):
        raise InvalidInputError(f"an effect of {effect}; it is a number of rating points")
    df, error = _error(plan)
    if error == 0:
        return 1.0 if effect else plan.alpha
    shift = effect / error
    if plan.alternative == "two-sided":
        edge, shift = float(stats.t.isf(plan.alpha / 2, df)), abs(shift)
        return _above(edge, df, shift) + _below(-edge, df, shift)
    edge = float(stats.t.isf(plan.alpha, df))
    return _above(edge, df, shift if plan.alternative == "greater" else -shift)


def minimum_detectable_effect(plan: Plan, *, target: float = 0.8) -> float:
    """Return the least difference, in rating points, that the run finds with this probability.

    Args:
        plan: The run.
        target: The power that is wanted.

    Raises:
        InvalidInputError: As for :func:`power`, or the target is not between alpha and 1.
    """
    _check(plan)
    if not plan.alpha < target < 1:
        raise InvalidInputError(f"a power of {target}; it lies between alpha and 1")
    _, error = _error(plan)
    if error == 0:
        return 0.0
    sign = -1.0 if plan.alternative == "less" else 1.0
    top = error
    while power(plan, sign * top) < target:
        top *= 2
    return float(optimize.brentq(lambda effect: power(plan, sign * effect) - target, 0, top))


def personas_needed(plan: Plan, effect: float, *, target: float = 0.8, most: int = 100_000) -> int:
    """Return how many personas find an effect with this probability.

    Args:
        plan: The run; its number of personas does not matter.
        effect: The true difference in rating points.
        target: The power that is wanted.
        most: Where to stop looking.

    Raises:
        InvalidInputError: As for :func:`power`, or more than *most* would be needed.
    """
    low = 2 if plan.design == "within" else 4
    if power(replace(plan, personas=most), effect) < target:
        raise InvalidInputError(f"more than {most} personas would be needed")
    high = most
    while low < high:
        middle = (low + high) // 2
        if power(replace(plan, personas=middle), effect) >= target:
            high = middle
        else:
            low = middle + 1
    return low


def coin_plan(ticks: Sequence[int], *, spread: float, slope_sd: float) -> Plan:
    """Return the plan of a run in which a coin decides the variant of every tick of a persona.

    A coin seldom falls as often on both sides, and whoever has all ticks in one variant counts for
    nothing. So a persona who has both is planned as one value in each: the mean of the ticks that
    fell there, as noisy as these means are on average over the coins.

    Args:
        ticks: In how many ticks each persona rates.
        spread: The standard deviation of the ratings of a persona.
        slope_sd: As in :class:`Plan`.

    Returns:
        A plan ``within``, of as many personas as have ticks in both variants on average.

    Raises:
        InvalidInputError: Fewer than two have.
    """
    both = np.array([1 - 0.5 ** (n - 1) if n > 1 else 0.0 for n in ticks])
    personas = round(float(both.sum()))
    if personas < 2:
        raise InvalidInputError(
            f"{personas} of {len(ticks)} personas would rate both variants; at least 2 are needed"
        )
    noise = np.array([_coin_noise(n) if n > 1 else 0.0 for n in ticks])
    per_value = float((both * noise).sum() / both.sum()) / 2
    return Plan(personas, 2, icc=0.0, rating_sd=spread * per_value**0.5, slope_sd=slope_sd)


def _coin_noise(ticks: int) -> float:
    """Return the mean of 1/h + 1/(n-h) over coins for n ticks that fell on both sides."""
    heads = np.arange(1, ticks)
    weights = stats.binom.pmf(heads, ticks, 0.5)
    return float((weights * (1 / heads + 1 / (ticks - heads))).sum() / weights.sum())


def _above(edge: float, df: int, shift: float) -> float:
    if shift < 0:
        return _below(-edge, df, -shift)
    return float(stats.nct.sf(edge, df, shift)) if shift < _CERTAIN else 1.0


def _below(edge: float, df: int, shift: float) -> float:
    return float(np.nan_to_num(stats.nct.cdf(edge, df, shift))) if shift < _CERTAIN else 0.0


def _error(plan: Plan) -> tuple[int, float]:
    between = plan.icc * plan.rating_sd**2
    within = (1 - plan.icc) * plan.rating_sd**2
    if plan.design == "within":
        half = plan.ticks // 2
        each = plan.slope_sd**2 + within * (1 / half + 1 / (plan.ticks - half))
        return plan.personas - 1, float(np.sqrt(each / plan.personas))
    first = plan.personas // 2
    each = between + within / plan.ticks
    return plan.personas - 2, float(np.sqrt(each * (1 / first + 1 / (plan.personas - first))))


def _check(plan: Plan) -> None:
    fewest = (2, 2) if plan.design == "within" else (4, 1)
    if plan.personas < fewest[0] or plan.ticks < fewest[1]:
        raise InvalidInputError(
            f"{plan.personas} personas and {plan.ticks} ticks; a comparison {plan.design} "
            f"personas takes at least {fewest[0]} and {fewest[1]}"
        )
    shares = plan.icc, plan.alpha
    if not 0 <= plan.icc <= 1 or not 0 < plan.alpha < 1:
        raise InvalidInputError(f"icc and alpha are shares; got {shares[0]} and {shares[1]}")
    if plan.rating_sd < 0 or plan.slope_sd < 0 or not np.isfinite(_numbers(plan)).all():
        raise InvalidInputError("standard deviations are finite and not negative")


def _numbers(plan: Plan) -> list[float]:
    return [float(value) for value in asdict(plan).values() if not isinstance(value, str)]
