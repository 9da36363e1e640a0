"""Soundness: whether the rows of an archive are whole, are there once and fit one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mana_lab.analysis.columns import VIEWS
from mana_lab.analysis.duck import Duck

_BY_RUN: Final = ("persona_actions", "persona_feedback", "ticks")
_KEYS: Final = (
    ("runs", "id"),
    ("runs", "run"),
    ("personas", "user_id"),
    *((view, "id") for view in _BY_RUN),
)
_TWICE: Final = 'SELECT "{key}" FROM {view} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1'
_ELSEWHERE: Final = """
    SELECT found.run, found.run_id, r.run
    FROM (SELECT DISTINCT run, run_id FROM {view}) AS found
    LEFT JOIN runs AS r ON r.id = found.run_id
    WHERE r.run IS DISTINCT FROM found.run ORDER BY ALL LIMIT 1
"""
_WITHOUT_TICK: Final = """
    SELECT tick_id FROM (SELECT DISTINCT tick_id FROM {view} WHERE tick IS NOT NULL)
    ANTI JOIN ticks ON ticks.id = tick_id ORDER BY ALL LIMIT 1
"""
_LACKING: Final = """
    SELECT count(*), sum(stated.calls), sum(stated.errors),
        sum(coalesce(there.calls, 0)), sum(coalesce(there.errors, 0))
    FROM ticks AS stated SEMI JOIN personas ON personas.user_id = stated.persona_id
    LEFT JOIN (
        SELECT tick_id, count(*) AS calls, count(*) FILTER (result = 'error') AS errors
        FROM persona_actions GROUP BY tick_id
    ) AS there ON there.tick_id = stated.id
    WHERE stated.status IN ('done', 'abandoned') AND (
        coalesce(there.calls, 0) < stated.calls
        OR coalesce(there.errors, 0) < stated.errors AND stated.attempt = 1
    )
"""
"""Ticks that failed may not have handed their calls on, an earlier attempt may have left some, and
those of a persona who is gone went with them."""


def what_is_unsound(duck: Duck, lab: str | None) -> str | None:
    """Return what is wrong with the rows of an archive, or None.

    Args:
        duck: Where its views are.
        lab: What the archive is called there; None where it is the only one.
    """
    return next(_wrong(duck, lab), None)


def _wrong(duck: Duck, lab: str | None) -> Iterator[str]:
    for view, key in _KEYS:
        for (value,) in _rows(duck, lab, _TWICE.format(view=view, key=key)):
            yield f"its {view} have the {key} {value} more than once"
    for view in _BY_RUN:
        for run, run_id, known in _rows(duck, lab, _ELSEWHERE.format(view=view)):
            where = "without a run" if run is None else f"of run {run}"
            told = "which is not in its runs" if known is None else f"which is run {known}"
            yield f"its {view} {where} have rows of the run {run_id}, {told}"
    for view in ("persona_actions", "persona_feedback"):
        for (tick,) in _rows(duck, lab, _WITHOUT_TICK.format(view=view)):
            yield f"its {view} have rows of the tick {tick}, which is not in its ticks"
    for ticks, calls, errors, calls_there, errors_there in _rows(duck, lab, _LACKING):
        if ticks:
            yield (
                f"{ticks} of its ticks had {calls} calls with {errors} errors, and its "
                f"persona_actions have {calls_there} of them with {errors_there}"
            )


def _rows(duck: Duck, lab: str | None, query: str) -> list[tuple[Any, ...]]:
    where, given = ("true", None) if lab is None else ("lab = $lab", {"lab": lab})
    views = ", ".join(f"{view} AS (FROM kept.{view} WHERE {where})" for view in VIEWS)
    return duck.execute(f"WITH {views} {query}", given).fetchall()
