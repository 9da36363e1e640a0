"""Error recovery: after which errors people do not find their way back."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from mana_lab.analysis.charts.figure import (
    BLUE,
    INK,
    Chart,
    column_of_texts,
    empty_chart,
    house_style,
    new_chart,
    row_names,
    short,
)
from mana_lab.analysis.charts.intervals import INTERVAL_NOTE, MOST_DOTS, dots, share_axis
from mana_lab.analysis.wording import counted, enough, listed, percent, title_note
from mana_lab.errors import UnknownToolError

_RULE = "recovered: the same tool works within the next two calls of the tick"
_NEVER = f"{UnknownToolError.code}: no such tool, so the title leaves these calls out"


def error_recovery_table(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of :func:`error_recovery`.

    Args:
        errors: What :meth:`~mana_lab.analysis.friction.Friction.error_recovery` returned.

    Returns:
        The same, with the kind and the code of the error as index.
    """
    return errors.set_index(["error_kind", "error_code"])


def error_recovery(errors: pd.DataFrame) -> Chart:
    """Return the share of each error that was recovered within two calls, the worst first.

    A tool that does not exist can never be recovered, so that the title is of the others.

    Args:
        errors: What :meth:`~mana_lab.analysis.friction.Friction.error_recovery` returned.
    """
    if errors.empty:
        return empty_chart("No call failed", "There is nothing to recover from.")
    shown = errors.head(MOST_DOTS).reset_index(drop=True)
    hidden = len(errors) - len(shown)
    more = f"; {counted(hidden, 'error')} that are recovered more often not shown" * (hidden > 0)
    exists = errors["error_code"] != UnknownToolError.code
    real = errors[exists]
    left_out = title_note(real["errors"], "error", "failed call")
    of = "" if exists.all() else " of tools that exist"
    never = f"; {_NEVER}" if of and len(real) else ""
    with house_style():
        chart = new_chart(
            _finding(real, of) if len(real) else _redirected(errors),
            height=1.7 + 0.27 * len(shown),
            note=f"{INTERVAL_NOTE}; {_RULE}{never}{left_out}{more}",
        )
        _draw(chart.add_subplot(), shown)
        return chart.settled()


def _finding(errors: pd.DataFrame, of: str) -> str:
    every, recovered = int(errors["errors"].sum()), int(errors["recovered"].sum())
    overall = f"{percent(recovered / every)} of all {counted(every, 'failed call')}{of}"
    known = errors[enough(errors["errors"])]
    shares = known["share"].map(percent)
    worst = list(dict.fromkeys(_name(row) for _, row in known[shares == shares.iloc[0]].iterrows()))
    if len(worst) == len(known) and len(known) > 1:
        return f"All errors are recovered alike within two calls: {overall}"
    times = counted(int(known.iloc[0]["errors"]), "time")
    each = " each" if len(worst) > 1 else f" of {times}"
    verb = "are" if len(worst) > 1 else "is"
    return (
        f"{listed(worst, 'error')} {verb} recovered least often: {shares.iloc[0]}{each} within two "
        f"calls; {overall}"
    )


def _redirected(errors: pd.DataFrame) -> str:
    every, redirected = int(errors["errors"].sum()), int(errors["redirected"].sum())
    return (
        f"Only calls of tools that do not exist failed: after {redirected} of "
        f"{counted(every, 'call')} ({percent(redirected / every)}) another tool worked within two "
        "calls"
    )


def _name(row: pd.Series[str]) -> str:
    return short(row["error_code"] or row["error_kind"] or "an error without a code")


def _draw(axes: Axes, shown: pd.DataFrame) -> None:
    dots(axes, shown, color=BLUE, marker="o", label="the same tool worked")
    either = (shown["recovered"] + shown["redirected"]) / shown["errors"]
    axes.scatter(
        either.astype("float64"),
        shown.index,
        s=40,
        marker="s",
        facecolors="none",
        edgecolors=INK,
        linewidths=1.1,
        label="that or another tool worked",
        zorder=4,
    )
    row_names(axes, [_name(row) for _, row in shown.iterrows()])
    share_axis(axes, "share of the failed calls, within the next two calls of the tick")
    counts = zip(shown["recovered"], shown["errors"], strict=True)
    column_of_texts(axes, 1.12, "recovered", [f"{some}/{of_all}" for some, of_all in counts])
    column_of_texts(axes, 1.25, "personas", [str(number) for number in shown["personas"]])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
