"""Confusion: which tool was tried when another was right.

A failed call of tool *A* counts that shows confusion: there is no such tool, the arguments were not
right, or what they named was not there. When another tool *B* is the first to work within the next
two calls of the tick, and *A* does not work any more in that tick, *A* was tried and *B* was right:
a near miss. Where *A* does work later, as in ``a! b a``, *B* was a step on the way (often a look at
what there is), which is counted as *returned* and not as a near miss.

Who gives up often turns to something else, whatever had failed. So each share stands beside what
is *usual*: the share of *B* in all calls that worked, those of *A* left out. Only a pair whose
interval lies above it stands out.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.friction.calls import SOON, failures
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.friction.discovery import nearest_tools
from mana_lab.analysis.friction.wilson import INTERVAL, share_with_interval

CONFUSING: Final = ("invalid-input", "not-found")
"""The kinds of error that show confusion: not those of a refusal, a conflict or a broken app."""

CONFUSING_CODES: Final = ("unknown-tool", "invalid-arguments", "not-found")
"""The codes that do, where nobody noted the kind."""

_CONFUSED: Final = f"(error_kind IN {CONFUSING} OR error_code IN {CONFUSING_CODES})"


def _confusion(scope: Scope) -> str:
    pairs = (
        f"SELECT {scope.by()} tool_name, then_tool,"  # noqa: S608
        " count(*) FILTER (abandoned) AS times, count(*) FILTER (recovered) AS returned,"
        " count(DISTINCT persona_id) FILTER (abandoned) AS personas, count(*) AS every,"
        " bool_or(error_code = 'unknown-tool') AS no_such_tool"
        f" FROM confused GROUP BY {scope.by()} tool_name, then_tool"
    )
    summed = (
        f"SELECT *, (sum(every) OVER (PARTITION BY {scope.by()} tool_name))::BIGINT AS failures"  # noqa: S608
        f" FROM ({pairs})"
    )
    working = (
        f"SELECT *, (sum(works) OVER ({_partition(scope)}))::BIGINT AS all_work FROM ("  # noqa: S608
        f"SELECT {scope.by()} tool_name, count(*) AS works FROM {scope.calls}"
        f" WHERE result = 'ok' GROUP BY {scope.by()} tool_name)"
    )
    unknown = "(SELECT * FROM confused WHERE error_code = 'unknown-tool')"
    return (
        f"WITH confused AS ({failures(scope, _CONFUSED)}),"  # noqa: S608
        f" pairs AS (SELECT *, {share_with_interval('times', 'failures', 'share')} FROM ({summed})"
        " WHERE then_tool IS NOT NULL AND times > 0),"
        f" near AS ({nearest_tools(scope, unknown)}), working AS ({working})"
        " SELECT p.*, p.tool_name AS tried, p.then_tool AS worked, nearest, distance,"
        " b.works / (b.all_work - coalesce(a.works, 0)) AS usual"
        f" FROM pairs p JOIN working b ON b.tool_name = p.then_tool{scope.same('b', 'p')}"
        f" LEFT JOIN working a ON a.tool_name = p.tool_name{scope.same('a', 'p')}"
        " LEFT JOIN near n ON p.no_such_tool AND n.tool_name = p.tool_name"
        f"{scope.same_lab('n', 'p')}"
    )


def _partition(scope: Scope) -> str:
    return f"PARTITION BY {', '.join(scope.keys)}" if scope.keys else ""


CONFUSION: Final = Definition(
    "friction_confusion",
    {
        "tried": ("text", "The tool that was tried and failed."),
        "worked": (
            "text",
            f"Another, the first that worked within {SOON} calls; the tried one then never did.",
        ),
        "times": ("integer", "How many failed calls that was."),
        "failures": ("integer", "How many calls of the tried tool failed in a confused way."),
        "share": ("number", "How many of these the other tool followed, 0 to 1."),
        "share_low": ("number", f"The lower limit {INTERVAL}."),
        "share_high": ("number", f"The upper limit {INTERVAL}."),
        "usual": ("number", "The other tool's share of all calls that worked but for the tried."),
        "personas": ("integer", "How many personas it happened to."),
        "returned": (
            "integer",
            "How often, besides, the other tool was a step on the way: the tried one worked later.",
        ),
        "nearest": ("text", "Where there is no tool of the tried name: the one with the nearest."),
        "distance": ("integer", "How many letters to change to get there (Damerau-Levenshtein)."),
    },
    _confusion,
    "share_low DESC, times DESC, tried, worked",
)
