"""Coverage: what a population is like, and whether it leaves a kind of person out."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mana_lab.analysis.charts.figure import (
    BLUE,
    GREY,
    Chart,
    empty_chart,
    house_style,
    new_chart,
    row_names,
)
from mana_lab.analysis.columns import TRAITS
from mana_lab.analysis.coverage import (
    Discrepancy,
    coverage_table,
    trait_discrepancy,
    with_traits,
)
from mana_lab.analysis.wording import counted, listed, percent

_BARS = ("cadence", "archetype", "module")
_MOST_BARS = 14
_WIDE = 0.9
_NOTE = (
    "discrepancy: centred L2, squared, within the spans of the traits; "
    "expected: of as many independent personas; r: correlation"
)


def coverage(personas: pd.DataFrame) -> Chart:
    """Return every pair of traits as a scatter, and how many personas are of which kind.

    Args:
        personas: Rows of ``personas_df``; those without traits are left out.
    """
    known = with_traits(personas)
    if known.empty:
        return empty_chart(
            "No persona has traits",
            "Sampled personas have some: seed a lab with mana_lab.personas.sample(200, seed=7).",
        )
    pairs = list(combinations(TRAITS, 2))
    with house_style():
        finding = _finding(trait_discrepancy(known), len(personas) - len(known))
        chart = new_chart(finding, height=9.2, note=_NOTE)
        parts: Any = chart.subfigures(2, 1, height_ratios=[5, 3])
        for axes, (x, y) in zip(parts[0].subplots(2, 3).flat, pairs, strict=True):
            _scatter(axes, known, x, y)
        table = coverage_table(known)
        for axes, aspect in zip(parts[1].subplots(1, len(_BARS)), _BARS, strict=True):
            _bars(axes, table.loc[[aspect]].droplevel("aspect"), aspect)
        return chart.settled()


def _finding(covered: Discrepancy, without: int) -> str:
    who = counted(covered.personas, "persona")
    if math.isnan(covered.found):
        return f"{who} with traits: nothing to tell apart"
    better = covered.found < covered.by_chance
    narrow = [
        f"{trait} only from {low:.2f} to {high:.2f}"
        for trait, (low, high) in covered.spans.items()
        if high - low < _WIDE
    ]
    fixed = [trait for trait in TRAITS if trait not in covered.spans]
    if fixed:
        narrow.append(f"all alike in {listed(fixed, 'trait')}")
    if without:
        narrow.append(f"{without} more have none")
    rest = "".join(f"; {each}" for each in narrow)
    return (
        f"{who} cover {counted(len(covered.spans), 'trait')} {'more' if better else 'no more'} "
        f"evenly than chance: discrepancy {covered.found:.2g}, expected {covered.by_chance:.2g}"
        f"{rest}"
    )


def _scatter(axes: Axes, known: pd.DataFrame, x: str, y: str) -> None:
    size = min(12.0, max(1.0, 3000 / len(known)))
    axes.scatter(known[x], known[y], s=size, color=BLUE, alpha=0.6, linewidths=0, rasterized=True)
    apart = known[x].nunique() > 1 and known[y].nunique() > 1
    r = f"r = {round(known[x].corr(known[y]), 2) or 0.0:.2f}" if apart else "no r"
    axes.set_title(r.replace("-", "\N{MINUS SIGN}"), pad=4)
    axes.set(xlabel=x, ylabel=y, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axes.set_xticks([0, 0.5, 1], labels=["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], labels=["0", "0.5", "1"])
    axes.grid(visible=True)
    axes.tick_params(length=0)


def _bars(axes: Axes, counts: pd.DataFrame, aspect: str) -> None:
    shown = counts.head(_MOST_BARS)
    of_module = aspect == "module"
    values = shown["share"] if of_module else shown["personas"]
    color = GREY if of_module else BLUE
    most = float(values.max())
    axes.barh(range(len(shown)), values, height=0.66, color=color)
    for row, value in enumerate(values):
        text = percent(value) if of_module else str(value)
        axes.text(value + most * 0.03, row, text, va="center", fontsize=7.5)
    row_names(axes, [str(name) for name in shown.index])
    hidden = len(counts) - len(shown)
    more = f"; {counted(hidden, aspect)} more" if hidden else ""
    axes.set_title(f"{aspect}{more}", pad=4)
    axes.set_xlabel("mean planned share" if of_module else "personas")
    axes.set_xlim(0, most * 1.3)
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=not of_module))
    if of_module:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)
