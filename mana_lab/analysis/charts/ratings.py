"""Ratings: how each module was judged, as a distribution and not only as a mean.

A mean of ratings hides disagreement and can even turn an order round (Liddell and Kruschke,
2018), so the bars show all five answers; the mean stands beside them.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from mana_lab.analysis.charts.figure import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SKY,
    VERMILLION,
    Chart,
    bare,
    column_of_texts,
    empty_chart,
    house_style,
    new_chart,
    row_names,
)
from mana_lab.analysis.wording import counted, enough, listed, percent, title_note

_ANSWERS = (1, 2, 3, 4, 5)
COLORS = {1: VERMILLION, 2: ORANGE, 3: GREY, 4: SKY, 5: BLUE}
HATCHES = {1: "////", 2: "//", 3: "", 4: "", 5: ""}
_SMALLEST_NAMED = 0.06


def ratings_table(feedback: pd.DataFrame) -> pd.DataFrame:
    """Return how often each module got each rating.

    Args:
        feedback: Rows of ``feedback_df``.

    Returns:
        A row per module, the lowest mean first, with ``1`` … ``5`` (counts), ``ratings`` (their
        sum), ``personas`` and ``mean``.
    """
    table = pd.crosstab(feedback["module"], feedback["rating"].astype("int64"))
    table = table.reindex(columns=list(_ANSWERS), fill_value=0)
    table.columns = pd.Index([str(answer) for answer in _ANSWERS])
    by_module = feedback.groupby("module")
    table["ratings"] = table.sum(axis="columns")
    table["personas"] = by_module["email"].nunique()
    table["mean"] = by_module["rating"].mean().astype("float64")
    return table.sort_values(["mean", "ratings"], ascending=[True, False], kind="stable")


def ratings(feedback: pd.DataFrame) -> Chart:
    """Return the distribution of the ratings of each module as diverging bars.

    Args:
        feedback: Rows of ``feedback_df``.
    """
    if feedback.empty:
        return empty_chart("No ratings yet", "Nobody has rated a module: seed and run the lab.")
    table = ratings_table(feedback)
    with house_style():
        chart = new_chart(
            _finding(table), height=1.5 + 0.26 * len(table), note=_note(feedback, table)
        )
        axes = chart.add_subplot()
        _draw(axes, table)
        column_of_texts(axes, 1.07, "mean", [_shown(mean) for mean in table["mean"]])
        column_of_texts(axes, 1.15, "n", [str(number) for number in table["ratings"]])
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.05),
            ncols=len(_ANSWERS),
            borderaxespad=0,
            handlelength=1.3,
            columnspacing=1.2,
        )
        return chart.settled()


def _finding(table: pd.DataFrame) -> str:
    known = table[enough(table["ratings"])]
    means = known["mean"].map(_shown)
    lowest = [str(module) for module in known.index[means == means.iloc[0]]]
    mean = f"mean {means.iloc[0]} of 5"
    if len(known) == 1:
        return f"{lowest[0]} is rated {means.iloc[0]} of 5 on average ({_basis(known.iloc[0])})"
    if len(lowest) == len(known):
        return f"All {counted(len(known), 'module')} are rated alike: {mean}"
    if len(lowest) > 1:
        return f"{listed(lowest, 'module')} share the lowest rating: {mean}"
    highest = [str(module) for module in known.index[means == means.iloc[-1]]]
    return (
        f"{lowest[0]} is rated lowest: {mean} ({_basis(known.iloc[0])}); "
        f"{listed(highest, 'module')} highest: {means.iloc[-1]}"
    )


def _shown(mean: float) -> str:
    return f"{mean:.2f}"


def _basis(row: pd.Series[Any]) -> str:
    ratings, personas = int(row["ratings"]), int(row["personas"])
    return f"{counted(ratings, 'rating')} by {counted(personas, 'persona')}"


def _note(feedback: pd.DataFrame, table: pd.DataFrame) -> str:
    brains = sorted(feedback["brain"].dropna().unique())
    facts = [f"brain: {', '.join(brains)}"] if brains else []
    if "scripted" in brains:
        facts.append("scripted ratings follow from what happened; they are no opinions of people")
    return "; ".join(facts) + title_note(table["ratings"], "module", "rating")


def _draw(axes: Axes, table: pd.DataFrame) -> None:
    shares = table[[str(answer) for answer in _ANSWERS]].div(table["ratings"], axis="index")
    left = -(shares["1"] + shares["2"] + shares["3"] / 2)
    words = {1: "1 (poor)", 5: "5 (good)"}
    for answer in _ANSWERS:
        share = shares[str(answer)]
        axes.barh(
            range(len(table)),
            share,
            left=left,
            height=0.72,
            color=COLORS[answer],
            hatch=HATCHES[answer],
            edgecolor="white",
            linewidth=0.8,
            label=words.get(answer, str(answer)),
        )
        for row, (start, width) in enumerate(zip(left, share, strict=True)):
            if width >= _SMALLEST_NAMED:
                _name_segment(axes, start + width / 2, row, width, light=answer == 5)
        left = left + share
    axes.axvline(0, color=INK, linewidth=0.8)
    row_names(axes, [str(module) for module in table.index])
    quarters = range(-_quarters_below(shares), 5)
    axes.set_xlim(quarters[0] / 4, 1)
    axes.set_xticks(
        [quarter / 4 for quarter in quarters], labels=[percent(abs(n) / 4) for n in quarters]
    )
    axes.set_xlabel("share of the ratings; 3 stands in the middle")
    bare(axes)


def _quarters_below(shares: pd.DataFrame) -> int:
    lowest = float((shares["1"] + shares["2"] + shares["3"] / 2).max())
    return max(1, math.ceil(lowest * 4 - 1e-9))


def _name_segment(axes: Axes, x: float, row: int, share: float, *, light: bool) -> None:
    text = axes.text(
        x,
        row,
        f"{share:.0%}".rstrip("%"),
        ha="center",
        va="center",
        fontsize=7.5,
        color="white" if light else INK,
    )
    if not light:
        text.set_bbox({"facecolor": "white", "alpha": 0.55, "pad": 0.8, "edgecolor": "none"})
