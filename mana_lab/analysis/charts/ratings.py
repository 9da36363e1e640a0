"""Ratings: how each module was judged, as a distribution and not only as a mean.

A mean of ratings hides disagreement and can even turn an order round (Liddell and Kruschke,
2018), so the bars show all five answers; the mean stands beside them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
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
    short,
)
from mana_lab.analysis.wording import counted, percent
from mana_lab.errors import MixedBrainsError

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
        sum), ``personas``, ``mean`` (over personas of their mean ratings, so that each counts the
        same), and ``low`` and ``high``, Student's interval of that over personas within the scale
        of 1 to 5, missing where one persona alone rated, or all of them
        alike.
    """
    table = pd.crosstab(feedback["module"], feedback["rating"].astype("int64"))
    table = table.reindex(columns=list(_ANSWERS), fill_value=0)
    table.columns = pd.Index([str(answer) for answer in _ANSWERS])
    table["ratings"] = table.sum(axis="columns")
    rated = feedback.assign(rating=feedback["rating"].astype("float64"))
    own = rated.groupby(["module", "email"])["rating"].mean().groupby(level="module")
    table["personas"] = own.size()
    table["mean"] = own.mean()
    ends = pd.DataFrame(
        {str(module): _ends(means) for module, means in own}, index=["low", "high"], dtype=float
    ).T
    table = table.join(ends)
    return table.sort_values(["mean", "ratings"], ascending=[True, False], kind="stable")


def _ends(means: pd.Series[float]) -> tuple[float, float]:
    from mana_lab.analysis.statistics.intervals import t_interval

    if len(means) < 2 or np.ptp(means) == 0:  # alike by chance or for good: nobody can tell
        return math.nan, math.nan
    found = t_interval(means)
    return max(_ANSWERS[0], found.low), min(_ANSWERS[-1], found.high)


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
            _finding(feedback, table), height=1.5 + 0.26 * len(table), note=_note(feedback)
        )
        axes = chart.add_subplot()
        _draw(axes, table)
        column_of_texts(axes, 1.08, "mean", [_shown(mean) for mean in table["mean"]])
        rows = [table.loc[module] for module in table.index]
        column_of_texts(axes, 1.21, "95 %", [_between(row) for row in rows])
        column_of_texts(axes, 1.36, "personas", [str(number) for number in table["personas"]])
        column_of_texts(axes, 1.46, "ratings", [str(number) for number in table["ratings"]])
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.05),
            ncols=len(_ANSWERS),
            borderaxespad=0,
            handlelength=1.3,
            columnspacing=1.2,
        )
        return chart.settled()


def _finding(feedback: pd.DataFrame, table: pd.DataFrame) -> str:
    """Return what holds up: means of ratings alone order modules that nothing tells apart."""
    from mana_lab.analysis.apart import modules_apart

    if len(table) == 1:
        only = table.iloc[0]
        return f"{table.index[0]} is rated {only['mean']:.2f} of 5 on average ({_basis(only)})"
    span = f"means from {_shown(table['mean'].iloc[0])} to {_shown(table['mean'].iloc[-1])} of 5"
    try:
        held = modules_apart(feedback).pairs
    except MixedBrainsError:
        return "Ratings of different brains do not mean the same, so that modules are not compared"
    if not held:
        return f"No two of {len(table)} modules can be told apart by their ratings: {span}"
    first, rest = held[0], len(held) - 1
    effect = first.test.effect if first.test else 0.0
    below, above = (first.second, first.first) if effect < 0 else (first.first, first.second)
    more = f"; {counted(rest, 'more pair')} of modules apart" if rest else ""
    return (
        f"{short(below)} is rated {abs(effect):.2f} points below {short(above)} by the same "
        f"{counted(first.n_personas, 'persona')}{more}"
    )


def _shown(mean: float) -> str:
    return f"{mean:.2f}"


def _between(row: pd.Series[Any]) -> str:
    return "\N{EN DASH}" if math.isnan(row["low"]) else f"{row['low']:.1f} to {row['high']:.1f}"


def _basis(row: pd.Series[Any]) -> str:
    ratings, personas = int(row["ratings"]), int(row["personas"])
    return f"{counted(personas, 'persona')}, {counted(ratings, 'rating')}"


def _note(feedback: pd.DataFrame) -> str:
    brains = sorted(feedback["brain"].dropna().unique())
    facts = [
        "mean: over personas of their means; 95 %: Student's interval over personas who differ"
    ]
    facts += [f"brain: {', '.join(brains)}"] if brains else []
    if "scripted" in brains:
        facts.append("scripted ratings follow from what happened; they are no opinions of people")
    return "; ".join(facts)


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
