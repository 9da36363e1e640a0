"""Drift: whether two runs, or two models, rate differently.

Two questions, both with the persona as their unit: did the means shift (a sign-flip test), and
did the distributions move apart (a permutation test in which each persona's two sets of ratings
are exchanged or not).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from mana_lab.analysis.statistics.agreement import krippendorff_alpha, weighted_kappa
from mana_lab.analysis.statistics.comparing import compare_paired
from mana_lab.analysis.statistics.noise import NoiseFloor
from mana_lab.analysis.statistics.results import (
    Floats,
    HypothesisTest,
    Seed,
    counted,
    generator,
    seed_of,
)
from mana_lab.analysis.statistics.units import HIGHEST, LOWEST, PERSONA, halves, rated
from mana_lab.errors import InvalidInputError

_RESAMPLES = 1_999


@dataclass(frozen=True)
class Drift:
    """How the ratings of the same personas differ between two runs.

    Attributes:
        shift: The test of the mean shift, later less earlier, in rating points.
        emd: The earth mover's distance of the two distributions, in rating points; each persona
            counts the same.
        ks: Their Kolmogorov-Smirnov distance, 0 … 1.
        p_distance: Of *emd*, by exchanging the runs within personas.
        floor: What runs of the same app differ by; None where that is not known.
        alarm: Whether the shift is significant and, where a floor is known, above it.
    """

    shift: HypothesisTest
    emd: float
    ks: float
    p_distance: float
    floor: NoiseFloor | None
    alarm: bool


@dataclass(frozen=True)
class ModelComparison:
    """How two models rate as the same personas.

    Attributes:
        drift: How the ratings differ.
        kappa: Cohen's kappa with quadratic weights, of ratings of the same persona, tick and
            module.
        alpha: Krippendorff's alpha of the same pairs.
        n_pairs: How many pairs there are.
    """

    drift: Drift
    kappa: float
    alpha: float
    n_pairs: int


def compare_runs(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    seed: Seed,
    floor: NoiseFloor | None = None,
    alpha: float = 0.05,
) -> Drift:
    """Compare the ratings of the same personas in two runs.

    Args:
        before: Ratings of the earlier run.
        after: Ratings of the later one.
        seed: For signs and exchanges.
        floor: What runs of the same app differ by.
        alpha: At which level a shift alarms.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: Fewer than two personas are in both, or a rating is not from 1 to 5.
    """
    call = "compare_runs(before, after)"
    rows, missing = rated(halves(before, after), call=call)
    shares = _shares(rows)
    levels = np.arange(LOWEST, HIGHEST + 1)
    random = generator(seed)
    finding = compare_paired(
        shares[0] @ levels,
        shares[1] @ levels,
        personas=[str(n) for n in range(shares.shape[1])],
        seed=random,
        level=1 - alpha,
        question="later - earlier",
    )
    shift = replace(finding, n_rows=len(rows), n_missing=missing, seed=seed_of(seed))
    gaps = (shares[1] - shares[0]).cumsum(axis=1)[:, :-1]
    least = floor.mean if floor else 0.0
    return Drift(
        shift=shift,
        emd=float(np.abs(gaps.mean(axis=0)).sum()),
        ks=float(np.abs(gaps.mean(axis=0)).max()),
        p_distance=_distance_p(gaps, random),
        floor=floor,
        alarm=bool(shift.p < alpha and abs(shift.effect) > least),
    )


def compare_models(
    first: pd.DataFrame, second: pd.DataFrame, *, seed: Seed, floor: NoiseFloor | None = None
) -> ModelComparison:
    """Compare how two models with the same brain rate as the same personas.

    Args:
        first: Ratings of one model.
        second: Ratings of the other.
        seed: For signs and exchanges.
        floor: What two runs of one model differ by.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: They have no persona in common, or a rating is not from 1 to 5.
    """
    keys = [PERSONA, "tick", "module"]
    call = "compare_models(first, second)"
    rows, _ = rated(halves(first, second), "tick", "module", call=call)
    sides = [rows[rows["half"] == half] for half in ("A", "B")]
    medians = [side.groupby(keys, observed=True)["rating"].median() for side in sides]
    pairs = pd.concat(medians, axis="columns", keys=["first", "second"]).dropna()
    table = pairs.to_numpy(dtype=float).T
    return ModelComparison(
        drift=compare_runs(first, second, seed=seed, floor=floor),
        kappa=weighted_kappa(table[0], table[1]),
        alpha=krippendorff_alpha(table).alpha,
        n_pairs=len(pairs),
    )


def _shares(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    levels = range(LOWEST, HIGHEST + 1)
    found = []
    for half in ("A", "B"):
        part = rows[rows["half"] == half]
        counts = pd.crosstab(part[PERSONA], part["rating"]).reindex(columns=levels, fill_value=0)
        found.append(counts.div(counts.sum(axis="columns"), axis="index"))
    people = found[0].index.intersection(found[1].index).sort_values()
    if len(people) < 2:
        raise InvalidInputError(f"{counted(len(people), 'persona')} in both runs; 2 are needed")
    return np.stack([part.loc[people].to_numpy(dtype=float) for part in found])


def _distance_p(gaps: Floats, random: np.random.Generator) -> float:
    observed = float(np.abs(gaps.sum(axis=0)).sum())
    signs = random.choice([-1.0, 1.0], (_RESAMPLES, len(gaps)))
    extreme = int((np.abs(signs @ gaps).sum(axis=1) >= observed * (1 - 1e-9)).sum())
    return (extreme + 1) / (_RESAMPLES + 1)
