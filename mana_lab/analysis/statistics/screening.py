"""Screening: many measures of the same personas at once, with the family-wise error held.

Signs are flipped for a whole persona at a time, so that what measures have to do with one another
stays in the permutations: more is found than by Holm, and never more false alarms than agreed
(Westfall and Young 1993, *Resampling-Based Multiple Testing*, the single-step minP method). It is
taken twice: within each group of measures, and over the groups.

Few personas have few patterns, which are all counted, so that no seed matters. Their p-values are
few as well, and the least that can be is reached by each measure in some pattern. Such ties are
broken by how alike the differences of a measure are (the square of its sum over the number of
personas times the sum of squares, which goes with Student's t). It is known under each pattern as
it is of what happened, so the error is held as before; without it, ten personas could hardly ever
show anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mana_lab.analysis.statistics.permutation import all_sums
from mana_lab.analysis.statistics.results import Floats, Seed, generator
from mana_lab.errors import InvalidInputError

PATTERNS = 16_383
"""How many patterns of signs are drawn besides the one that happened; each counts once."""
EXACT_UP_TO = 15
"""So many personas have 16,384 patterns of signs that differ in more than direction: all count."""
_SLACK, _NO_SPREAD = 1e-9, 1e-12


@dataclass(frozen=True, repr=False)
class Screened:
    """What many measures say.

    Attributes:
        table: A row for each measure: ``mean`` difference, ``personas`` that have one,
            ``clarity`` (mean over standard deviation, at most 100), ``p`` of its own,
            ``p_within`` adjusted over its group, and ``p_adjusted`` over all.
        n_measures: How many measures were tested.
        n_personas: How many personas there were.
    """

    table: pd.DataFrame
    n_measures: int
    n_personas: int

    def __repr__(self) -> str:
        return f"<{self.n_measures} measures of {self.n_personas} personas>"


def screen(
    differences: pd.DataFrame, groups: Sequence[str], *, seed: Seed, patterns: int = PATTERNS
) -> Screened:
    """Test many measures at once, each group of them with the same weight.

    Args:
        differences: A row for each persona and a column for each measure: the difference between
            two conditions that the persona was in; NaN where they have none. Missing values are
            taken to be missing whatever the condition.
        groups: To which group each column belongs, such as its module.
        seed: For the random patterns of signs. Up to 15 personas who differ in something, all
            patterns are counted, and it does not matter.
        patterns: How many are drawn.

    Returns:
        One row per measure, in the order of the columns. A measure that never differs has
        ``p`` 1.

    Raises:
        InvalidInputError: There are fewer than two personas, no measure, not a group for each,
            or infinite values.
    """
    values = differences.to_numpy(dtype=float)
    if values.ndim != 2 or values.shape[0] < 2 or not values.shape[1] or np.isinf(values).any():
        raise InvalidInputError(
            f"finite differences of shape {values.shape}; two personas and a measure are needed"
        )
    if len(groups) != values.shape[1]:
        raise InvalidInputError(f"{len(groups)} groups of {values.shape[1]} measures; one each")
    values = _ordered(values)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    counts = known.sum(axis=0)
    sums = _sums(filled, generator(seed), patterns)
    shares, alike = _shares_at_least(sums), _alike(sums, filled, counts)
    within, adjusted = _adjusted(_Weighed(shares * len(sums) - alike / 2, alike), groups)
    means = filled.sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(known, (values - means) ** 2, 0.0).sum(axis=0)
    table = pd.DataFrame(
        {
            "mean": np.where(counts, means, np.nan),
            "personas": counts,
            "clarity": _clarity(means, np.sqrt(squares / np.maximum(counts - 1, 1))),
            "p": shares[0],
            "p_within": within,
            "p_adjusted": adjusted,
        },
        index=differences.columns,
    )
    return Screened(table, values.shape[1], values.shape[0])


def _ordered(values: Floats) -> Floats:
    """Return the rows in an order that their sizes decide, whatever the personas are called."""
    filled = np.nan_to_num(values)
    return values[np.lexsort([*filled.T, *np.abs(filled).T])]


class _Weighed(NamedTuple):
    """What each pattern (rows) says of each measure or group (columns).

    Attributes:
        ranks: How many patterns are at least as clear, less a half of *alike*: less is clearer.
        alike: How alike the differences are, 0 … 1.
    """

    ranks: Floats
    alike: Floats

    def clearest(self, places: Sequence[int]) -> _Weighed:
        """Return what is clearest of some columns, as one."""
        ranks, alike = self.ranks[:, places], self.alike[:, places]
        best = ranks.argmin(axis=1)[:, None]
        return _Weighed(*(np.take_along_axis(part, best, axis=1) for part in (ranks, alike)))


def _adjusted(own: _Weighed, groups: Sequence[str]) -> tuple[Floats, Floats]:
    """Return each measure's p-value adjusted over its group, and over all groups."""
    within, best = np.ones(len(groups)), []
    for name in sorted(set(groups)):
        places = [place for place, of in enumerate(groups) if of == name]
        ranks, alike = own.clearest(places)
        within[places] = _shares_up_to(ranks, own.ranks[0, places])
        best.append(_Weighed(_shares_up_to(ranks, ranks) * len(ranks) - alike / 2, alike))
    by_group = _Weighed(*(np.concatenate(parts, axis=1) for parts in zip(*best, strict=True)))
    overall = by_group.clearest(range(len(best))).ranks
    adjusted = _shares_up_to(overall, within * len(overall) - own.alike[0] / 2)
    return within, np.maximum(adjusted, within)


