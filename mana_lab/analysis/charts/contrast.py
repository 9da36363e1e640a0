"""What a treatment changed: treatment against control, within each persona.

Measures have units of their own, so each has a panel of its own. The rows are the modules and, of
those that changed, their tools.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mana_lab.analysis.charts.differences import TOLD, Told, contrast_table
from mana_lab.analysis.charts.figure import (
    BLUE,
    GREY,
    INK,
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
from mana_lab.analysis.wording import counted, listed

if TYPE_CHECKING:
    from mana_lab.analysis.contrast import Answer, Contrast

_WIDEST: Final = 2.0
"""So many times the largest difference a panel reaches; a longer interval leaves it."""
_EDGE: Final = 0.97
"""Where in its panel the arrow of a longer interval stands."""
_LONGEST: Final = 22
_ASKED: Final = 16
"""So much of the name of what was asked fits into two lines with what the answer rests on."""
_MOST_EVIDENCE: Final = 999
_LEGEND: Final = 20
"""How much space the legend has between the heads of the panels and their rows, in points."""
_BAND: Final[dict[str, Any]] = {
    "facecolor": GREY,
    "alpha": 0.5,
    "hatch": "////",
    "edgecolor": "white",
}


def contrast(found: Contrast) -> Chart:
    """Return what differs between treatment and control, a panel for each measure.

    Args:
        found: Treatment against control.
    """
    from mana_lab.analysis.contrast.measures import MOST

    table = contrast_table(found)
    if table.empty:
        return empty_chart(
            "There is nothing to compare yet",
            "Fewer than two personas used the app both under treatment and under control.",
        )
    drawn, hidden = _worth_a_row(table)
    shown = list(dict.fromkeys(_rows(drawn)))
    panels = _differing(found, drawn)
    with house_style():
        note = _note(found, drawn, panels, hidden)
        chart = new_chart(_finding(found), height=2.0 + 0.25 * len(shown), note=note)
        places = {row: place for place, row in enumerate(shown)}
        axes = chart.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for one, measure in zip(axes, panels, strict=True):
            most = MOST.get(measure, math.inf)
            _draw(one, _of(drawn, measure), places, TOLD[measure], most)
        _name_rows(axes[0], drawn, shown)
        _explain(axes[0], drawn)
        return chart.settled()


def _worth_a_row(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Leave out what was hardly used, and what is too much; return how many rows that are."""
    rows = _rows(table)
    told = table["changed"] | (table.index.get_level_values("measure") != "calls")
    used = dict.fromkeys(row for row, one in zip(rows, told, strict=True) if one)
    shown = list(used or dict.fromkeys(rows))[:MOST_ROWS]
    return table[[row in shown for row in rows]], len(set(rows)) - len(shown)


