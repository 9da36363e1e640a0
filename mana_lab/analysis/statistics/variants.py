"""Did a change help? Two variants, seen by the same personas or by different ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mana_lab.analysis.statistics.clmm import fit_clmm
from mana_lab.analysis.statistics.clmm_results import ClmmFit, Effect
from mana_lab.analysis.statistics.comparing import compare_independent, compare_paired
from mana_lab.analysis.statistics.effects import cliffs_delta, probability_better
from mana_lab.analysis.statistics.results import Alternative, HypothesisTest, Seed, counted
from mana_lab.analysis.statistics.units import PERSONA, Units, persona_means, rated
from mana_lab.errors import InvalidInputError

_CHANGED = "changed"


@dataclass(frozen=True, repr=False)
class VariantEffect:
    """What a variant did to the ratings of the personas who saw both.

    Attributes:
        baseline: The variant that is compared with.
        variant: The other.
        difference: The test of the within-persona difference, in rating points.
        p_better: The share of personas who rate *variant* higher; ties count half.
        better: How many personas rate it higher.
        worse: How many rate it lower.
        log_odds: Of a higher rating under *variant*, from *model*; take its robust interval, since
            personas react differently. None where all ratings are equal.
        model: The cumulative-link mixed model; None as above.
        n_left_out: How many personas saw only one variant.
    """

    baseline: str
    variant: str
    difference: HypothesisTest
    p_better: float
    better: int
    worse: int
    log_odds: Effect | None
    model: ClmmFit | None
    n_left_out: int

    def __repr__(self) -> str:
        return f"{self.difference!r}"


@dataclass(frozen=True, repr=False)
class GroupEffect:
    """How two groups of personas differ.

    Attributes:
        baseline: The group that is compared with.
        group: The other.
        difference: The test of the difference, in rating points.
        cliffs_delta: How often a persona of *group* rates above one of *baseline*, less how often
            below.
        n_baseline: How many personas are in *baseline*.
        n_group: How many are in *group*.
    """

    baseline: str
    group: str
    difference: HypothesisTest
    cliffs_delta: float
    n_baseline: int
    n_group: int

    def __repr__(self) -> str:
        return f"{self.difference!r}"


def compare_within(
    feedback: pd.DataFrame,
    *,
    variant: str,
    seed: Seed,
    baseline: str | None = None,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
) -> VariantEffect:
    """Compare two variants that the same personas saw.

    Args:
        feedback: Rows of ``feedback_df`` and the column *variant*.
        variant: The column that says which of two variants was seen.
        seed: For the random signs and the draws.
        baseline: With which variant to compare; the first of the alphabet unless given.
        alternative: ``greater`` means that the other variant is rated higher.
        level: Of the intervals.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: There are not two variants, fewer than two personas saw both, or a
            rating is not from 1 to 5.
    """
    units, first, second = _two(feedback, variant, baseline, "compare_within")
    both = units.means[[first, second]].dropna()
    if len(both) < 2:
        raise InvalidInputError(
            f"{counted(len(both), 'persona')} saw both {first!r} and {second!r}; 2 are needed: "
            "let them live longer, or compare different personas by compare_between"
        )
    rows, _ = rated(feedback, variant, call="compare_within")
    shared = rows[rows[PERSONA].isin(both.index)]
    finding = compare_paired(
        both[first],
        both[second],
        personas=both.index.to_numpy(),
        seed=seed,
        alternative=alternative,
        level=level,
        question=f"{second} - {first}",
    )
    model = _model(shared, variant, second, level)
    gaps = (both[second] - both[first]).to_numpy()
    return VariantEffect(
        baseline=first,
        variant=second,
        difference=replace(finding, n_rows=len(shared), n_missing=units.n_missing),
        p_better=probability_better(gaps),
        better=int((gaps > 0).sum()),
        worse=int((gaps < 0).sum()),
        log_odds=replace(model[_CHANGED], name=finding.question) if model else None,
        model=model,
        n_left_out=len(units.means) - len(both),
    )


def compare_between(
    feedback: pd.DataFrame,
    *,
    group: str,
    seed: Seed,
    baseline: str | None = None,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
) -> GroupEffect:
    """Compare two groups of different personas.

    More ratings of each persona hardly help here; more personas do.

    Args:
        feedback: Rows of ``feedback_df`` and the column *group*.
        group: The column that says in which of two groups a persona is.
        seed: For the random labels.
        baseline: With which group to compare; the first of the alphabet unless given.
        alternative: ``greater`` means that the other group rates higher.
        level: Of the interval.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: There are not two groups of two personas each, or a persona is in both.
    """
    units, first, second = _two(feedback, group, baseline, "compare_between")
    before, after = units.means[first].dropna(), units.means[second].dropna()
    finding = compare_independent(
        before,
        after,
        first_personas=list(before.index),
        second_personas=list(after.index),
        seed=seed,
        alternative=alternative,
        level=level,
        question=f"{second} - {first}",
    )
    return GroupEffect(
        baseline=first,
        group=second,
        difference=replace(finding, n_rows=units.n_rows, n_missing=units.n_missing),
        cliffs_delta=cliffs_delta(before, after),
        n_baseline=len(before),
        n_group=len(after),
    )


def _two(
    feedback: pd.DataFrame, column: str, baseline: str | None, call: str
) -> tuple[Units, str, str]:
    argument = "variant" if call == "compare_within" else "group"
    units = persona_means(feedback, column, call=f"{call}(feedback, {argument}={column!r})")
    units.means.columns = units.means.columns.astype(str)
    names = list(units.means.columns)
    if len(names) != 2:
        raise InvalidInputError(f"{column!r} has to have two values; it has: {', '.join(names)}")
    if baseline is None:
        return units, names[0], names[1]
    if baseline not in names:
        raise InvalidInputError(f"{column!r} is never {baseline!r}; it is {' or '.join(names)}")
    names.remove(baseline)
    return units, baseline, names[0]


def _model(rows: pd.DataFrame, variant: str, changed: str, level: float) -> ClmmFit | None:
    if rows["rating"].nunique() < 2:
        return None
    coded = rows.assign(**{_CHANGED: np.where(rows[variant].astype(str) == changed, 1.0, 0.0)})
    return fit_clmm(coded, _CHANGED, level=level)
