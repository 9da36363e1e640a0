"""Raters that do not rate: constant, central, sycophantic, random and straight-lining ones.

Flags are columns. Nothing is dropped: show results with flagged raters and without.

What the thresholds below rest on are simulated raters of each kind; see the tests. The strongest
sign is how the rating goes with friction: an honest rater's falls when their own calls fail.
Without friction, or with too few ratings, most flags cannot be judged, and are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
from scipy import stats

from mana_lab.analysis.statistics.results import Floats
from mana_lab.analysis.statistics.units import HIGHEST, LOWEST, PERSONA, checked_ratings, needed
from mana_lab.errors import InvalidInputError

FEWEST_RATINGS = 20
"""Below so many ratings nothing is flagged."""
FEWEST_ROUGH_TICKS = 5
"""Below so many ticks with friction, or without, how ratings go with it is not judged."""
UNMOVED = -0.2
"""An honest rater's rank correlation of rating and friction is below; at or above is unmoved."""
CENTRAL_MID = 0.75
"""A central rater gives at least this share of threes."""
SYCOPHANT_HIGH = 0.9
"""A sycophant gives at least this share of fours and fives, whatever happens."""
RANDOM_ENTROPY = 0.93
"""A random rater uses all five numbers: the entropy is at least this share of the largest."""
STRAIGHT = 0.8
"""A straight-liner rates all modules of a tick alike in at least this share of the ticks."""
FEWEST_SHARED_TICKS = 5
"""Below so many ticks with several ratings, straight-lining is not judged."""
BY_CHANCE = 0.05
"""Nobody is a straight-liner whose own numbers, dealt out anew, match as often with this chance."""

FLAGS = ("constant", "central", "sycophantic", "random", "straight_lining")


def rater_profiles(
    feedback: pd.DataFrame,
    *,
    by: Sequence[str] = (PERSONA, "brain"),
    friction: str | None = "errors",
    tick: str = "tick",
) -> pd.DataFrame:
    """Return how each rater rates, and which flags that raises.

    Args:
        feedback: Rows of ``feedback_df`` in the order of time, with the column *friction*.
        by: The columns that make a rater; add ``model`` where there are several.
        friction: The column that counts what went wrong, such as the errors that the persona had
            with the module in the tick; None where it is not known.
        tick: The column that says which ratings were given together.

    Returns:
        A row per rater, sorted, with the columns of *by* and ``ratings`` (how many),
        ``modal_share`` (of the most frequent number), ``entropy`` (0 … 1, of the five numbers),
        ``sd``, ``shared_ticks`` (how many have several ratings), ``straight_line`` (the share of
        these in which all are equal), ``straight_by_chance`` (the same if each rating were drawn
        from all of the rater's; with two modules a tick and few numbers it is high),
        ``lag_1_same`` (the share of ratings equal to the one before, of the same module),
        ``extremes`` (the share of 1 and 5), ``mid`` (of 3), ``friction_rho`` (Spearman's
        correlation of rating and friction), and a nullable flag for each of :data:`FLAGS`.

    Raises:
        InvalidInputError: A column is missing, or a rating is not from 1 to 5.
    """
    needed(feedback, *by, "module", "rating", tick, *([friction] if friction else []))
    rows = feedback.assign(rating=checked_ratings(feedback["rating"])).dropna(subset=["rating"])
    found = [
        dict(zip(by, key, strict=True)) | _profile(part, friction, tick)
        for key, part in rows.groupby(list(by), dropna=False, observed=True)
    ]
    if not found:
        raise InvalidInputError("there is no rating")
    return pd.DataFrame(found).astype(dict.fromkeys(FLAGS, "boolean"))


class _Straight(TypedDict):
    shared_ticks: int
    straight_line: float
    straight_by_chance: float


class _Habits(NamedTuple):
    ratings: int
    modal_share: float
    entropy: float
    sd: float
    shared_ticks: int
    straight_line: float
    straight_by_chance: float
    lag_1_same: float
    extremes: float
    mid: float
    friction_rho: float


def _profile(part: pd.DataFrame, friction: str | None, tick: str) -> dict[str, object]:
    ratings = part["rating"].to_numpy(dtype=float)
    shares = np.array([(ratings == n).mean() for n in range(LOWEST, HIGHEST + 1)])
    rough = None if friction is None else part[friction].fillna(0).to_numpy(dtype=float)
    habits = _Habits(
        ratings=len(ratings),
        modal_share=float(shares.max()),
        entropy=float(stats.entropy(shares) / np.log(len(shares))),
        sd=float(ratings.std(ddof=1)) if len(ratings) > 1 else float("nan"),
        **_straight(part, tick, shares),
        lag_1_same=_lag(part),
        extremes=float(shares[0] + shares[-1]),
        mid=float(shares[HIGHEST // 2]),
        friction_rho=_rho(ratings, rough),
    )
    return habits._asdict() | _flags(habits, float(shares[-2:].sum()))


def _flags(habits: _Habits, high: float) -> dict[str, object]:
    if habits.ratings < FEWEST_RATINGS:
        return dict.fromkeys(FLAGS, pd.NA)
    constant = habits.sd == 0
    shared = habits.shared_ticks >= FEWEST_SHARED_TICKS
    straight = shared and not constant and habits.straight_line >= STRAIGHT and not _matches(habits)
    unmoved = not constant and habits.friction_rho >= UNMOVED
    judged = not np.isnan(habits.friction_rho)
    mixed = not straight and habits.entropy >= RANDOM_ENTROPY
    return {
        "constant": constant,
        "central": not constant and habits.mid >= CENTRAL_MID,
        "sycophantic": _known(judged, unmoved and high >= SYCOPHANT_HIGH),
        "random": _known(judged, unmoved and mixed),
        "straight_lining": _known(shared, straight),
    }


def _known(judged: bool, flag: bool) -> object:
    return flag if judged else pd.NA


def _straight(part: pd.DataFrame, tick: str, shares: Floats) -> _Straight:
    spread = part.groupby(tick)["rating"].agg(["size", "nunique"])
    several = spread[spread["size"] > 1]
    if several.empty:
        return {"shared_ticks": 0, "straight_line": np.nan, "straight_by_chance": np.nan}
    chance = (shares[:, None] ** several["size"].to_numpy(dtype=float)).sum(axis=0)
    return {
        "shared_ticks": len(several),
        "straight_line": float((several["nunique"] == 1).mean()),
        "straight_by_chance": float(chance.mean()),
    }


def _matches(habits: _Habits) -> bool:
    """Return whether chance makes as many ticks alike (at most as often as the binomial says).

    Hoeffding (1956), *On the distribution of the number of successes in independent trials*.
    """
    alike = round(habits.straight_line * habits.shared_ticks)
    tail = stats.binom.sf(alike - 1, habits.shared_ticks, habits.straight_by_chance)
    return bool(tail > BY_CHANCE)


def _lag(part: pd.DataFrame) -> float:
    before = part.groupby("module", observed=True)["rating"].shift()
    known = before.notna()
    return float((part["rating"] == before)[known].mean()) if known.any() else float("nan")


def _rho(ratings: Floats, rough: Floats | None) -> float:
    if rough is None or min((rough > 0).sum(), (rough <= 0).sum()) < FEWEST_ROUGH_TICKS:
        return float("nan")
    if np.ptp(ratings) == 0:
        return 0.0
    return float(stats.spearmanr(ratings, rough).statistic)
