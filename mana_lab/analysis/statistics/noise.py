"""The noise floor: how large a difference is when nothing was changed.

Two runs of the same app differ too. What they differ by, persona by persona, is measured with an
A/A run: the same build under two names. A difference below the floor is not worth a look however
small its p-value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from mana_lab.analysis.statistics.results import counted
from mana_lab.analysis.statistics.units import halves, persona_means
from mana_lab.errors import InvalidInputError


@dataclass(frozen=True)
class NoiseFloor:
    """What two runs of the same app differ by.

    Attributes:
        persona: The (1-alpha) quantile of the absolute difference of one persona's means.
        mean: What the absolute difference of the mean over the personas stays under with
            probability 1-alpha: t·s/√G, for the spread s of the personas' differences.
        alpha: How often unchanged apps are above the floor.
        n_personas: On how many personas it rests.
    """

    persona: float
    mean: float
    alpha: float
    n_personas: int


def noise_floor(first: pd.DataFrame, second: pd.DataFrame, *, alpha: float = 0.05) -> NoiseFloor:
    """Return the noise floor from an A/A run.

    Args:
        first: Ratings of one run.
        second: Ratings of another run of the same personas, where nothing was changed.
        alpha: How often an unchanged app may be above the floor.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: Fewer than two personas are in both, alpha is not between 0 and 1, or a
            rating is not from 1 to 5.
    """
    both = halves(first, second)
    means = persona_means(both, "half", call="noise_floor(first, second)").means
    whole = means.reindex(columns=["A", "B"]).dropna()
    return floor_of(whole["B"] - whole["A"], alpha=alpha)


def floor_of(gaps: npt.ArrayLike, *, alpha: float = 0.05) -> NoiseFloor:
    """Return the noise floor from what personas differ by in two runs of the same app.

    Args:
        gaps: One difference per persona, of whatever is compared.
        alpha: As of :func:`noise_floor`.

    Raises:
        InvalidInputError: There are fewer than two, or alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise InvalidInputError(f"an alpha of {alpha}; it lies between 0 and 1")
    values = np.asarray(gaps, dtype=float)
    if len(values) < 2:
        raise InvalidInputError(f"{counted(len(values), 'persona')} in both runs; 2 are needed")
    reach = float(stats.t.isf(alpha / 2, len(values) - 1))
    return NoiseFloor(
        persona=float(np.quantile(np.abs(values), 1 - alpha, method="higher")),
        mean=reach * float(values.std(ddof=1)) / float(np.sqrt(len(values))),
        alpha=alpha,
        n_personas=len(values),
    )
