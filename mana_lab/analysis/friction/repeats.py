"""Repeats: the same tool with the same input again in a tick, and other calls that led nowhere.

- A *loop*: a call like an earlier one of the tick, when the latest of these had failed. Nothing
  can have been learnt from the message: it is confusion.
- A *harmless* repeat: the latest had worked.
- A *detour*: a call that failed, or that worked as the latest one that had worked in its module
  did, with the same tool and input: nothing had changed in between, so it told nothing new. What
  is left of the tick without its detours is a path to the same outcomes.

Inputs are the same where their hashes are; a call without one repeats nothing. The audit does not
say which tools only read: by default an identical call of any tool counts. With the same input
throughout, ``a! a a b a`` is a loop (the second call) and two harmless repeats; the failed call and
the third are detours, and the last is none where ``b`` is of the same module and may have changed
what ``a`` shows.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.friction.definition import WHO_FIELDS, Definition, Scope
from mana_lab.analysis.friction.wilson import INTERVAL, share_with_interval

_WORKED: Final = "result = 'ok'"
_MODULE: Final = "coalesce(module, split_part(tool_name, '.', 1))"


def _marked(scope: Scope, where: str) -> str:
    """Return the SQL of calls with numbers that are the same for the same tick and input.

    Numbers of 64 bits stand for the texts, which takes half the time; see :attr:`Scope.tick`.
    """
    return (
        f"SELECT {scope.by()} persona_id, tool_name, result, seq, {scope.tick} AS of_tick,"  # noqa: S608
        f" hash({_MODULE}) AS of_module, input_hash IS NOT NULL AND {scope.reads} AS known,"
        f" hash({scope.of_lab()}persona_id, tick_id, tool_name, input_hash) AS same"
        f" FROM {scope.calls} WHERE {where}"
    )


def _again(columns: str) -> str:
    """Return the SQL of the calls that are like others of their tick, each with what came before.

    Args:
        columns: What to select, of the latest such call by ``lag(…) OVER same_call``.
    """
    return (
        f"SELECT *, {columns} FROM marked WHERE known AND same IN"  # noqa: S608
        " (SELECT same FROM marked WHERE known GROUP BY same HAVING count(*) > 1)"
        " WINDOW same_call AS (PARTITION BY same ORDER BY seq)"
    )


def _repeats(scope: Scope) -> str:
    counted = (
        f"WITH marked AS MATERIALIZED ({_marked(scope, 'true')})"  # noqa: S608
        f" SELECT {scope.by()} persona_id, tool_name,"
        " count(*) FILTER (before = 'error') AS loops,"
        " count(*) FILTER (before = 'error' AND result = 'error') AS loops_failed,"
        " count(*) FILTER (before <> 'error') AS harmless"
        f" FROM ({_again('lag(result) OVER same_call AS before')})"
        f" WHERE before IS NOT NULL GROUP BY {scope.by()} persona_id, tool_name"
    )
    return scope.named(counted)


def _detours(scope: Scope) -> str:
    """Return the SQL; a call that worked like another is a detour if none worked in between."""
    between = (
        "SELECT p.of_tick, p.seq FROM pairs p JOIN marked m ON m.of_tick = p.of_tick"
        " AND m.of_module = p.of_module AND m.seq > p.before AND m.seq < p.seq"
        " WHERE p.seq > p.before + 1"
    )
    repeated = (
        f"WITH marked AS MATERIALIZED ({_marked(scope, _WORKED)}),"  # noqa: S608
        " pairs AS MATERIALIZED ("
        f"SELECT * FROM ({_again('lag(seq) OVER same_call AS before')}) WHERE before IS NOT NULL)"
        f" SELECT {scope.by()} persona_id, count(*) AS repeated"
        f" FROM pairs ANTI JOIN ({between}) USING (of_tick, seq) GROUP BY {scope.by()} persona_id"
    )
    counted = (
        f"SELECT {scope.by()} persona_id, count(DISTINCT {scope.tick}) AS ticks,"  # noqa: S608
        " count(*) AS calls, count(*) FILTER (result = 'error') AS errors"
        f" FROM {scope.calls} GROUP BY {scope.by()} persona_id"
    )
    joined = (
        "SELECT c.*, coalesce(r.repeated, 0) AS repeated, errors + coalesce(r.repeated, 0)"  # noqa: S608
        f" AS detours FROM ({counted}) c LEFT JOIN ({repeated}) r"
        f" ON c.persona_id = r.persona_id{scope.same('c', 'r')}"
    )
    return scope.named(
        f"SELECT *, {share_with_interval('detours', 'calls', 'share')} FROM ({joined})"  # noqa: S608
    )


REPEATS: Final = Definition(
    "friction_repeats",
    {
        **WHO_FIELDS,
        "tool_name": ("text", "The tool."),
        "loops": ("integer", "How many calls were like the latest such call, which had failed."),
        "loops_failed": ("integer", "How many of them failed, too."),
        "harmless": ("integer", "How many calls were like the latest such call, which worked."),
    },
    _repeats,
    "loops DESC, loops_failed DESC, harmless DESC, persona, email, tool_name",
)
DETOURS: Final = Definition(
    "friction_detours",
    {
        **WHO_FIELDS,
        "ticks": ("integer", "In how many ticks they called a tool."),
        "calls": ("integer", "How many calls that were."),
        "errors": ("integer", "How many of them failed."),
        "repeated": (
            "integer",
            "How many worked and told nothing new: as the latest one that worked in the module.",
        ),
        "detours": ("integer", "The two together: calls that the same outcomes did not take."),
        "share": ("number", "The detours of all calls, 0 to 1."),
        "share_low": ("number", f"The lower limit {INTERVAL}."),
        "share_high": ("number", f"The upper limit {INTERVAL}."),
    },
    _detours,
    "share DESC, detours DESC, persona, email",
)
