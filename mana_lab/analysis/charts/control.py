"""Control: each module's mean rating from run to run, within the limits of chance."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes

from mana_lab.analysis.charts.figure import (
    BLUE,
    GREY,
    INK,
    VERMILLION,
    Chart,
    empty_chart,
    house_style,
    new_chart,
    short,
)
from mana_lab.analysis.wording import counted, listed

_ACROSS: Final = 4
_MOST_PANELS: Final = 16
_NOTE: Final = (
    "dots: mean over the n personas who rated the module in every run; shaded: within chance, "
    "which 5 % of modules leave that do not drift; a cross is outside"
)


def control(table: pd.DataFrame) -> Chart:
    """Return a control chart of each module, those that left their limits first.

    Args:
        table: What :func:`mana_lab.analysis.statistics.control_limits` gave, by module and run.
    """
    if table.empty or table["run"].nunique() < 2:
        return empty_chart(
            "Drift takes two runs with ratings", "Run the lab again, and look how ratings move."
        )
    drifted = table.groupby("module")["outside"].any()
    modules = [*drifted.index[drifted], *drifted.index[~drifted]]
    shown = modules[:_MOST_PANELS]
    rows = math.ceil(len(shown) / _ACROSS)
    note = _NOTE
    if len(shown) < len(modules):
        note += f"; {counted(len(modules) - len(shown), 'module')} that stayed within not shown"
    with house_style():
        finding = _finding(table, list(drifted.index[drifted]))
        chart = new_chart(finding, height=1.2 + 1.7 * rows, note=note)
        panels: Any = chart.subplots(
            rows, min(_ACROSS, len(shown)), squeeze=False, sharex=True, sharey=True
        )
        for axes in panels.flat[len(shown) :]:
            axes.set_visible(False)
        for axes, module in zip(panels.flat, shown, strict=False):
            _draw(axes, str(module), table[table["module"] == module])
        for axes in panels[:, 0]:
            axes.set_ylabel("rating, 1 to 5")
        for place in range(min(_ACROSS, len(shown))):
            last = [axes for axes in panels[:, place] if axes.get_visible()][-1]
            last.set_xlabel("run")
            last.tick_params(labelbottom=True)
        return chart.settled()


def _finding(table: pd.DataFrame, drifted: list[str]) -> str:
    runs = counted(table["run"].nunique(), "run")
    judged = table[table["low"].notna()]["module"].nunique()
    if not judged:
        return f"Too few personas rated a module in each of {runs} to tell drift from chance"
    if not drifted:
        return f"No module drifted beyond chance over {runs} ({counted(judged, 'module')} judged)"
    far = table[table["outside"]].assign(gap=lambda rows: (rows["mean"] - rows["centre"]).abs())
    row = far.sort_values(["gap", "module"], ascending=[False, True]).iloc[0]
    gap = row["mean"] - row["centre"]
    told = (
        f"{row['module']} in run {row['run']} is rated {abs(gap):.2f} points "
        f"{'above' if gap > 0 else 'below'} its mean of {runs}"
    )
    if len(drifted) == 1:
        return f"{told}, which is beyond chance; no other module drifted"
    others = [name for name in drifted if name != row["module"]]
    return f"{told}, which is beyond chance; {listed(others, 'module')} drifted, too"


def _draw(axes: Axes, module: str, rows: pd.DataFrame) -> None:
    runs = rows["run"].astype("float64")
    low, high = rows["low"], rows["high"]
    axes.fill_between(runs, low, high, color=GREY, alpha=0.45, linewidth=0)
    axes.plot(runs, rows["centre"], color=INK, linewidth=0.8)
    axes.plot(runs, rows["mean"], color=BLUE, linewidth=1)
    inside, outside = rows[~rows["outside"]], rows[rows["outside"]]
    axes.scatter(inside["run"].astype("float64"), inside["mean"], s=22, color=BLUE, zorder=3)
    axes.scatter(
        outside["run"].astype("float64"),
        outside["mean"],
        s=60,
        color=VERMILLION,
        marker="X",
        zorder=4,
    )
    axes.set_title(f"{short(module, 18)} (n = {int(rows['personas'].iloc[0])})")
    axes.set_xticks(sorted(set(runs)), labels=[str(run) for run in rows["run"]])
    axes.set_ylim(0.9, 5.1)
    axes.set_yticks([1, 2, 3, 4, 5])