def _shares_up_to(values: Floats, limits: Floats) -> Floats:
    """Return for each limit the share of values that are at most as large."""
    ordered = np.sort(values, axis=None)
    found: Floats = np.searchsorted(ordered, limits + _SLACK, side="right") / len(ordered)
    return found


def _sums(filled: Floats, random: np.random.Generator, patterns: int) -> Floats:
    """Return the size of each measure's sum under each pattern; the first is what happened."""
    moving = filled[filled.any(axis=1)]
    if len(moving) <= EXACT_UP_TO:  # the sign of the first decides nothing but the direction
        counted: Floats = np.abs(all_sums(moving[1:]) + moving[:1].sum(axis=0))
        return counted
    flips = random.integers(0, 2, (patterns + 1, len(moving) - 1), dtype=np.int8)
    flips[0] = 0
    signs = 1.0 - 2.0 * np.unique(flips, axis=0)  # sorted, so that no flip stays first
    drawn: Floats = np.abs(signs @ moving[1:] + moving[0])
    return drawn


def _shares_at_least(sums: Floats) -> Floats:
    """Return for each pattern and measure the share of patterns with a sum at least as large."""
    shares: Floats = np.empty_like(sums)
    for column, values in enumerate(sums.T):
        ordered = np.sort(values)
        slack = _SLACK * float(ordered[-1])
        shares[:, column] = 1.0 - np.searchsorted(ordered, values - slack) / len(ordered)
    return shares


def _alike(sums: Floats, filled: Floats, counts: npt.NDArray[np.int64]) -> Floats:
    """Return for each pattern how alike the differences of each measure are, 0 … 1."""
    most = counts * (filled**2).sum(axis=0)
    there = np.broadcast_to(most > 0, sums.shape)
    found: Floats = np.divide(sums**2, most, out=np.zeros_like(sums), where=there)
    return found


def _clarity(means: Floats, spread: Floats) -> Floats:
    """Return the size of means in units of their spread, at most 100 of them."""
    there = spread > _NO_SPREAD
    size = np.divide(np.abs(means), spread, out=np.full_like(means, np.inf), where=there)
    found: Floats = np.where(means == 0, 0.0, np.minimum(size, 100.0))
    return found
