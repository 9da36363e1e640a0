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

from mana_lab.analysis.friction.counts import WHO, WHO_FIELDS
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.friction.wilson import INTERVAL, share_with_interval

_MODULE: Final = "coalesce(module, split_part(tool_name, '.', 1))"


def _again(scope: Scope, condition: str) -> str:
    """Return the SQL of the hashes of tool and input that a tick has more than once."""
    return (
        f"SELECT {scope.tick} AS of_tick FROM {scope.calls}"  # noqa: S608
        f" WHERE input_hash IS NOT NULL AND {condition}"
        f" GROUP BY of_tick, hash(tool_name, input_hash) HAVING count(*) > 1"
    )


def _repeats(scope: Scope) -> str:
    calls = (
        f"SELECT *, lag(result) OVER (PARTITION BY {scope.tick}, tool_name, input_hash"  # noqa: S608
        f" ORDER BY seq, id) AS before FROM {scope.calls}"
        f" WHERE input_hash IS NOT NULL AND {scope.tick} IN ({_again(scope, 'true')})"
    )
    return (
        f"SELECT {scope.by()} {WHO}, tool_name,"  # noqa: S608
        " count(*) FILTER (before = 'error') AS loops,"
        " count(*) FILTER (before = 'error' AND result = 'error') AS loops_failed,"
        " count(*) FILTER (before = 'ok') AS harmless"
        f" FROM ({calls}) WHERE before IS NOT NULL GROUP BY {scope.by()} persona_id, tool_name"
    )


def _detours(scope: Scope) -> str:
    window = f"OVER (PARTITION BY {scope.tick}, {_MODULE} ORDER BY seq, id)"
    again = _again(scope, f"result = 'ok' AND {scope.reads}")
    worked = (
        f"SELECT *, lag(tool_name) {window} AS tool_before,"  # noqa: S608
        f" lag(input_hash) {window} AS input_before FROM {scope.calls}"
        f" WHERE result = 'ok' AND {scope.tick} IN ({again})"
    )
    repeated = (
        f"SELECT {scope.by()} persona_id, count(*) AS repeated FROM ({worked})"  # noqa: S608
        f" WHERE tool_before = tool_name AND input_before = input_hash AND {scope.reads}"
        f" GROUP BY {scope.by()} persona_id"
    )
    counted = (
        f"SELECT {scope.by()} persona_id, {WHO}, count(*) FILTER (seq = 0) AS ticks,"  # noqa: S608
        " count(*) AS calls, count(*) FILTER (result = 'error') AS errors"
        f" FROM {scope.calls} GROUP BY {scope.by()} persona_id"
    )
    joined = (
        "SELECT c.*, coalesce(r.repeated, 0) AS repeated, errors + coalesce(r.repeated, 0)"  # noqa: S608
        f" AS detours FROM ({counted}) c LEFT JOIN ({repeated}) r"
        f" ON c.persona_id = r.persona_id{scope.same('c', 'r')}"
    )
    return f"SELECT *, {share_with_interval('detours', 'calls', 'share')} FROM ({joined})"  # noqa: S608


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
