"""Coverage: how evenly a population fills what people can be like.

The measure is the squared centred L2 discrepancy (Hickernell 1998) of the points that the traits
are in the unit cube: the smaller, the more evenly they lie, and 0 is out of reach. Beside it
stands what independent uniform personas come to on average, for which there is a closed form: of
*n* points in *d* dimensions, ((5/4)^d - (13/12)^d) / n.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

import pandas as pd

from mana_lab.analysis.columns import TRAITS

_QUARTERS = ("0 to 0.25", "0.25 to 0.5", "0.5 to 0.75", "0.75 to 1")
_CHOICES = {"tick_cadence": "cadence", "archetype": "archetype", "timezone": "time zone"}


class Discrepancy(NamedTuple):
    """How evenly personas fill the space of their traits.

    Attributes:
        personas: How many have traits.
        spans: The least and the largest value of each trait in which they differ.
        found: Their squared centred discrepancy within these spans; NaN where none differ.
        by_chance: What it would be on average, were they drawn independently.
    """

    personas: int
    spans: Mapping[str, tuple[float, float]]
    found: float
    by_chance: float


def trait_discrepancy(personas: pd.DataFrame) -> Discrepancy:
    """Return how evenly *personas* fill the space that their traits span.

    It takes time with the square of their number: less than a tenth of a second for 2,000.

    Args:
        personas: Rows of ``personas_df``; those without traits do not count.
    """
    known = with_traits(personas)
    spans = dict(_spans(known))
    if not spans:
        return Discrepancy(len(known), spans, math.nan, math.nan)
    from scipy.stats import qmc

    n, d = len(known), len(spans)
    lows, highs = pd.DataFrame(spans).to_numpy()
    gaps = (highs - lows) / (n - 1)  # uniform draws hardly ever hit their bounds
    lows, highs = (lows - gaps).clip(min=0), (highs + gaps).clip(max=1)
    points = (known[list(spans)].to_numpy() - lows) / (highs - lows)
    by_chance = ((5 / 4) ** d - (13 / 12) ** d) / n
    return Discrepancy(n, spans, float(qmc.discrepancy(points)), by_chance)


def coverage_table(personas: pd.DataFrame) -> pd.DataFrame:
    """Return how many personas are of each kind.

    Args:
        personas: Rows of ``personas_df``.

    Returns:
        A row for each quarter of each trait, each cadence, archetype and time zone, and each
        module, with ``personas`` (how many; of a module, how many mean to use it) and ``share``
        (theirs of all; of a module, the mean share that they mean to give it, 0 … 1).
    """
    rows = [*_quarters(personas), *_chosen(personas), *_modules(personas)]
    index = pd.MultiIndex.from_tuples([row[:2] for row in rows], names=["aspect", "kind"])
    return pd.DataFrame(
        {
            "personas": pd.Series([row[2] for row in rows], index=index, dtype="int64"),
            "share": pd.Series([row[3] for row in rows], index=index, dtype="float64"),
        }
    )


def with_traits(personas: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of *personas* that have traits, these as numbers."""
    typed = personas.astype(dict.fromkeys(TRAITS, "float64"))
    return typed[typed[list(TRAITS)].notna().all(axis="columns")]


_Row: TypeAlias = tuple[str, str, int, float]


def _quarters(personas: pd.DataFrame) -> Iterator[_Row]:
    known = with_traits(personas)
    for trait in TRAITS:
        quarter = (known[trait] * 4).astype("int64").clip(upper=3).value_counts()
        for place, name in enumerate(_QUARTERS):
            count = int(quarter.get(place, 0))
            yield trait, name, count, count / max(1, len(known))


def _chosen(personas: pd.DataFrame) -> Iterator[_Row]:
    for column, aspect in _CHOICES.items():
        for name, count in sorted(personas[column].value_counts().items(), key=_by_count):
            yield aspect, str(name), int(count), count / len(personas)


def _modules(personas: pd.DataFrame) -> Iterator[_Row]:
    shares: dict[str, list[float]] = {}
    for mix in personas["module_mix"]:
        total = sum(mix.values()) or 1
        for module, weight in mix.items():
            if weight > 0:
                shares.setdefault(module, []).append(weight / total)
    for module, each in sorted(shares.items(), key=lambda item: (-sum(item[1]), item[0])):
        yield "module", module, len(each), sum(each) / len(personas)


def _by_count(item: tuple[object, int]) -> tuple[int, str]:
    return -item[1], str(item[0])


def _spans(known: pd.DataFrame) -> Iterator[tuple[str, tuple[float, float]]]:
    for trait in TRAITS:
        low, high = float(known[trait].min()), float(known[trait].max())
        if low < high:
            yield trait, (low, high)
