"""Module mix: what a persona meant to use, and what it did use."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from mana_lab.analysis.charts.figure import (
    BLUE,
    MOST_ROWS,
    VERMILLION,
    Chart,
    bare,
    empty_chart,
    house_style,
    new_chart,
    row_names,
    short,
)
from mana_lab.analysis.wording import enough, listed, percent, persona_labels, title_note

_PLANNED, _LIVED = "planned", "lived"
_ROOM = 0.86
_MOST_UNUSED = 3
_SMALLEST_NAMED = 0.05
_AS_PLANNED = 0.005

_LEGEND_BELOW = 0.34
"""How far below the grid the legend stands, in inches: the label is in between."""


def module_mix_table(personas: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Return the planned and the lived share of each module for each persona.

    The planned shares of a persona are scaled to a sum of 1; a lived share is that of its calls.

    Args:
        personas: Rows of ``personas_df``.
        actions: Rows of ``actions_df``.

    Returns:
        A row per persona and module that was planned or lived, with ``planned``, ``lived`` (both
        0 … 1; missing where the persona has no calls), ``calls`` and ``gap`` (lived minus
        planned).
    """
    labels = persona_labels(personas, actions)
    planned = {
        (labels[email], module): float(weight) / (sum(mix.values()) or 1)
        for email, mix in zip(personas["email"], personas["module_mix"], strict=True)
        for module, weight in mix.items()
        if weight > 0
    }
    calls = Counter(
        (labels[email], module)
        for email, module in zip(actions["email"], actions["module"], strict=True)
    )
    pairs = sorted({*planned, *calls})
    table = pd.DataFrame(
        {
            _PLANNED: [planned.get(pair, 0.0) for pair in pairs],
            "calls": [calls[pair] for pair in pairs],
        },
        index=pd.MultiIndex.from_arrays(
            [[name for name, _ in pairs], [module for _, module in pairs]],
            names=["persona", "module"],
        ),
    )
    totals = _calls_of_persona(table)
    table[_LIVED] = (table["calls"] / totals.where(totals > 0)).astype("float64")
    table["gap"] = table[_LIVED] - table[_PLANNED]
    return table[[_PLANNED, _LIVED, "calls", "gap"]]


def module_mix(personas: pd.DataFrame, actions: pd.DataFrame) -> Chart:
    """Return planned against lived shares as a grid of dumbbells: personas by modules.

    Above 40 personas only those with the widest gaps have a row.

    Args:
        personas: Rows of ``personas_df``.
        actions: Rows of ``actions_df``.
    """
    if personas.empty:
        return empty_chart("No personas yet", "Nobody lives here: seed the lab first.")
    if actions.empty:
        return empty_chart("No calls yet", "Nobody has called a tool: run the lab first.")
    table = module_mix_table(personas, actions)
    with house_style():
        names, everybody = _widest(table), table.index.unique("persona")
        some = f"; shown are the {len(names)} of {len(everybody)} personas with the widest gaps"
        left_out = title_note(_calls_of_persona(table), "persona", "call")
        chart = new_chart(
            _finding(table),
            height=1.6 + 0.3 * len(names),
            note=f"numbers: the gap in points{left_out}{some * (len(names) < len(everybody))}",
        )
        axes = chart.add_subplot()
        most = float(table[[_PLANNED, _LIVED]].max().max())
        _draw(axes, table.loc[names], names, _modules(table), most)
        axes.set_xlabel(f"share of the persona's calls, from 0 to {percent(most)} in each column")
        below = axes.transAxes + ScaledTranslation(0, -_LEGEND_BELOW, chart.dpi_scale_trans)
        axes.legend(
            loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, ncols=3, borderaxespad=0
        )
        return chart.settled()


def _calls_of_persona(table: pd.DataFrame) -> pd.Series[int]:
    return table["calls"].groupby(level="persona").transform("sum")


def _widest(table: pd.DataFrame) -> list[str]:
    """Return those who get a row, by name."""
    gaps = table["gap"].abs().fillna(0).groupby(level="persona").max()
    return sorted(gaps.sort_values(ascending=False, kind="stable").index[:MOST_ROWS])


