"""Measures: what each persona met with, on average, with each module or tool in each variant."""

from __future__ import annotations

from typing import Final

import pandas as pd

from mana_lab.analysis.contrast.arms import Varied
from mana_lab.analysis.statistics.units import PERSONA

SLOW_MS: Final = 5_000.0
"""From so many milliseconds on an answer counts as slow: far above what a busy machine does to a
lab that is in one process with its services."""

MEASURES: Final = {
    "rating": "rating, in points",
    "failures": "share of calls that failed",
    "slow": "share of calls that took over 5 s",
    "shown": "number of things that an answer listed",
    "gained": "number of things more than the last answer of the tool listed",
    "repeats": "share of calls like an earlier one of the tick",
    "calls": "number of calls a tick",
}
"""What is measured, and in which unit."""
MOST: Final = {"rating": 4.0, "failures": 1.0, "slow": 1.0, "repeats": 1.0}
"""How large differences can be, of the measures that have a bound."""
_TOLD = ["failures", "slow", "shown", "gained", "repeats"]


def differences(varied: Varied, before: str, after: str, by: str) -> pd.DataFrame:
    """Return the difference *after* less *before* of each measure, a row for each persona.

    Args:
        varied: The rows.
        before: The variant that is compared with.
        after: The other.
        by: What to tell apart: ``module``, which is rated too where one kind of brain did, or
            ``tool_name``.

    Returns:
        Columns ``(what, measure)``, sorted; NaN where a persona lacks one of the two.
    """
    told = _told(varied.calls)
    names = sorted(told[by].dropna().unique())
    is_rated = varied.ratings["brain"].nunique() == 1  # others do not mean the same by a number
    means = {
        variant: _means(varied.only(variant), told, by, names, is_rated=is_rated)
        for variant in (before, after)
    }
    gap = means[after] - means[before]
    return gap.dropna(axis="columns", how="all").sort_index(axis="columns")


def _told(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the calls in the order of time, each with what it says."""
    ordered = calls.sort_values(["occurred_at", PERSONA, "seq"], kind="stable")
    shown = ordered["shown"].astype("float64")
    same = [ordered[PERSONA], ordered["tool_name"]]
    return ordered.assign(
        failures=(ordered["result"] == "error").astype(float),
        slow=(ordered["latency_ms"] >= SLOW_MS).astype(float),
        shown=shown,
        gained=shown - shown.groupby(same).ffill().groupby(same).shift(),
        repeats=ordered.duplicated(["tick_id", "tool_name", "input_hash"]).astype(float),
    )


def _means(
    varied: Varied, told: pd.DataFrame, by: str, names: list[str], *, is_rated: bool
) -> pd.DataFrame:
    calls = told[told["tick_id"].isin(varied.ticks["id"])]
    means = pd.DataFrame(calls.groupby([PERSONA, by], observed=True)[_TOLD].mean().unstack(by))
    ticks = varied.ticks.groupby(PERSONA).size()
    counts = calls.groupby([PERSONA, by], observed=True).size().unstack(by)
    counts = counts.reindex(index=ticks.index, columns=names).fillna(0.0)
    parts = [
        means.swaplevel(axis="columns"),
        _named(counts.div(ticks, axis="index"), "calls"),
    ]
    if by == "module" and is_rated:
        rated = varied.ratings.assign(rating=varied.ratings["rating"].astype("float64"))
        ratings = rated.groupby([PERSONA, by], observed=True)["rating"].mean().unstack(by)
        parts.append(_named(ratings, "rating"))
    return pd.concat(parts, axis="columns")


def _named(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    return frame.set_axis(pd.MultiIndex.from_product([frame.columns, [measure]]), axis="columns")
