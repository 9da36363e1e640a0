"""Activity: who used the app on which day."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from mana_lab.analysis.charts.figure import (
    BLUE,
    INK,
    MOST_ROWS,
    Chart,
    bare,
    column_of_texts,
    empty_chart,
    house_style,
    new_chart,
    row_names,
)
from mana_lab.analysis.wording import counted, listed, percent, persona_labels

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MOST_COLUMNS = 21
_SHADES = LinearSegmentedColormap.from_list("calls", ["#EAF3FA", "#56B4E9", BLUE, "#00405F"])


def activity_table(actions: pd.DataFrame, personas: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the number of calls of each persona on each day.

    Args:
        actions: Rows of ``actions_df``.
        personas: Rows of ``personas_df``; those who did nothing get a row of zeros.

    Returns:
        A row per persona, the most active first; a column per day in UTC, ``YYYY-MM-DD``, from
        the first to the last day with a call.
    """
    everyone = [actions] if personas is None else [actions, personas]
    labels = persona_labels(*everyone)
    day = actions["occurred_at"].dt.strftime("%Y-%m-%d").astype("str")
    table = pd.crosstab(actions["email"].map(labels).astype("str"), day)
    table = table.reindex(
        index=sorted(labels.values()), columns=_days(list(table.columns)), fill_value=0
    )
    order = table.sum(axis="columns").sort_values(ascending=False, kind="stable").index
    return table.loc[order].rename_axis(index="persona", columns="day")


def activity(actions: pd.DataFrame, personas: pd.DataFrame | None = None) -> Chart:
    """Return the calls of each persona on each day as a heat map with numbers.

    Above 21 days a column is a week; above 40 personas only the most active ones have a row.

    Args:
        actions: Rows of ``actions_df``.
        personas: Rows of ``personas_df``; those who did nothing get an empty row.
    """
    if actions.empty:
        return empty_chart("No calls yet", "Nobody has called a tool: seed and run the lab first.")
    days = activity_table(actions, personas)
    by_week = len(days.columns) > _MOST_COLUMNS
    shown = days.head(MOST_ROWS)
    table = _weeks(shown) if by_week else shown
    with house_style():
        chart = new_chart(_finding(days), height=1.2 + 0.3 * len(table))
        axes = chart.add_subplot()
        _draw(axes, table)
        first, last = str(days.columns[0]), str(days.columns[-1])
        unit = "week from Monday" if by_week else "day"
        axes.set_xlabel(f"{unit} (UTC), {_date_text(first)} to {_date_text(last)} {last[:4]}")
        some = f"; the {MOST_ROWS} most active of {len(days)} personas" * (len(days) > MOST_ROWS)
        axes.set_title(f"tool calls; darker is more{some}", color="#555555", pad=8)
        column_of_texts(axes, 1.06, "calls", [str(total) for total in table.sum(axis="columns")])
        return chart.settled()


def _finding(days: pd.DataFrame) -> str:
    totals = days.sum(axis="columns")
    calls, most = int(totals.sum()), int(totals.max())
    first = [str(name) for name in totals.index[totals == most]]
    each = " each" if len(first) > 1 else ""
    verb = "were" if len(first) > 1 else "was"
    idle = [str(name) for name in totals.index[totals == 0]]
    rest = f"; {listed(idle, 'persona')} did nothing" if idle else ""
    return (
        f"{listed(first, 'persona')} {verb} the most active: {most} of {counted(calls, 'call')}"
        f"{each} ({percent(most / calls)}) in {counted(len(days.columns), 'day')}{rest}"
    )


def _draw(axes: Axes, table: pd.DataFrame) -> None:
    values = table.to_numpy()
    rows, places = values.shape
    axes.pcolormesh(
        range(places + 1),
        [row - 0.5 for row in range(rows + 1)],
        np.ma.masked_equal(values, 0),
        cmap=_SHADES,
        vmin=0,
        vmax=values.max(),
        edgecolors="white",
        linewidth=1.5,
    )
    for row, place in zip(*values.nonzero(), strict=True):
        count = int(values[row, place])
        dark = count > 0.45 * values.max()
        color = "white" if dark else INK
        axes.text(place + 0.5, row, str(count), ha="center", va="center", color=color, fontsize=8)
    row_names(axes, [str(name) for name in table.index])
    axes.set_xlim(0, places)
    axes.set_xticks([place + 0.5 for place in range(places)], labels=day_heads(list(table.columns)))
    bare(axes)


def day_heads(days: list[str]) -> list[str]:
    """Return what stands under the columns: the weekday and the date, or the date alone."""
    dates = [date.fromisoformat(day) for day in days]
    daily = all(after - before == timedelta(days=1) for before, after in pairwise(dates))
    if daily:
        return [f"{_WEEKDAYS[day.weekday()]}\n{day.day}" for day in dates]
    return [f"{day.day}\n{_MONTHS[day.month - 1]}" for day in dates]


def _date_text(day: str) -> str:
    moment = date.fromisoformat(day)
    return f"{moment.day} {_MONTHS[moment.month - 1]}"


def _days(seen: list[str]) -> list[str]:
    """Return every day from the first to the last of *seen*."""
    if not seen:
        return []
    first, last = date.fromisoformat(min(seen)), date.fromisoformat(max(seen))
    return [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]


def _weeks(table: pd.DataFrame) -> pd.DataFrame:
    """Return the same counts by week, named after its Monday."""
    dates = [date.fromisoformat(day) for day in table.columns]
    mondays = [str(day - timedelta(days=day.weekday())) for day in dates]
    return table.T.groupby(mondays).sum().T
