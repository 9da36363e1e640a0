"""Confusion: which tool was tried when another was right."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from mana_lab.analysis.charts.figure import (
    BLUE,
    VERMILLION,
    Chart,
    column_of_texts,
    empty_chart,
    house_style,
    new_chart,
    row_names,
    short,
)
from mana_lab.analysis.charts.intervals import INTERVAL_NOTE, MOST_DOTS, dots, share_axis
from mana_lab.analysis.charts.wording import counted, enough, percent, title_note

_NAME = 25
_RULE = "a pair counts where the tried tool did not work any more in that tick"


def confusion_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of :func:`confusion`.

    Args:
        pairs: What :meth:`~mana_lab.analysis.friction.Friction.confusion` returned.

    Returns:
        The same, with the tool that was tried and the one that worked as index.
    """
    return pairs.set_index(["tried", "worked"])


def confusion(pairs: pd.DataFrame) -> Chart:
    """Return the pairs of a tool that was tried and one that worked, with their shares.

    Args:
        pairs: What :meth:`~mana_lab.analysis.friction.Friction.confusion` returned.
    """
    if pairs.empty:
        return empty_chart(
            "No tool was tried where another was right",
            "After no failed call did another tool work within two calls.",
        )
    shown = pairs.head(MOST_DOTS).reset_index(drop=True)
    hidden = len(pairs) - len(shown)
    more = f"; {counted(hidden, 'less sure pair')} not shown" if hidden else ""
    note = f"{INTERVAL_NOTE}; {_RULE}{title_note(pairs['failures'], 'pair', 'failed call')}{more}"
    with house_style():
        chart = new_chart(_finding(pairs), height=1.7 + 0.27 * len(shown), note=note)
        axes = chart.add_subplot()
        _draw(axes, shown)
        return chart.settled()


def _finding(pairs: pd.DataFrame) -> str:
    known = pairs[enough(pairs["failures"])]
    first = known.iloc[0]
    others = len(pairs) - 1
    rest = f"; {counted(others, 'more pair')}" if others else ""
    tried, worked = short(first["tried"]), short(first["worked"])
    return (
        f"{tried} was tried where {worked} worked: after {first['times']} of its "
        f"{counted(int(first['failures']), 'confused call')} ({percent(first['share'])}){rest}"
    )


def _draw(axes: Axes, shown: pd.DataFrame) -> None:
    names = [
        f"{short(tried, _NAME)} → {short(worked, _NAME)}"
        for tried, worked in zip(shown["tried"], shown["worked"], strict=True)
    ]
    missing = shown["nearest"].notna()
    dots(axes, shown[~missing], color=BLUE, marker="o", label="the tried tool exists")
    dots(axes, shown[missing], color=VERMILLION, marker="D", label="there is no such tool")
    row_names(axes, names, 2 * _NAME + 3)
    share_axis(axes, "share of the confused calls of the tried tool that the other one followed")
    counts = zip(shown["times"], shown["failures"], strict=True)
    column_of_texts(axes, 1.13, "times", [f"{times}/{of_all}" for times, of_all in counts])
    column_of_texts(axes, 1.27, "personas", [str(number) for number in shown["personas"]])
    if missing.any():
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
