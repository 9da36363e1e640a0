"""The timeline of one persona: when they used the app, what for, and how it went."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from mana_lab.analysis.charts.activity import day_heads
from mana_lab.analysis.charts.figure import (
    BLUE,
    GREY,
    INK,
    VERMILLION,
    Chart,
    bare,
    empty_chart,
    house_style,
    new_chart,
    row_names,
)
from mana_lab.analysis.charts.ratings import COLORS, HATCHES
from mana_lab.analysis.choosing import choose_persona
from mana_lab.analysis.wording import counted, percent

MOST_DAYS = 21
"""How many days a timeline has columns for; the numbers beside it have all of them."""

_WIDE = 10
"""Up to so many days a cell is wide enough for one line."""

_COLUMNS = ["day", "time", "status", "module", "calls", "errors", "rating"]
_MARKS = {"done": ("o", BLUE), "abandoned": ("X", VERMILLION), "failed": ("s", GREY)}
_WORDS = {"done": "a session", "abandoned": "gave up", "failed": "the session failed"}
_HOURS = (0, 6, 12, 18, 24)


def timeline_table(
    persona: str,
    personas: pd.DataFrame,
    ticks: pd.DataFrame,
    actions: pd.DataFrame,
    feedback: pd.DataFrame,
) -> pd.DataFrame:
    """Return what a persona did and thought, session by session and module by module.

    Args:
        persona: Their name or e-mail address.
        personas: Rows of ``personas_df``.
        ticks: Rows of ``ticks_df``.
        actions: Rows of ``actions_df``.
        feedback: Rows of ``feedback_df``.

    Returns:
        A row per session and module in the order of time, with ``day`` and ``time`` where the
        persona lives, ``status``, ``module`` (missing where nothing was called), ``calls``,
        ``errors`` and ``rating`` (missing where none was given).

    Raises:
        UnknownPersonaError: There is nobody of that name.
        InvalidInputError: There are several.
    """
    who = choose_persona(personas, persona)
    mine = ticks[ticks["email"] == who["email"]]
    used = actions.assign(failed=(actions["result"] == "error").astype("int64"))
    counts = used.groupby(["tick_id", "module"])["failed"].agg(calls="size", errors="sum")
    rated = feedback.set_index(["tick_id", "module"])["rating"]
    table = mine[["id", "scheduled_at", "status"]].merge(
        counts.join(rated).reset_index(), how="left", left_on="id", right_on="tick_id"
    )
    local = table["scheduled_at"].dt.tz_convert(_zone(who))
    table = table.assign(
        day=local.dt.strftime("%Y-%m-%d").astype("str"),
        time=local.dt.strftime("%H:%M").astype("str"),
        calls=table["calls"].fillna(0).astype("int64"),
        errors=table["errors"].fillna(0).astype("int64"),
        rating=table["rating"].astype("Int64"),
    )
    by = ["scheduled_at", "id", "module"]
    return table.sort_values(by, kind="stable", ignore_index=True)[_COLUMNS]


def timeline(
    persona: str,
    personas: pd.DataFrame,
    ticks: pd.DataFrame,
    actions: pd.DataFrame,
    feedback: pd.DataFrame,
) -> Chart:
    """Return when a persona used the app, above what for: calls a day, coloured by their rating.

    Of more than 21 days the last ones are shown.

    Args:
        persona: As for :func:`timeline_table`, and so are the others.
        personas: As there.
        ticks: As there.
        actions: As there.
        feedback: As there.

    Raises:
        UnknownPersonaError: There is nobody of that name.
        InvalidInputError: There are several.
    """
    who = choose_persona(personas, persona)
    name = str(who["persona"])
    table = timeline_table(str(who["email"]), personas, ticks, actions, feedback)
    if table.empty:
        return empty_chart(f"{name} has not used the app yet", "Let the lab run first.")
    days = _days(table)
    shown = days[-MOST_DAYS:]
    rows = table[table["day"].isin(shown)]
    modules = sorted(rows["module"].dropna().unique()) or ["no call"]
    with house_style():
        note = _note(_zone(who), feedback, len(days) - len(shown))
        height = 2.9 + 0.42 * len(modules)
        chart = new_chart(_finding(name, table, len(days)), height=height, note=note)
        ratios = [1.4, max(1, 0.42 * len(modules))]
        above, below = chart.subplots(2, 1, sharex=True, height_ratios=ratios)
        _draw_sessions(above, rows, shown)
        _draw_modules(below, rows, shown, modules)
        return chart.settled()


def _zone(who: pd.Series[str]) -> ZoneInfo:
    name = who["timezone"]
    return ZoneInfo(name if isinstance(name, str) else "UTC")


def _days(table: pd.DataFrame) -> list[str]:
    first, last = (date.fromisoformat(str(table["day"].iloc[place])) for place in (0, -1))
    return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def _finding(name: str, table: pd.DataFrame, days: int) -> str:
    calls, errors = int(table["calls"].sum()), int(table["errors"].sum())
    when = f"{name} used the app on {table['day'].nunique()} of {counted(days, 'day')}"
    sessions = table.drop_duplicates(["day", "time"])
    left = int((sessions["status"] == "abandoned").sum())
    times = "once" if left == 1 else counted(left, "time")
    gave_up = f"; gave up {times}" if left else ""
    if not errors:
        return f"{when}: {counted(calls, 'call')}, none of which failed{gave_up}"
    failed = f"{errors} of {counted(calls, 'call')} failed ({percent(errors / calls)})"
    by_module = table.groupby("module")["errors"].sum()
    most = int(by_module.max())
    worst = [str(module) for module in by_module.index[by_module == most]]
    where = f", all in {worst[0]}" if most == errors else f", {most} of them in {worst[0]}"
    return f"{when}: {failed}{where if len(worst) == 1 else ''}{gave_up}"


def _note(zone: ZoneInfo, feedback: pd.DataFrame, hidden: int) -> str:
    brains = sorted(feedback["brain"].dropna().unique())
    facts = [f"days and hours in {zone.key}; below: calls a day, and how many of them failed (x)"]
    if hidden:
        facts.append(f"the {counted(hidden, 'day')} before are not shown")
    if brains:
        facts.append(f"brain: {', '.join(brains)}")
    if "scripted" in brains:
        facts.append("scripted ratings follow from what happened; they are no opinions of people")
    return "; ".join(facts)


def _draw_sessions(axes: Axes, rows: pd.DataFrame, days: list[str]) -> None:
    sessions = rows.drop_duplicates(["day", "time"])
    for status, (marker, color) in _MARKS.items():
        chosen = sessions[sessions["status"] == status]
        if len(chosen):
            hours = chosen["time"].str[:2].astype(int) + chosen["time"].str[3:].astype(int) / 60
            places = [days.index(day) + 0.5 for day in chosen["day"]]
            axes.scatter(
                places, hours, s=34, marker=marker, color=color, label=_WORDS[status], zorder=3
            )
    axes.set_ylim(24, 0)
    axes.set_yticks(_HOURS, labels=[f"{hour}:00" for hour in _HOURS])
    axes.set_ylabel("hour of the day")
    axes.grid(axis="y")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
    bare(axes)


def _draw_modules(axes: Axes, rows: pd.DataFrame, days: list[str], modules: list[str]) -> None:
    cells = rows.groupby(["module", "day"]).agg(
        calls=("calls", "sum"), errors=("errors", "sum"), rating=("rating", "mean")
    )
    for (module, day), cell in zip(cells.index, cells.to_dict("records"), strict=True):
        rating = None if pd.isna(cell["rating"]) else int(cell["rating"] + 0.5)
        place = (days.index(day), modules.index(module))
        failed = f"({int(cell['errors'])}x)" if cell["errors"] else ""
        words = [str(int(cell["calls"])), *filter(None, [failed])]
        _draw_cell(axes, place, (" " if len(days) <= _WIDE else "\n").join(words), rating)
    row_names(axes, modules)
    axes.set_xlim(0, len(days))
    axes.set_xticks([place + 0.5 for place in range(len(days))], labels=day_heads(days))
    names = {1: "rated 1 (poor)", 5: "5 (good)"}
    axes.legend(
        handles=[
            Patch(
                facecolor=COLORS[n], hatch=HATCHES[n], edgecolor="white", label=names.get(n, str(n))
            )
            for n in COLORS
        ],
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=5,
        borderaxespad=0.2,
        handlelength=1.3,
        columnspacing=1.2,
    )
    bare(axes)


def _draw_cell(axes: Axes, place: tuple[int, int], words: str, rating: int | None) -> None:
    column, row = place
    axes.barh(
        row,
        0.92,
        left=column + 0.04,
        height=0.84,
        color="white" if rating is None else COLORS[rating],
        hatch="" if rating is None else HATCHES[rating],
        edgecolor=GREY if rating is None else "white",
        linewidth=0.8,
    )
    text = axes.text(
        column + 0.5,
        row,
        words,
        ha="center",
        va="center",
        fontsize=7.5,
        fontweight="bold" if "x" in words else "normal",
        linespacing=0.95,
        color="white" if rating == max(COLORS) else INK,
    )
    if rating is not None and HATCHES[rating]:
        text.set_bbox({"facecolor": "white", "alpha": 0.7, "pad": 0.6, "edgecolor": "none"})
