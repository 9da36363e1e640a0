"""Advice: which run would be able to show something, where this one shows nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from mana_lab.analysis.findings.basis import FEWEST, Basis
from mana_lab.analysis.findings.finding import number
from mana_lab.analysis.statistics.planning import (
    Plan,
    coin_plan,
    minimum_detectable_effect,
    personas_needed,
)
from mana_lab.analysis.wording import counted
from mana_lab.errors import InvalidInputError

WORTH: Final = 0.3
"""A difference in rating points that is worth finding."""
REACTION: Final = 0.3
"""The standard deviation of personas' reactions that is assumed: a run of one app shows none."""
_STRICT: Final = 0.03
"""An effect holds up by flipped signs and by its interval, both at 0.05. Simulated with 6 to 30
personas, the two together find as much as Student's test at 0.02 to 0.045."""
_USUAL_TICKS: Final = 30
_USUAL_SPREAD: Final = 0.8
"""The standard deviation of the ratings of a persona of a module, as it usually is."""
_ASSUMED: Final = (
    "This takes a coin for every tick, an experiment that does not end early, and personas whose "
    f"reactions to the change differ by a standard deviation of {REACTION} points, which is assumed"
)
_TESTS: Final = (
    f"A test of one tool or one pair of modules takes at least {FEWEST} personas who used it"
)


@dataclass(frozen=True)
class Typical:
    """A module that is rated as often as is typical, and what an experiment about it would find.

    Attributes:
        module: The one in the middle, by the number of ticks in which it is rated. Its ratings are
            taken to be as noisy as those of all modules are.
        ticks: In how many ticks each persona rated it; who did so once can compare nothing and is
            left out.
        plan: The experiment, with a coin for every tick.
    """

    module: str
    ticks: tuple[int, ...]
    plan: Plan

    def __str__(self) -> str:
        each = sorted(self.ticks)[(len(self.ticks) - 1) // 2]
        return (
            f"{self.module}, which is rated as often as is typical here "
            f"({counted(len(self.ticks), 'persona')}, about {each} ticks each)"
        )

    def needed(self, effect: float) -> int:
        """Return how many personas who rate the module so often find an effect in 4 of 5 cases."""
        have_both = self.plan.personas / len(self.ticks)
        return max(FEWEST, math.ceil(personas_needed(self.plan, effect) / have_both))


def typical_module(rows: pd.DataFrame) -> Typical | None:
    """Return what an experiment about a typical module would find.

    Args:
        rows: Ratings in context.

    Returns:
        None where the ratings are of several kinds of brains, or too few.
    """
    if rows["brain"].nunique(dropna=False) != 1:
        return None
    by = ["module", "email"]
    ticks = rows.groupby([*by, "tick_id"])["rating"].mean().astype("float64").reset_index()
    known = ticks[ticks.groupby(by)["rating"].transform("size") > 1]
    if known.empty:
        return None
    often = known.groupby("module").size().reset_index(name="ticks")
    ordered = often.sort_values(["ticks", "module"])["module"]
    module = str(ordered.iloc[(len(ordered) - 1) // 2])
    each = tuple(map(int, known[known["module"] == module].groupby("email").size()))
    try:
        plan = _plan(each, _spread(known, by))
    except InvalidInputError:
        return None
    return Typical(module, each, plan)


def _plan(ticks: tuple[int, ...], spread: float) -> Plan:
    return replace(coin_plan(ticks, spread=spread, slope_sd=REACTION), alpha=_STRICT)


def _spread(ticks: pd.DataFrame, by: list[str]) -> float:
    """Return the standard deviation of a persona's ratings of a module, over all of them."""
    ratings = ticks.groupby(by)["rating"]
    gaps = ticks["rating"] - ratings.transform("mean")
    return math.sqrt(float((gaps**2).sum()) / (len(ticks) - ratings.ngroups))


def advice(basis: Basis) -> str:
    """Return what a run like this one finds, and how many personas a small difference takes."""
    found = typical_module(basis.ratings)
    told = _as_usual() if found is None else _like_this(found)
    return f"{told} {_ASSUMED}. {_TESTS}."


def _like_this(found: Typical) -> str:
    needed = counted(found.needed(WORTH), "persona")
    if found.plan.personas < FEWEST:
        return (
            "A run like this one is too small for an experiment about one module, whose test takes "
            f"at least {FEWEST} personas who rate it under both variants: of {found}, "
            f"{found.plan.personas} would; a difference of {WORTH} points takes {needed}."
        )
    least = number(minimum_detectable_effect(found.plan))
    return (
        f"A run like this one, as an experiment about one module, finds a difference of {least} "
        f"points between two variants in 4 of 5 cases; one of {WORTH} takes {needed}. That is said "
        f"of {found}."
    )


def _as_usual() -> str:
    plan = _plan((_USUAL_TICKS,) * FEWEST, _USUAL_SPREAD)
    return (
        "There are too few ratings of one kind of brain to plan with; with ratings as they usually "
        f"are, a difference of {WORTH} points in a module between two variants takes "
        f"{personas_needed(plan, WORTH)} personas who rate it in {_USUAL_TICKS} ticks each to be "
        "found in 4 of 5 cases."
    )
