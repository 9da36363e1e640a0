"""Learning: how long a persona took until a tool worked for them for the first time.

In ``a! b a`` the first success of ``a`` took two tries in one tick, and three calls of the tick
from the first try on. Who never succeeded is censored: ``succeeded`` is false, and ``tries``,
``ticks`` and ``hours`` say how long they tried. With ``succeeded`` as the event these columns are
what a Kaplan-Meier estimate takes.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.friction.definition import WHO_FIELDS, Definition, Scope


def _first_success(scope: Scope) -> str:
    """Return the SQL; only the calls up to the moment of the first success are put in order."""
    keys = f"{scope.by()}persona_id, tool_name"
    same = f"persona_id = b.persona_id AND a.tool_name = b.tool_name{scope.same('a', 'b')}"
    moment = "(a.occurred_at, a.tick_id, a.seq, a.id)"
    return scope.named(f"""
        WITH bounds AS (
            SELECT {keys}, count(*) AS calls,
                min(occurred_at) FILTER (result = 'ok') AS worked_at
            FROM {scope.calls} GROUP BY {keys}
        ), early AS (
            SELECT b.*, a.tick_id, a.seq, a.occurred_at, a.result, {moment} AS moment
            FROM {scope.calls} a JOIN bounds b ON a.{same}
            WHERE b.worked_at IS NULL OR a.occurred_at <= b.worked_at
        ), firsts AS (
            SELECT {keys}, min(moment) AS first, arg_min(tick_id, moment) AS tick,
                arg_min(seq, moment) AS place
            FROM early WHERE result = 'ok' GROUP BY {keys}
        )
        SELECT {scope.by("a")} a.persona_id, a.tool_name, any_value(a.calls) AS calls,
            any_value(b.first) IS NOT NULL AS succeeded, count(*) AS tries,
            count(DISTINCT a.tick_id) AS ticks,
            epoch(max(a.occurred_at) - min(a.occurred_at)) / 3600 AS hours,
            any_value(b.place) - min(a.seq) FILTER (a.tick_id = b.tick) + 1 AS calls_in_tick
        FROM early a LEFT JOIN firsts b ON a.{same}
        WHERE b.first IS NULL OR a.moment <= b.first
        GROUP BY {scope.by("a")} a.persona_id, a.tool_name
    """)  # noqa: S608


FIRST_SUCCESS: Final = Definition(
    "friction_first_success",
    {
        **WHO_FIELDS,
        "tool_name": ("text", "The tool."),
        "calls": ("integer", "How many calls of it there were in all."),
        "succeeded": ("flag", "Whether one worked; otherwise what follows is censored."),
        "tries": ("integer", "How many calls up to the first that worked, it included."),
        "ticks": ("integer", "In how many ticks these were."),
        "hours": (
            "number",
            "From the first of them to the last, in hours of the lab's time; 0 within one tick.",
        ),
        "calls_in_tick": (
            "integer",
            "How many calls, of any tool, from the first try in the tick of the success up to it.",
        ),
    },
    _first_success,
    "persona, email, succeeded, tries DESC, tool_name",
)
