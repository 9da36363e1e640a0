"""Tool errors: where calls fail, and whether people try again."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mana_lab.analysis.charts.figure import (
    BLUE,
    VERMILLION,
    Chart,
    empty_chart,
    house_style,
    new_chart,
    row_names,
)
from mana_lab.analysis.friction import tool_friction
from mana_lab.analysis.wording import counted, enough, listed, percent, title_note

_ROWS = 12


def tool_errors_table(actions: pd.DataFrame) -> pd.DataFrame:
    """Return the calls, errors and retries of each tool.

    Args:
        actions: Rows of ``actions_df``.

    Returns:
        What :func:`~mana_lab.analysis.friction.tool_friction` returns, with the tool as index.
    """
    return tool_friction(actions).set_index("tool_name")


def tool_errors(actions: pd.DataFrame) -> Chart:
    """Return the error rate of each tool, and how often an error was followed by a retry.

    Args:
        actions: Rows of ``actions_df``.
    """
    if actions.empty:
        return empty_chart("No calls yet", "Nobody has called a tool: seed and run the lab first.")
    every = tool_errors_table(actions)
    table = _worth_a_row(every)
    left_out = title_note(every["calls"], "tool", "call")
    if hidden := len(every) - len(table):
        left_out += f"; {counted(hidden, 'tool')} without a failed call not shown"
    with house_style():
        chart = new_chart(
            _finding(every),
            height=1.5 + 0.26 * len(table),
            note=f"retried: the same tool again within the next two calls of the tick{left_out}",
        )
        failing, retrying = chart.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        row_names(failing, [str(tool) for tool in table.index])
        most = max(float(table["error_rate"].max()), 0.05)
        _draw(failing, table["error_rate"], table["errors"], table["calls"], VERMILLION, most)
        failing.set_title("failed calls, of all calls", pad=6)
        _draw(retrying, table["retry_rate"], table["retries"], table["errors"], BLUE, 1.0)
        retrying.set_title("retried, of the failed calls", pad=6)
        retrying.tick_params(labelleft=False)
        return chart.settled()


def _worth_a_row(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out tools that never failed where there are many; the first ones stay in any case."""
    failing = int((table["errors"] > 0).sum())
    return table.head(max(failing, _ROWS))


def _finding(table: pd.DataFrame) -> str:
    calls, errors = int(table["calls"].sum()), int(table["errors"].sum())
    if errors == 0:
        return f"No call failed: {counted(calls, 'call')} of {counted(len(table), 'tool')} worked"
    known = table[enough(table["calls"])]
    if not known["errors"].any():
        return f"{percent(errors / calls)} of all {counted(calls, 'call')} failed"
    rates = known["error_rate"].map(percent)
    first = [str(tool) for tool in known.index[rates == rates.iloc[0]]]
    overall = f"{percent(errors / calls)} of all {calls} calls failed"
    if len(first) > 1:
        return f"{listed(first, 'tool')} fail most often: {rates.iloc[0]} each; {overall}"
    top = known.iloc[0]
    again = f"{int(top['retries'])} of {counted(int(top['errors']), 'error')} retried"
    of_calls = counted(int(top["calls"]), "call")
    return f"{first[0]} fails most often: {rates.iloc[0]} of its {of_calls} ({again}); {overall}"


def _draw(
    axes: Axes,
    rates: pd.Series[float],
    part: pd.Series[int],
    whole: pd.Series[int],
    color: str,
    most: float,
) -> None:
    shown = rates.fillna(0)
    rows = range(len(rates))
    axes.barh(rows, shown, height=0.62, color=color)
    for row, rate, some, everything in zip(rows, shown, part, whole, strict=True):
        text = f"{percent(rate)}  ({some}/{everything})" if everything else "no errors"
        grey = "#222222" if everything else "#888888"
        axes.text(rate + most * 0.02, row, text, va="center", fontsize=8, color=grey)
    axes.set_xlim(0, most * 1.42)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: percent(rate)))
    axes.xaxis.grid(visible=True)
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)
