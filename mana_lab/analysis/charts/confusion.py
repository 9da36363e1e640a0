"""Confusion: which tool was tried when another was right."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from mana_lab.analysis.charts.figure import (
    BLUE,
    INK,
    VERMILLION,
    Chart,
    column_of_texts,
    empty_chart,
    house_style,
    new_chart,
    short,
)
from mana_lab.analysis.charts.intervals import INTERVAL_NOTE, MOST_DOTS, dots, share_axis
from mana_lab.analysis.wording import counted, enough, percent, title_note

_ONE_LINE = 40
_RULE = (
    "a pair counts where the tried tool did not work any more in that tick; "
    "usual: the other tool's share of all calls that worked"
)


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
    names = _names(shown)
    lines = 1 + any("\n" in name for name in names)
    with house_style():
        chart = new_chart(
            _finding(pairs), height=1.7 + (0.1 + 0.17 * lines) * len(shown), note=note
        )
        axes = chart.add_subplot()
        _draw(axes, shown)
        axes.set_yticks(range(len(names)), labels=names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        return chart.settled()


def _finding(pairs: pd.DataFrame) -> str:
    several = pairs["personas"] > 1  # what happens to one person may be theirs alone
    known = pairs[enough(pairs["failures"]) & several]
    above = known[known["share_low"] > known["usual"]]
    if above.empty:
        return (
            f"No tool stands out as taken for another: {counted(len(pairs), 'pair')}, and "
            "none above what is usual for more than one persona"
        )
    first = above.iloc[0]
    others = len(above) - 1
    rest = f"; {counted(others, 'more pair')} above what is usual" if others else ""
    return (
        f"{short(first['tried'], 28)} was tried where {short(first['worked'], 28)} worked: after "
        f"{first['times']} of its {counted(int(first['failures']), 'confused call')} "
        f"({percent(first['share'])}; {percent(first['usual'])} are usual), by "
        f"{counted(int(first['personas']), 'persona')}{rest}"
    )


def _names(shown: pd.DataFrame) -> list[str]:
    """Return the pairs, all in one line each or all in two."""
    pairs = [
        (short(tried), short(worked))
        for tried, worked in zip(shown["tried"], shown["worked"], strict=True)
    ]
    wide = any(len(tried) + len(worked) > _ONE_LINE for tried, worked in pairs)
    between = "\n→ " if wide else " → "
    return [f"{tried}{between}{worked}" for tried, worked in pairs]


def _draw(axes: Axes, shown: pd.DataFrame) -> None:
    missing = shown["nearest"].notna()
    for which, color, marker, label in (
        (shown[~missing], BLUE, "o", "the tried tool exists"),
        (shown[missing], VERMILLION, "D", "there is no such tool"),
    ):
        if not which.empty:
            dots(axes, which, color=color, marker=marker, label=label)
    axes.scatter(
        shown["usual"], shown.index, s=90, marker="|", color=INK, label="what is usual", zorder=4
    )
    share_axis(axes, "share of the confused calls of the tried tool that the other one followed")
    counts = zip(shown["times"], shown["failures"], strict=True)
    column_of_texts(axes, 1.13, "times", [f"{times}/{of_all}" for times, of_all in counts])
    column_of_texts(axes, 1.27, "personas", [str(number) for number in shown["personas"]])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