def _modules(table: pd.DataFrame) -> list[str]:
    """Return the modules, the most planned first, those that nobody planned last."""
    sums = table[[_PLANNED, _LIVED]].groupby(level="module").sum()
    order = sums.sort_values([_PLANNED, _LIVED], ascending=False, kind="stable")
    return [str(module) for module in order.index]


def _finding(table: pd.DataFrame) -> str:
    sums = table.groupby(level="module")[[_PLANNED, "calls"]].sum()
    wanted = sums[sums[_PLANNED] > 0]
    unused = [str(module) for module in wanted.index[wanted["calls"] == 0]]
    gaps = table["gap"].abs().where(enough(_calls_of_persona(table)))
    widest = int(gaps.round(4).fillna(0).to_numpy().argmax())
    persona, module = table.index.to_list()[widest]
    row = table.iloc[widest]
    biggest = f"{persona} planned {percent(row[_PLANNED])} {module}, lived {percent(row[_LIVED])}"
    if not unused and abs(row["gap"]) < _AS_PLANNED:
        return "Every persona used the modules as planned"
    if not unused:
        return f"Every planned module was used; widest gap: {biggest}"
    if len(wanted) == len(unused):
        return f"None of the planned modules was used; widest gap: {biggest}"
    verb = "was" if len(unused) == 1 else "were"
    which = f": {listed(unused, 'module')}" if len(unused) <= _MOST_UNUSED else ""
    return (
        f"{len(unused)} of {len(wanted)} planned modules {verb} never used{which}; "
        f"widest gap: {biggest}"
    )


def _draw(
    axes: Axes, table: pd.DataFrame, names: list[str], modules: list[str], most: float
) -> None:
    left = {module: place + (1 - _ROOM) / 2 for place, module in enumerate(modules)}
    rows = table.reset_index()
    y = rows["persona"].map({name: row for row, name in enumerate(names)})
    start = rows["module"].map(left)
    planned = start + rows[_PLANNED] / most * _ROOM
    lived = start + rows[_LIVED] / most * _ROOM
    known = rows[_LIVED].notna()
    for place in range(len(modules)):
        axes.axvspan(
            place + 0.03, place + 0.97, color="#F5F5F5" if place % 2 else "#EDEDED", linewidth=0
        )
    less, more = known & (rows["gap"] < 0), known & (rows["gap"] >= 0)
    axes.hlines(y[less], lived[less], planned[less], colors=VERMILLION, linewidth=2, zorder=2)
    axes.hlines(y[more], planned[more], lived[more], colors=BLUE, linewidth=2, zorder=2)
    wanted = rows[_PLANNED] > 0
    empty: dict[str, Any] = {"facecolors": "white", "edgecolors": "#444444", "linewidths": 1.1}
    axes.scatter(planned[wanted], y[wanted], s=26, zorder=3, label="planned", **empty)
    for which, marker, color, label in (
        (less, "<", VERMILLION, "lived, less than planned"),
        (more, ">", BLUE, "lived, as planned or more"),
    ):
        axes.scatter(
            lived[which], y[which], s=26, marker=marker, color=color, zorder=4, label=label
        )
    _name_gaps(axes, y, (planned + lived) / 2, rows["gap"])
    row_names(axes, names)
    axes.set_xlim(0, len(modules))
    places = [place + 0.5 for place in range(len(modules))]
    axes.set_xticks(
        places,
        labels=[short(module) for module in modules],
        rotation=32,
        ha="left",
        rotation_mode="anchor",
    )
    axes.xaxis.tick_top()
    bare(axes)


def _name_gaps(
    axes: Axes, y: pd.Series[int], middle: pd.Series[float], gaps: pd.Series[float]
) -> None:
    """Write the gaps that are wide enough, in percentage points, above their lines."""
    for row, x, gap in zip(y, middle, gaps, strict=True):
        if abs(gap) >= _SMALLEST_NAMED:
            sign = "+" if gap > 0 else "\N{MINUS SIGN}"
            text = f"{sign}{abs(gap) * 100:.0f}"
            axes.text(x, row - 0.16, text, ha="center", va="bottom", fontsize=7, color="#444444")
