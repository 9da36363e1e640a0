"""Calibration to humans: what personas say of many, corrected by what people say of a few.

Prediction-powered inference (Angelopoulos et al. 2023, *Science* 382): the mean over all personas
or people that were simulated, less by how much the simulation was off where a person answered
too. With a weight that is chosen from the data it is never much worse than the people alone
(Angelopoulos, Duchi and Zrnic 2023, "PPI++").
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.analysis.statistics.results import Floats, Interval, counted
from mana_lab.analysis.statistics.units import unit_values
from mana_lab.errors import InvalidInputError

_CALL = "calibrated_mean(…, people=…, personas=…) with the means of persona_means(feedback, …)"


@dataclass(frozen=True)
class Calibrated:
    """A mean that was corrected to what people say.

    Attributes:
        mean: The corrected mean.
        std_error: Its standard error.
        interval: Its interval, by Student's distribution with one degree less than people.
        rectifier: By how much people answer above the personas who stand for them.
        rectifier_interval: Its interval; that it leaves out 0 says that personas are biased.
        weight: How far the personas count, 0 … 1.
        effective_n: As many people's answers alone would have had this standard error.
        n_humans: How many people answered.
        n_simulated: How many personas had nobody.
    """

    mean: float
    std_error: float
    interval: Interval
    rectifier: float
    rectifier_interval: Interval
    weight: float
    effective_n: float
    n_humans: int
    n_simulated: int


def calibrated_mean(
    human: npt.ArrayLike,
    simulated: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    *,
    people: Sequence[Hashable] | npt.ArrayLike | None = None,
    personas: Sequence[Hashable] | npt.ArrayLike | None = None,
    tuned: bool = True,
    level: float = 0.95,
) -> Calibrated:
    """Return the mean over people, with the help of personas.

    Args:
        human: What each person said on average.
        simulated: What the persona who stands for that person said, in the same order.
        unlabelled: What personas said for whom nobody answered.
        people: Who the people are; each once.
        personas: Who the personas of *unlabelled* are; each once.
        tuned: Choose the weight of the personas from the data; else it is 1.
        level: Of the intervals.

    Raises:
        PseudoReplicationError: There are no ids, or somebody has several values.
        InvalidInputError: There are fewer than two people or personas, people without a persona,
            or a value is not finite.
    """
    y, f = (unit_values(part, people, call=_CALL) for part in (human, simulated))
    more = unit_values(unlabelled, personas, call=_CALL)
    if len(y) < 2 or len(more) < 2:
        raise InvalidInputError(
            f"{counted(len(y), 'person')} and {counted(len(more), 'other persona')}; at least two "
            "people with a persona each and two others are needed"
        )
    n, m = len(y), len(more)
    weight = _weight(y, f, more) if tuned else 1.0
    off = y - f
    residual = y - weight * f
    error = float(np.sqrt(residual.var(ddof=1) / n + weight**2 * more.var(ddof=1) / m))
    mean = float(residual.mean() + weight * more.mean())
    reach = float(stats.t.isf((1 - level) / 2, n - 1))
    off_reach = reach * float(off.std(ddof=1)) / float(np.sqrt(n))
    return Calibrated(
        mean=mean,
        std_error=error,
        interval=Interval(mean - reach * error, mean + reach * error, level, "PPI, t, n-1 df"),
        rectifier=float(off.mean()),
        rectifier_interval=Interval(
            float(off.mean()) - off_reach, float(off.mean()) + off_reach, level, "t, n-1 df"
        ),
        weight=weight,
        effective_n=float(y.var(ddof=1) / error**2) if error else float("inf"),
        n_humans=n,
        n_simulated=m,
    )


def _weight(y: Floats, f: Floats, more: Floats) -> float:
    spread = float(np.concatenate([f, more]).var(ddof=1))
    if spread == 0:
        return 0.0
    best = float(np.cov(y, f)[0, 1]) / ((1 + len(y) / len(more)) * spread)
    return min(1.0, max(0.0, best))
