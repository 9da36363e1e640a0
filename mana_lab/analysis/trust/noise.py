"""The noise floor of what is shown, measured from the ratings that it rests on.

Two parts of a run in which the app was the same are compared: the blind halves of the control of an
experiment, or every other tick of each persona and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pandas as pd

from mana_lab.analysis.contrast.arms import AGAIN, CONTROL
from mana_lab.analysis.statistics.noise import floor_of
from mana_lab.analysis.statistics.sensitivity import slopes_of
from mana_lab.analysis.statistics.units import PERSONA, persona_means
from mana_lab.analysis.trust.trust import ALL, POINTS, Noise, NoiseSource
from mana_lab.errors import InvalidInputError, MixedBrainsError

FEWEST: Final = 5
"""Fewer personas have no floor: it would go by how far these few happen to differ."""
Measure = Callable[[pd.DataFrame], "pd.Series[float]"]
"""What is told of each persona by a part of the ratings."""


def noise_of_mean(rows: pd.DataFrame, of: str = ALL) -> Noise | None:
    """Return by how much mean ratings differ where nothing was changed.

    Args:
        rows: Ratings in context, of what is shown alone.
        of: What that is, such as a module.

    Returns:
        None where fewer than :data:`FEWEST` personas rated in both parts, or several brains did.
    """
    return _noise(rows, _means, of, POINTS)


def noise_of_pair(rows: pd.DataFrame, first: str, second: str) -> Noise | None:
    """Return by how much the difference of two modules differs where nothing was changed.

    Args:
        rows: Ratings in context.
        first: The module that is compared with.
        second: The other.
    """

    def gaps(part: pd.DataFrame) -> pd.Series[float]:
        means = persona_means(part, "module").means.reindex(columns=[first, second])
        return means[second] - means[first]

    both = rows[rows["module"].isin([first, second])]
    return _noise(both, gaps, f"{second} less {first}", POINTS)


def noise_of_slope(rows: pd.DataFrame, dose: str, unit: str) -> Noise | None:
    """Return by how much the mean slope of ratings differs where nothing was changed.

    Args:
        rows: Ratings in context.
        dose: As for :func:`mana_lab.analysis.statistics.sensitivity.slopes_of`.
        unit: What the slope is in.
    """
    return _noise(rows, lambda part: pd.Series(slopes_of(part, dose)), "the slope", unit)


def noise_of_modules(rows: pd.DataFrame) -> Noise | None:
    """Return the largest of the noise floors of the modules, each measured by itself.

    Args:
        rows: Ratings in context.
    """
    names = sorted(map(str, rows["module"].unique()))
    each = [noise_of_mean(rows[rows["module"] == name], name) for name in names]
    known = [noise for noise in each if noise is not None]
    if not known:
        return None
    most = max(known, key=lambda noise: noise.floor.mean)
    several = f"{most.of}, the largest of {len(known)} modules"
    return replace(most, of=several) if len(known) > 1 else most


def _noise(rows: pd.DataFrame, measure: Measure, of: str, unit: str) -> Noise | None:
    if rows["brain"].nunique(dropna=False) != 1:
        return None
    for source, first, second in _parts(rows):
        try:
            gaps = (measure(second) - measure(first)).dropna()
        except (InvalidInputError, MixedBrainsError):
            continue
        if len(gaps) >= FEWEST:
            return Noise(floor_of(gaps), source, of, unit)
    return None


def _parts(rows: pd.DataFrame) -> Iterator[tuple[NoiseSource, pd.DataFrame, pd.DataFrame]]:
    first, second = (rows[rows["variant"] == name] for name in (CONTROL, AGAIN))
    yield "blind A/A", first, second
    known = rows[rows["tick"].notna()]
    odd = known.groupby(PERSONA)["tick"].rank("dense") % 2 == 1
    yield "split halves", known[odd], known[~odd]


def _means(part: pd.DataFrame) -> pd.Series[float]:
    return persona_means(part.assign(every=1), "every").means[1]