def _rows(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the module and the tool of each line."""
    modules, tools = (table.index.get_level_values(name) for name in ("module", "tool"))
    return list(zip(map(str, modules), map(str, tools), strict=True))


def _of(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    return table[table.index.get_level_values("measure") == measure]


def _differing(found: Contrast, table: pd.DataFrame) -> list[str]:
    """Return the ratings, and what differs for several personas; at least one measure of all.

    What happened to one person, such as a call that a busy machine held up, says nothing.
    """
    several = found.gaps.columns[(found.gaps.fillna(0) != 0).sum() > 1]
    there = set(table.index.get_level_values("measure"))
    kept = there & {"rating", *several.get_level_values("measure")}
    return [name for name in TOLD if name in (kept or there)][: None if kept else 1]


def _finding(found: Contrast) -> str:
    from mana_lab.analysis.statistics.results import shown_p

    if not found.named:
        count = found.table["module"].nunique()
        people = counted(len(found.gaps), "persona")
        measures = counted(len(found.table), "measure")
        if found.answer.holds:
            return f"{_answered(found.answer)}; nothing else does: {measures}, {people}"
        return (
            f"Nothing changed that holds up: {measures} of {counted(count, 'module')} and their "
            f"tools, within {people}"
        )
    first, *others = found.named
    told = TOLD[first.measure].words(first.difference)
    rest = ""
    if others:
        more = [short(each.module, _LONGEST) for each in others]
        rest = f"; {listed(more, 'module')} changed too"
    where = f", in {short(first.tool, _LONGEST)}" if first.tool else ""
    return (
        f"{short(first.module, _LONGEST)} changed{where}: under treatment {told} "
        f"({counted(first.personas, 'persona')}; {shown_p(first.p)}){rest}"
    )


def _answered(asked: Answer) -> str:
    """Return what was asked and holds up, with what that rests on."""
    from mana_lab.analysis.statistics.results import shown_p

    effect = 0.0 if asked.difference is None else asked.difference.effect
    rests_on = shown_p(asked.p)
    if asked.may_end_early and asked.evidence is not None:
        e = asked.evidence.largest
        size = f"e > {_MOST_EVIDENCE}" if e > _MOST_EVIDENCE else f"e = {e:.1f}"
        rests_on = f"{size}, valid at any time"
    return (
        f"What was asked about {short(asked.about, _ASKED)} holds up: under treatment "
        f"{TOLD['rating'].words(effect)} ({rests_on})"
    )


def _note(found: Contrast, table: pd.DataFrame, panels: list[str], hidden: int) -> str:
    facts = [
        "treatment less control, mean over personas",
        "line: 95 % interval of each by itself, none of one persona; arrow: it goes on",
        f"changed: modules at a family-wise level of {found.alpha:g}, of each the clearest tool",
    ]
    if found.answer.may_end_early:
        facts.append("what was asked rests on e, an e-process, not on these intervals")
    if table["noise"].notna().any():
        facts.append("noise floor: two blind halves of the control differ by less in 19 of 20 runs")
    there = set(table.index.get_level_values("measure")) - set(panels)
    if there:
        still = ", ".join(TOLD[name].name for name in TOLD if name in there)
        facts.append(f"differed for one persona at most: {still}")
    if hidden:
        facts.append(f"{counted(hidden, 'less used row')} not shown")
    return "; ".join(facts)


def _draw(
    axes: Axes,
    rows: pd.DataFrame,
    places: Mapping[tuple[str, str], int],
    told: Told,
    most: float,
) -> None:
    y = np.array([places[row] for row in _rows(rows)])
    for place, noise in zip(y, rows["noise"], strict=True):
        if not np.isnan(noise):
            axes.barh(place, 2 * noise, left=-noise, height=0.72, linewidth=0, zorder=1, **_BAND)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    reach = _reach(rows, most)
    for changed, look in ((False, _look(changed=False)), (True, _look(changed=True))):
        chosen = (rows["changed"] == changed).to_numpy()
        part = rows[chosen]
        _draw_lines(axes, y[chosen], part, reach, look["color"])
        axes.plot(part["difference"], y[chosen], linestyle="none", zorder=3, **look)
    for place, row in zip(y, rows.to_dict("records"), strict=True):
        if row["changed"]:
            _mark(axes, place, float(row["difference"]), told)
    axes.set_xlim(-reach, reach)
    step = _round_down(0.9 * reach)
    ticks = (-step, 0.0, step)
    axes.set_xticks(ticks, labels=[told.tick(value) for value in ticks])
    axes.xaxis.grid(visible=True)
    axes.set_title(told.head, pad=_LEGEND)
    bare(axes)


def _draw_lines(
    axes: Axes, y: npt.NDArray[np.int_], rows: pd.DataFrame, reach: float, color: str
) -> None:
    """Draw the intervals; one that leaves the panel ends in an arrow at its edge."""
    low, high, edge = rows["low"], rows["high"], reach * _EDGE
    axes.hlines(y, low.clip(-reach), high.clip(upper=reach), colors=color, linewidth=2)
    for marker, beyond, x in (("<", low < -reach, -edge), (">", high > reach, edge)):
        places = y[beyond.to_numpy()]
        axes.plot([x] * len(places), places, marker=marker, color=color, linestyle="none", ms=6)


def _mark(axes: Axes, place: int, difference: float, told: Told) -> None:
    axes.annotate(
        told.signed(difference),
        (difference, place),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        fontweight="bold",
        color=INK,
        bbox={"facecolor": "white", "alpha": 0.7, "pad": 0.4, "edgecolor": "none"},
        zorder=4,
    )


def _look(*, changed: bool) -> dict[str, Any]:
    if changed:
        return {"color": VERMILLION, "marker": "D", "markersize": 8}
    return {"color": BLUE, "marker": "o", "markersize": 5, "markerfacecolor": "white"}


def _reach(rows: pd.DataFrame, most: float) -> float:
    """Return how far a panel reaches to either side; no difference is above *most*."""
    largest = float(rows["difference"].abs().max())
    ends = rows[["low", "high"]].abs().max(axis="columns")
    widest = max([largest, *map(float, ends[np.isfinite(ends)])])
    noise = map(float, rows["noise"].dropna())
    return 1.15 * max(min(widest, _WIDEST * largest, most), *noise, 1e-3)


def _round_down(number: float) -> float:
    """Return the largest of 1, 2 and 5, times a power of ten, that is not above *number*."""
    power = 10.0 ** math.floor(math.log10(number))
    return max(digit * power for digit in (1, 2, 5) if digit * power <= number)


def _name_rows(axes: Axes, table: pd.DataFrame, shown: list[tuple[str, str]]) -> None:
    row_names(axes, [short(tool or module, _LONGEST) for module, tool in shown])
    changed = set(_rows(table[table["changed"]]))
    for label, row in zip(axes.get_yticklabels(), shown, strict=True):
        label.set_fontweight("bold" if row in changed else "normal")
        label.set_fontsize(8 if row[1] else 9)


def _explain(axes: Axes, table: pd.DataFrame) -> None:
    """Write the legend between the heads of the panels and their rows."""
    changed = table["changed"].any()
    handles: list[Artist] = [
        Line2D([], [], linewidth=2, label=label, **_look(changed=kind))
        for kind, label in ((True, "changed"), (False, "no change that holds up by itself"))
        if changed or not kind
    ]
    if table["noise"].notna().any():
        handles.append(Patch(label="noise floor of the blind A/A", **_BAND))
    legend = axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    legend.set_in_layout(False)  # it is wider than its panel
