"""Tool errors: where calls fail, and whether people try again."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mana_lab.analysis.charts.figure import (
    BLUE,
    INK,
    VERMILLION,
    Chart,
    empty_chart,
    house_style,
    new_chart,
    row_names,
    short,
)
from mana_lab.analysis.friction import tool_friction
from mana_lab.analysis.wording import counted, percent

_ROWS = 12
_NOTE = (
    "line: 95 % interval of the share that knows whose calls they are, none where all are of one "
    "persona; retried: the same tool again within the next two calls of the tick"
)


def tool_errors_table(actions: pd.DataFrame) -> pd.DataFrame:
    """Return the calls, errors and retries of each tool.

    Args:
        actions: Rows of ``actions_df``.

    Returns:
        What :func:`~mana_lab.analysis.friction.tool_friction` returns, with the tool as index, and
        ``error_low`` and ``error_high``, the interval of the error rate that knows that the calls
        of one persona are alike (missing where all are of one). The tools that fail most surely
        come first: those whose interval begins highest, then those with the most errors.
    """
    table = tool_friction(actions).set_index("tool_name")
    ends = {tool: _ends(rows) for tool, rows in actions.groupby("tool_name", observed=True)}
    known = pd.DataFrame(ends, index=["error_low", "error_high"], dtype=float).T
    table = table.join(known)
    by = ["error_low", "errors", "calls"]
    return table.sort_values(by, ascending=False, kind="stable", na_position="last")


def _ends(calls: pd.DataFrame) -> tuple[float, float]:
    from mana_lab.analysis.statistics.shares import clustered_share

    if calls["email"].nunique() < 2:
        return math.nan, math.nan
    found = clustered_share((calls["result"] == "error").to_numpy(), calls["email"].to_numpy())
    return found.interval.low, found.interval.high


def tool_errors(actions: pd.DataFrame) -> Chart:
    """Return the error rate of each tool, and how often an error was followed by a retry.

    Args:
        actions: Rows of ``actions_df``.
    """
    if actions.empty:
        return empty_chart("No calls yet", "Nobody has called a tool: seed and run the lab first.")
    every = tool_errors_table(actions)
    table = _worth_a_row(every)
    left_out = ""
    if hidden := len(every) - len(table):
        left_out += f"; {counted(hidden, 'tool')} without a failed call not shown"
    with house_style():
        chart = new_chart(
            _finding(actions, every),
            height=1.5 + 0.26 * len(table),
            note=f"{_NOTE}{left_out}",
        )
        failing, retrying = chart.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        row_names(failing, [str(tool) for tool in table.index])
        ends = table["error_high"].where(table["errors"] > 0)
        most = max(float(table["error_rate"].max()), float(ends.fillna(0).max()), 0.05)
        _draw(failing, table["error_rate"], table["errors"], table["calls"], VERMILLION, most, ends)
        _draw_intervals(failing, table)
        failing.set_title("failed calls, of all calls", pad=6)
        _draw(retrying, table["retry_rate"], table["retries"], table["errors"], BLUE, 1.0)
        retrying.set_title("retried, of the failed calls", pad=6)
        retrying.tick_params(labelleft=False)
        return chart.settled()


def _worth_a_row(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out tools that never failed where there are many; the first ones stay in any case."""
    failing = int((table["errors"] > 0).sum())
    return table.head(max(failing, _ROWS))


def _finding(actions: pd.DataFrame, table: pd.DataFrame) -> str:
    from mana_lab.analysis.apart import SEED
    from mana_lab.analysis.findings.basis import FEWEST
    from mana_lab.analysis.findings.failing import failing_tools, held_up

    calls, errors = int(table["calls"].sum()), int(table["errors"].sum())
    if errors == 0:
        return f"No call failed: {counted(calls, 'call')} of {counted(len(table), 'tool')} worked"
    overall = f"{percent(errors / calls)} of all {counted(calls, 'call')} failed"
    tested = failing_tools(_counts(actions), seed=SEED)
    if tested.empty:
        return (
            f"Too few personas to tell which tool fails more often: {FEWEST} have to call it, and "
            f"others too; {overall}"
        )
    held = held_up(tested)
    if held.empty:
        return (
            "No tool fails more often than what else the same personas call, of those that "
            f"{FEWEST} or more called; {overall}"
        )
    first, rest = held.iloc[0], len(held) - 1
    more = f"; {counted(rest, 'more tool')} too" if rest else ""
    return (
        f"{short(first['tool_name'])} fails more often than what else the same "
        f"{counted(int(first['personas']), 'persona')} call: {int(first['errors'])} of its "
        f"{counted(int(first['calls']), 'call')}{more}; {overall}"
    )


def _counts(actions: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each persona with each tool."""
    known = actions.assign(
        failed=(actions["result"] == "error").astype("int64"),
        unknown=(actions["error_code"] == "unknown-tool").fillna(value=False).astype("int64"),
    )
    by = known.groupby(["email", "tool_name"], observed=True)
    return by.agg(
        calls=("failed", "size"), errors=("failed", "sum"), unknown_tool=("unknown", "sum")
    ).reset_index()


def _draw_intervals(axes: Axes, table: pd.DataFrame) -> None:
    known = ((table["errors"] > 0) & table["error_low"].notna()).to_numpy()
    rows = pd.Series(range(len(table)))[known]
    axes.hlines(
        rows, table["error_low"][known], table["error_high"][known], colors=INK, linewidth=1
    )


def _draw(
    axes: Axes,
    rates: pd.Series[float],
    part: pd.Series[int],
    whole: pd.Series[int],
    color: str,
    most: float,
    ends: pd.Series[float] | None = None,
) -> None:
    shown = rates.fillna(0)
    rows = range(len(rates))
    axes.barh(rows, shown, height=0.62, color=color)
    right = shown if ends is None else ends.fillna(shown)  # the text stands beside the line
    for row, rate, end, some, everything in zip(rows, shown, right, part, whole, strict=True):
        text = f"{percent(rate)}  ({some}/{everything})" if everything else "no errors"
        grey = "#222222" if everything else "#888888"
        axes.text(end + most * 0.02, row, text, va="center", fontsize=8, color=grey)
    axes.set_xlim(0, most * 1.42)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: percent(rate)))
    axes.xaxis.grid(visible=True)
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)
