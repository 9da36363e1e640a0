"""Is one module rated above another? Each persona's mean ratings answer, not the ratings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from mana_lab.analysis.statistics.comparing import compare_paired
from mana_lab.analysis.statistics.effects import cliffs_delta, friedman
from mana_lab.analysis.statistics.multiplicity import holm
from mana_lab.analysis.statistics.results import HypothesisTest, Seed, counted, generator, seed_of
from mana_lab.analysis.statistics.units import PERSONA, Units, persona_means, rated
from mana_lab.errors import InvalidInputError


@dataclass(frozen=True, repr=False)
class Pair:
    """Two modules.

    Attributes:
        first: The one that comes first in the alphabet.
        second: The other.
        test: The test of *second* less *first*; None where fewer than two personas rated both.
        p_holm: Its p-value, adjusted over all pairs; NaN without a test.
        cliffs_delta: How often a persona's mean of *second* is above one of *first*, less how
            often below; NaN without a test.
        n_personas: How many personas rated both.
        n_left_out: How many rated only one of them.
    """

    first: str
    second: str
    test: HypothesisTest | None
    p_holm: float
    cliffs_delta: float
    n_personas: int
    n_left_out: int

    def __repr__(self) -> str:
        if self.test is None:
            return f"<{self.second} - {self.first}: {counted(self.n_personas, 'persona')}>"
        return (
            f"<{self.second} - {self.first}: {self.test.effect:+.3f} "
            f"{self.test.interval!r}, Holm p = {self.p_holm:.3f}, "
            f"{counted(self.n_personas, 'persona')}>"
        )


@dataclass(frozen=True, repr=False)
class ModuleComparison:
    """How the modules compare.

    Attributes:
        overall: Friedman's test with Kendall's W as the effect; None for two modules, or where
            fewer than two personas rated all.
        pairs: All pairs of modules.
        means: The mean over personas of their mean ratings, by module.
        n_personas: How many personas rated anything.
        n_complete: How many rated every module; Friedman's test rests on them.
        n_rows: How many ratings.
        n_missing: How many rows had no rating.
    """

    overall: HypothesisTest | None
    pairs: tuple[Pair, ...]
    means: dict[str, float]
    n_personas: int
    n_complete: int
    n_rows: int
    n_missing: int

    def pairs_df(self) -> pd.DataFrame:
        """Return the pairs as rows; what was not tested is missing."""
        return pd.DataFrame([_row(pair) for pair in self.pairs])

    def __repr__(self) -> str:
        return (
            f"<{len(self.means)} modules, {counted(self.n_personas, 'persona')} "
            f"({self.n_complete} with all modules): {self.overall!r}>"
        )


def compare_modules(
    feedback: pd.DataFrame, *, seed: Seed, level: float = 0.95, by: str = "module"
) -> ModuleComparison:
    """Compare the ratings of modules.

    Friedman's test takes the personas who rated every module; each pair takes those who rated
    both. Pairs are tested by flipping signs, and their p-values adjusted after Holm.

    Args:
        feedback: Rows of ``feedback_df``.
        seed: For the random signs and the draws.
        level: Of the intervals.
        by: Another column than ``module``.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: There are fewer than two modules, or a rating is not from 1 to 5.
    """
    call = "compare_modules(feedback)"
    units = persona_means(feedback, by, call=call)
    if units.means.shape[1] < 2:
        raise InvalidInputError(f"there is one {by} only; comparing takes two")
    rows, _ = rated(feedback, by, call=call)
    counts = rows.groupby([PERSONA, by], observed=True).size().unstack(fill_value=0)
    random = generator(seed)
    pairs = [
        _pair(units, counts, (first, second), random, level)
        for first, second in combinations(units.means.columns, 2)
    ]
    adjusted = holm([pair.test.p if pair.test else np.nan for pair in pairs])
    complete = units.means.dropna()
    return ModuleComparison(
        overall=_overall(complete, counts, units, by, seed),
        pairs=tuple(
            replace(
                pair,
                p_holm=float(p),
                test=pair.test and replace(pair.test, seed=seed_of(seed)),
            )
            for pair, p in zip(pairs, adjusted, strict=True)
        ),
        means={str(name): float(mean) for name, mean in units.means.mean().items()},
        n_personas=len(units.means),
        n_complete=len(complete),
        n_rows=units.n_rows,
        n_missing=units.n_missing,
    )


def _overall(
    complete: pd.DataFrame, counts: pd.DataFrame, units: Units, by: str, seed: Seed
) -> HypothesisTest | None:
    if complete.shape[1] < 3 or len(complete) < 2:
        return None
    found = friedman(complete)
    return HypothesisTest(
        question=f"any {by}",
        method="Friedman",
        statistic=found.chi2,
        p=found.p,
        effect=found.w,
        effect_name="Kendall's W",
        interval=None,
        n_personas=found.n_personas,
        n_rows=int(counts.loc[complete.index].to_numpy().sum()),
        n_missing=units.n_missing,
        seed=seed_of(seed),
    )


def _pair(
    units: Units,
    counts: pd.DataFrame,
    names: tuple[str, str],
    random: np.random.Generator,
    level: float,
) -> Pair:
    first, second = names
    both = units.means[[first, second]].dropna()
    either = int(units.means[[first, second]].notna().any(axis="columns").sum())
    if len(both) < 2:
        return Pair(str(first), str(second), None, np.nan, np.nan, len(both), either - len(both))
    test = compare_paired(
        both[first],
        both[second],
        personas=both.index.to_numpy(),
        seed=random,
        level=level,
        question=f"{second} - {first}",
    )
    n_rows = int(counts.loc[both.index, [first, second]].to_numpy().sum())
    return Pair(
        first=str(first),
        second=str(second),
        test=replace(test, n_rows=n_rows, n_missing=units.n_missing),
        p_holm=np.nan,
        cliffs_delta=cliffs_delta(both[first], both[second]),
        n_personas=len(both),
        n_left_out=either - len(both),
    )


def _row(pair: Pair) -> dict[str, object]:
    found = pair.test
    interval = found.interval if found else None
    return {
        "first": pair.first,
        "second": pair.second,
        "difference": found.effect if found else np.nan,
        "low": interval.low if interval else np.nan,
        "high": interval.high if interval else np.nan,
        "p": found.p if found else np.nan,
        "p_holm": pair.p_holm,
        "cliffs_delta": pair.cliffs_delta,
        "personas": pair.n_personas,
        "left_out": pair.n_left_out,
    }
