"""Thresholds: where a cumulative-link mixed model parts the ratings, and what moves personas there.

Everything stands on one scale of log-odds: the thresholds between neighbouring ratings, the
personas around the baseline, and where each effect moves them.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mana_lab.analysis.charts.figure import (
    BLUE,
    INK,
    ORANGE,
    Chart,
    bare,
    empty_chart,
    house_style,
    new_chart,
    row_names,
)
from mana_lab.analysis.wording import counted

if TYPE_CHECKING:
    from mana_lab.analysis.statistics import ClmmFit, Effect

_SURE: Final = 1.959963984540054
_LEVEL: Final = 0.05
_ENDLESS: Final = 12.0
"""Log-odds that are only reached on the way to infinity: what is beyond is not drawn to scale."""
_NOTE: Final = (
    "cumulative-link mixed model: a rating is where the sum of what was rated, the persona and "
    "chance falls among the thresholds; lines: 95 % intervals, of what was rated the robust ones"
)


def thresholds_table(fit: ClmmFit | None) -> pd.DataFrame:
    """Return the thresholds and effects of a model, as rows.

    Args:
        fit: What :func:`mana_lab.analysis.statistics.fit_clmm` gave; None where there is none.

    Returns:
        A row for each, with its ``name``, its ``kind`` (``threshold`` or ``effect``), ``log_odds``,
        a 95 % interval from ``low`` to ``high``, that of an effect the robust one; infinite
        where nothing bounds it, and missing where it is not known; and of effects ``personas``, who
        rated with it, and ``p_adjusted``, the robust p-value, or that of the signs where an effect
        is infinite, after Holm's correction over them; missing where fewer than two carry it.
    """
    rows: list[tuple[str, str, float, float, float, int | None, float]] = []
    if fit is not None:
        from mana_lab.analysis.statistics import holm

        for name, place in fit.thresholds.items():
            reach = _SURE * fit.threshold_errors.get(name, float("nan"))
            rows.append((name, "threshold", place, place - reach, place + reach, None, math.nan))
        adjusted = holm([_p(effect) for effect in fit.effects])
        for effect, p in zip(fit.effects, adjusted, strict=True):
            ends = effect.robust_interval.low, effect.robust_interval.high
            known = effect.n_personas, float(p)
            rows.append((effect.name, "effect", effect.log_odds, *ends, *known))
    columns = ["name", "kind", "log_odds", "low", "high", "personas", "p_adjusted"]
    return pd.DataFrame(rows, columns=columns).astype({"personas": "Int64"})


def _p(effect: Effect) -> float:
    return effect.sign_p if math.isinf(effect.log_odds) else effect.robust_p


def thresholds(fit: ClmmFit | None, baseline: str = "baseline") -> Chart:
    """Return the thresholds of a model, and where each effect moves ratings among them.

    Args:
        fit: What :func:`mana_lab.analysis.statistics.fit_clmm` gave; None where there is none.
        baseline: What the effects are held against.
    """
    if fit is None:
        return empty_chart(
            "No model of the ratings yet",
            "It takes two personas, two different ratings and two modules.",
        )
    table = thresholds_table(fit)
    parts = table[table["kind"] == "threshold"]
    effects = _with_short_names(table[table["kind"] == "effect"])
    effects = effects.sort_values("log_odds", ascending=False, kind="stable", ignore_index=True)
    with house_style():
        height = 2.4 + 0.3 * len(table)
        chart = new_chart(_finding(effects, fit, baseline), height=height, note=_NOTE)
        axes = chart.add_subplot()
        rows = pd.concat([effects, _baseline(baseline)], ignore_index=True)
        names = [*rows["name"], *(f"threshold {name}" for name in parts["name"])]
        span = _span(pd.concat([parts, rows], ignore_index=True), fit.persona_sd)
        _draw_effects(axes, rows, fit.persona_sd, span)
        _draw_thresholds(axes, parts.set_axis(range(len(rows), len(names))), span)
        row_names(axes, [str(name) for name in names])
        axes.set_xlim(*span)
        axes.set_xlabel("log-odds of a higher rating, and the thresholds from one to the next")
        bare(axes)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=4, borderaxespad=0)
        return chart.settled()


def _baseline(name: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"name": [f"{name} (baseline)"], "log_odds": [0.0], "low": [0.0], "high": [0.0]}
    )


def _with_short_names(effects: pd.DataFrame) -> pd.DataFrame:
    """Return effects of one column by their levels: ``todo`` for ``module[todo]``."""
    found = [re.fullmatch(r"([^\[\]:]+)\[(.*)\]", name) for name in effects["name"]]
    if not all(found) or len({match[1] for match in found if match}) != 1:
        return effects
    return effects.assign(name=[match[2] for match in found if match])


def _finding(effects: pd.DataFrame, fit: ClmmFit, baseline: str) -> str:
    from mana_lab.analysis.statistics.results import shown_p

    everybody = counted(fit.n_personas, "persona")
    apart = effects[effects["p_adjusted"] <= _LEVEL]
    if apart.empty:
        return f"Nothing is told apart from {baseline} on the scale of the ratings ({everybody})"
    surest = apart[apart["p_adjusted"] == apart["p_adjusted"].min()]
    row = surest.loc[surest["log_odds"].abs().idxmax()]
    basis = everybody if row["personas"] == fit.n_personas else f"{row['personas']} of {everybody}"
    where = "higher" if row["log_odds"] > 0 else "lower"
    if np.isinf(row["log_odds"]):
        return f"{row['name']} is rated {where} than {baseline} without exception ({basis})"
    corrected = f", {shown_p(row['p_adjusted'])} after Holm" if len(effects) > 1 else ""
    return (
        f"{row['name']} is rated {where} than {baseline}: log-odds {row['log_odds']:+.2f} "
        f"[{row['low']:.2f}, {row['high']:.2f}]{corrected} ({basis})"
    )


def _span(rows: pd.DataFrame, persona_sd: float) -> tuple[float, float]:
    ends = rows[["log_odds", "low", "high"]].to_numpy(dtype=float).ravel()
    known = [-persona_sd, persona_sd, *ends[np.abs(ends) < _ENDLESS].tolist()]
    room = 0.06 * (max(known) - min(known)) + 0.1
    return min(known) - room, max(known) + room


def _draw_effects(
    axes: Axes, rows: pd.DataFrame, persona_sd: float, span: tuple[float, float]
) -> None:
    places = rows["log_odds"].clip(*span)
    low, high = (places - persona_sd).clip(*span), (places + persona_sd).clip(*span)
    axes.hlines(
        rows.index, low, high, color=ORANGE, alpha=0.4, linewidth=9, label="two thirds of personas"
    )
    _draw_estimates(axes, rows, span, color=BLUE, marker="o", label="what was rated")


def _draw_thresholds(axes: Axes, parts: pd.DataFrame, span: tuple[float, float]) -> None:
    shown = parts[parts["log_odds"].abs() < _ENDLESS]
    axes.vlines(shown["log_odds"], -0.5, shown.index, color=INK, linewidth=0.8, linestyle="--")
    _draw_estimates(axes, shown, span, color=INK, marker="s", label="threshold")


def _draw_estimates(
    axes: Axes,
    rows: pd.DataFrame,
    span: tuple[float, float],
    *,
    color: str,
    marker: str,
    label: str,
) -> None:
    low, high = (rows[end].fillna(rows["log_odds"]).clip(*span) for end in ("low", "high"))
    axes.hlines(rows.index, low, high, color=color, linewidth=1.8)
    places = rows["log_odds"].clip(*span)
    axes.scatter(places, rows.index, s=34, color=color, marker=marker, zorder=3, label=label)
