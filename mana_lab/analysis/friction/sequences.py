"""Sequences: which tool follows which, and the paths that ticks take.

The tick ``a a! b`` has the transitions ``(start) → a``, ``a → a``, ``a → b`` and ``b → (end)``,
and is of the variant ``a → a → b``.

The places in a tick, ``seq``, count its calls from 0. A call that was begun and left no row,
because somebody stopped it, has its place all the same: across it, nothing follows.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.friction.wilson import INTERVAL, share_with_interval

START: Final = "(start)"
END: Final = "(end)"
ARROW: Final = " \N{RIGHTWARDS ARROW} "


def _transitions(scope: Scope) -> str:
    """Return the SQL; a join with the next call takes half the time of a window over all calls."""
    steps = f"SELECT {scope.by()} persona_id, tool_name, {scope.tick} AS of_tick, seq"
    counted = (
        f"SELECT {scope.by('a')} a.tool_name, coalesce(b.tool_name, '{END}') AS next_tool,"  # noqa: S608
        " count(*) AS times, count(DISTINCT a.persona_id) AS personas"
        f" FROM ({steps} FROM {scope.calls}) a LEFT JOIN ({steps} FROM {scope.calls}) b"
        " ON b.of_tick = a.of_tick AND b.seq = a.seq + 1"
        f" GROUP BY {scope.by('a')} a.tool_name, b.tool_name"
        f" UNION ALL SELECT {scope.by()} '{START}', tool_name, count(*), count(DISTINCT persona_id)"
        f" FROM {scope.calls} WHERE seq = 0 GROUP BY {scope.by()} tool_name"
    )
    summed = (
        f"SELECT *, (sum(times) OVER (PARTITION BY {scope.by()} tool_name))::BIGINT AS of_all"  # noqa: S608
        f" FROM ({counted})"
    )
    return f"SELECT *, {share_with_interval('times', 'of_all', 'share')} FROM ({summed})"  # noqa: S608


def _variants(scope: Scope) -> str:
    """Return the SQL; tools have numbers, and lists of numbers are sorted and told apart quickly.

    A call is its place in the upper 32 bits and the number of its tool in the lower ones, so that
    the sorted list of a tick is its path.
    """
    path = "list_transform(list_sort(list((seq << 32) | number)), lambda step: step & 4294967295)"
    whole = f"OVER (PARTITION BY {', '.join(scope.keys) or 'true'})"
    return f"""
        WITH numbers AS (
            SELECT tool_name, row_number() OVER (ORDER BY tool_name) AS number
            FROM (SELECT DISTINCT tool_name FROM {scope.calls})
        ), ticks AS (
            SELECT {scope.by()} persona_id, {path} AS path,
                count(*) FILTER (result = 'error') AS errors
            FROM {scope.calls} JOIN numbers USING (tool_name)
            GROUP BY {scope.by()} persona_id, {scope.tick}
        ), counted AS (
            SELECT {scope.by()} path, count(*) AS ticks, count(DISTINCT persona_id) AS personas,
                sum(errors)::BIGINT AS errors, count(*) FILTER (errors > 0) AS ticks_with_errors
            FROM ticks GROUP BY {scope.by()} path
        ), summed AS (
            SELECT *, (sum(ticks) {whole})::BIGINT AS of_all, list_aggregate(list_transform(
                path, lambda step: names[step]), 'string_agg', '{ARROW}') AS variant
            FROM counted CROSS JOIN (SELECT list(tool_name ORDER BY number) AS names FROM numbers)
        )
        SELECT *, len(path) AS calls, {share_with_interval("ticks", "of_all", "share")} FROM summed
    """  # noqa: S608


TRANSITIONS: Final = Definition(
    "friction_transitions",
    {
        "tool_name": ("text", f"The tool, or {START} for what ticks begin with."),
        "next_tool": ("text", f"The tool of the next call of the tick, or {END}."),
        "times": ("integer", "How often it came next."),
        "personas": ("integer", "With how many personas."),
        "share": ("number", "Of all that came next after the tool, 0 to 1."),
        "share_low": ("number", f"The lower limit {INTERVAL}."),
        "share_high": ("number", f"The upper limit {INTERVAL}."),
    },
    _transitions,
    "tool_name, times DESC, next_tool",
)
VARIANTS: Final = Definition(
    "friction_variants",
    {
        "variant": ("text", "The tools of the tick in their order, failed calls included."),
        "calls": ("integer", "How many calls that is."),
        "ticks": ("integer", "How many ticks took that path."),
        "personas": ("integer", "Of how many personas."),
        "share": ("number", "Of all ticks with a call, 0 to 1."),
        "share_low": ("number", f"The lower limit {INTERVAL}."),
        "share_high": ("number", f"The upper limit {INTERVAL}."),
        "errors": ("integer", "How many of their calls failed."),
        "ticks_with_errors": ("integer", "In how many of the ticks one failed."),
    },
    _variants,
    "ticks DESC, personas DESC, variant",
)
