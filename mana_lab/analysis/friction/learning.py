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
    """Return the SQL: of the calls before the first that worked all had failed, and few do."""
    keys = f"{scope.by()}persona_id, tool_name"
    moment = "{'time': a.occurred_at, 'tick': a.tick_id, 'place': a.seq}"
    return scope.named(f"""
        WITH firsts AS (
            SELECT {keys}, count(*) AS calls, min({moment}) FILTER (result = 'ok') AS first
            FROM {scope.calls} a GROUP BY {keys}
        ), tries AS (
            SELECT b.*, {moment} AS moment FROM {scope.calls} a JOIN firsts b
            ON a.persona_id = b.persona_id AND a.tool_name = b.tool_name{scope.same("a", "b")}
            WHERE a.result = 'error' AND (b.first IS NULL OR {moment} < b.first)
            UNION ALL SELECT *, first FROM firsts WHERE first IS NOT NULL
        )
        SELECT {keys}, any_value(calls) AS calls, any_value(first) IS NOT NULL AS succeeded,
            count(*) AS tries, count(DISTINCT moment.tick) AS ticks,
            epoch(max(moment.time) - min(moment.time)) / 3600 AS hours,
            any_value(first).place - min(moment.place) FILTER (moment.tick = first.tick) + 1
            AS calls_in_tick
        FROM tries GROUP BY {keys}
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
