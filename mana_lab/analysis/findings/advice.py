"""Advice: which run would be able to show something, where this one shows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from mana_lab.analysis.findings.basis import FEWEST, Basis
from mana_lab.analysis.findings.finding import number
from mana_lab.analysis.statistics.planning import Plan, minimum_detectable_effect, personas_needed
from mana_lab.analysis.wording import counted

WORTH: Final = 0.3
"""A difference in rating points that is worth finding."""
_USUAL: Final = Plan(personas=10, ticks=30)


def advice(basis: Basis) -> str:
    """Return what a run like this one finds, and how many personas a small difference takes."""
    plan = _plan(basis)
    tests = (
        f"A test of one tool or one pair of modules takes at least {FEWEST} personas who used it."
    )
    if plan is None:
        needed = personas_needed(_USUAL, WORTH)
        return (
            f"There are too few ratings to plan with; with ratings as they usually are, a "
            f"difference of {WORTH} points between two variants takes {needed} personas with "
            f"{_USUAL.ticks} ratings each to be found in 4 of 5 runs. {tests}"
        )
    least = number(minimum_detectable_effect(plan))
    needed = personas_needed(plan, WORTH)
    return (
        f"A run like this one ({counted(plan.personas, 'persona')}, about {plan.ticks} ratings "
        f"each) finds a difference of {least} points between two variants in 4 of 5 cases; one of "
        f"{WORTH} takes {counted(needed, 'persona')}. {tests}"
    )


def _plan(basis: Basis) -> Plan | None:
    rows, icc = basis.ratings, basis.trust.icc
    if icc is None or np.isnan(icc.icc) or icc.n_personas < 2:
        return None
    each = int(rows.groupby("email").size().median())
    spread = float(rows["rating"].astype("float64").std())
    if each < 2:
        return None
    share = min(1.0, max(0.0, icc.icc))
    return replace(_USUAL, personas=icc.n_personas, ticks=each, icc=share, rating_sd=spread)
