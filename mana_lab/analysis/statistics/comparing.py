"""Comparing: two conditions that every persona saw, or two groups of personas."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from mana_lab.analysis.statistics.intervals import bootstrap_interval
from mana_lab.analysis.statistics.permutation import label_permutation, sign_flip
from mana_lab.analysis.statistics.results import (
    Alternative,
    Floats,
    HypothesisTest,
    Interval,
    Seed,
    generator,
    seed_of,
)
from mana_lab.analysis.statistics.units import unit_values
from mana_lab.errors import InvalidInputError

Personas = Sequence[Hashable] | npt.NDArray[np.str_]


def compare_paired(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    personas: Personas | None = None,
    seed: Seed,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
    question: str = "second - first",
) -> HypothesisTest:
    """Compare two values of each persona: sign-flip test and studentised bootstrap interval.

    Args:
        first: One value per persona.
        second: One value per persona, in the same order.
        personas: Whose they are; each once.
        seed: For the random signs and the draws.
        alternative: ``greater`` means that *second* is higher.
        level: Of the interval.
        question: What the finding is called.

    Raises:
        PseudoReplicationError: There are no persona ids, or one persona has several values.
        InvalidInputError: There are fewer than two personas, or not as many values.
    """
    call = "compare_within(feedback, variant=…)"
    before = unit_values(first, personas, call=call)
    differences = np.sort(unit_values(second, personas, call=call) - before)
    if len(differences) < 2:
        raise InvalidInputError(f"{len(differences)} persona(s) with both values; 2 are needed")
    random = generator(seed)
    return HypothesisTest(
        question=question,
        method="sign-flip permutation",
        statistic=float(differences.mean()),
        p=sign_flip(differences, seed=random, alternative=alternative),
        effect=float(differences.mean()),
        effect_name="mean difference",
        interval=bootstrap_interval(differences, seed=random, level=level),
        n_personas=len(differences),
        n_rows=2 * len(differences),
        alternative=alternative,
        seed=seed_of(seed),
    )


def compare_independent(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    first_personas: Personas | None = None,
    second_personas: Personas | None = None,
    seed: Seed,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
    question: str = "second - first",
) -> HypothesisTest:
    """Compare two groups of personas: label permutation and Welch's interval.

    Args:
        first: One value per persona.
        second: One value per persona of another group.
        first_personas: Whose the values of *first* are.
        second_personas: Whose the values of *second* are.
        seed: For the random labels.
        alternative: ``greater`` means that *second* is higher.
        level: Of the interval.
        question: What the finding is called.

    Raises:
        PseudoReplicationError: There are no persona ids, or one persona has several values.
        InvalidInputError: A group has fewer than two personas, or somebody is in both.
    """
    call = "compare_between(feedback, group=…)"
    before = unit_values(first, first_personas, call=call)
    after = unit_values(second, second_personas, call=call)
    names, others = (np.asarray(group).astype(str) for group in (first_personas, second_personas))
    if np.isin(names, others).any():
        raise InvalidInputError("a persona is in both groups; compare within personas instead")
    p = label_permutation(before, after, seed=seed, alternative=alternative)
    return HypothesisTest(
        question=question,
        method="label permutation",
        statistic=float(after.mean() - before.mean()),
        p=p,
        effect=float(after.mean() - before.mean()),
        effect_name="difference of means",
        interval=_welch(before, after, level),
        n_personas=len(before) + len(after),
        n_rows=len(before) + len(after),
        alternative=alternative,
        seed=seed_of(seed),
    )


def _welch(first: Floats, second: Floats, level: float) -> Interval:
    gap = float(second.mean() - first.mean())
    if (first == first[0]).all() and (second == second[0]).all():
        return Interval(gap, gap, level, "Welch")
    found = stats.ttest_ind(second, first, equal_var=False).confidence_interval(level)
    return Interval(float(found.low), float(found.high), level, "Welch")
