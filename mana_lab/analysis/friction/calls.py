"""Calls: each with what became of it in its tick.

- *Retried*: a failed call whose tool is called again within the next two calls of the tick.
- *Recovered*: a failed call whose tool works later in the tick.
- *Abandoned*: a failed call whose tool does not.

In ``a! b a`` the failed call of ``a`` is retried and recovered after two calls; in ``a! b c`` it
is abandoned, and ``b`` is what worked instead.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.columns import ACTIONS
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.meanings import MEANINGS

SOON: Final = 2
"""How many of the next calls of the tick count as soon."""

_NEVER: Final = (
    "false AS failed, false AS retried, false AS recovered, false AS abandoned, "
    "NULL::BIGINT AS recovered_after, NULL::VARCHAR AS then_tool"
)


def calls_with_outcomes(scope: Scope) -> str:
    """Return the SQL of every call with its outcome; only the failed ones are looked at closely.

    Args:
        scope: Which calls.
    """
    return (
        f"SELECT *, {_NEVER} FROM {scope.calls} WHERE result <> 'error'"  # noqa: S608
        f" UNION ALL {failures(scope)}"
    )


def failures(scope: Scope, which: str = "true") -> str:
    """Return the SQL of the failed calls with their outcomes.

    Failed calls are few, and joining them with what came later in their ticks takes a fraction of
    the time of windows over all calls.

    Args:
        scope: Which calls.
        which: The condition on the failed ones.
    """
    failed = f"(SELECT * FROM {scope.calls} WHERE result = 'error' AND {which})"  # noqa: S608
    lab = scope.of_lab("f")
    labs = "".join(f", {name}" for name in scope.labs)
    later = (
        f"SELECT {lab} f.id,"  # noqa: S608
        f" bool_or(a.tool_name = f.tool_name AND a.seq <= f.seq + {SOON}) AS again,"
        " min(a.seq - f.seq) FILTER (a.tool_name = f.tool_name AND a.result = 'ok') AS after,"
        " arg_min(a.tool_name, a.seq) FILTER ("
        f"a.tool_name <> f.tool_name AND a.result = 'ok' AND a.seq <= f.seq + {SOON}) AS then_tool"
        f" FROM {failed} f JOIN {scope.calls} a"
        f" ON {scope.same_tick('a', 'f')} AND a.seq > f.seq GROUP BY {lab} f.id"
    )
    return (
        "SELECT f.*, true AS failed, coalesce(again, false) AS retried,"  # noqa: S608
        " after IS NOT NULL AS recovered, after IS NULL AS abandoned,"
        " after AS recovered_after, then_tool"
        f" FROM {failed} f LEFT JOIN ({later}) USING (id{labs})"
    )


CALLS: Final = Definition(
    "friction_calls",
    {
        **{name: (kind, MEANINGS["persona_actions"][name]) for name, kind in ACTIONS.items()},
        "failed": ("flag", "Whether it failed."),
        "retried": ("flag", "Whether its tool was called again within two calls of the tick."),
        "recovered": ("flag", "Whether it failed and its tool worked later in the tick."),
        "abandoned": ("flag", "Whether it failed and its tool did not work later in the tick."),
        "recovered_after": ("integer", "How many calls later the tool worked, from 1."),
        "then_tool": (
            "text",
            "After a failed call, the first other tool that worked within two calls.",
        ),
    },
    calls_with_outcomes,
    "run NULLS LAST, occurred_at, persona, email, seq, id",
    grouped=False,
)
