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
    "rating": "rating points",
    "failures": "share of calls that failed",
    "slow": "share of calls that took over 5 s",
    "shown": "things that an answer listed",
    "repeats": "share of calls like an earlier one of the tick",
    "calls": "calls a tick",
}
"""What is measured, and in which unit."""


def differences(varied: Varied, before: str, after: str, by: str) -> pd.DataFrame:
    """Return the difference *after* less *before* of each measure, a row for each persona.

    Args:
        varied: The rows.
        before: The variant that is compared with.
        after: The other.
        by: What to tell apart: ``module``, which is rated too, or ``tool_name``.

    Returns:
        Columns ``(what, measure)``, sorted; NaN where a persona lacks one of the two.
    """
    found = {}
    for variant in (before, after):
        rows = varied.only(variant)
        found[variant] = _means(rows, by, sorted(varied.calls[by].dropna().unique()))
    gap = found[after] - found[before]
    return gap.dropna(axis="columns", how="all").sort_index(axis="columns")


def _means(varied: Varied, by: str, names: list[str]) -> pd.DataFrame:
    calls = varied.calls
    what = calls.assign(
        failures=(calls["result"] == "error").astype(float),
        slow=(calls["latency_ms"] >= SLOW_MS).astype(float),
        shown=calls["shown"].astype("float64"),
        repeats=calls.duplicated(["tick_id", "tool_name", "input_hash"]).astype(float),
    )
    told = ["failures", "slow", "shown", "repeats"]
    means = pd.DataFrame(what.groupby([PERSONA, by], observed=True)[told].mean().unstack(by))
    ticks = varied.ticks.groupby(PERSONA).size()
    counts = calls.groupby([PERSONA, by], observed=True).size().unstack(by)
    counts = counts.reindex(index=ticks.index, columns=names).fillna(0.0)
    parts = [
        means.swaplevel(axis="columns"),
        _named(counts.div(ticks, axis="index"), "calls"),
    ]
    if by == "module":
        rated = varied.ratings.assign(rating=varied.ratings["rating"].astype("float64"))
        ratings = rated.groupby([PERSONA, by], observed=True)["rating"].mean().unstack(by)
        parts.append(_named(ratings, "rating"))
    return pd.concat(parts, axis="columns")


def _named(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    return frame.set_axis(pd.MultiIndex.from_product([frame.columns, [measure]]), axis="columns")
