"""Journeys: what personas set out to do in a tick, and whether they got to the end of it.

A *journey* is the path of one tick through one module: whoever calls a tool of ``todo`` set out on
the journey ``todo``. Every tick in which a persona does is a try of it, so that
:func:`mana_lab.analysis.statistics.journey_reliability` takes these rows as they are.

It *succeeded* where its last call worked, unless the persona gave up the tick with it. So in
``todo.create! todo.create journal.add!`` the journey ``todo`` succeeded and ``journal`` did not.
Ticks that failed, or that are not over, are left out: nobody knows how they would have ended; and
so are calls by hand.

What a persona had in mind is not in the data. Who fails to create something and then lists what is
there ends with a call that worked, and counts as a success; ``lab.friction.calls()`` tells of
tools that were abandoned. Who never finds a module does not set out at all.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.friction.definition import WHO_FIELDS, Definition, Scope
from mana_lab.analysis.meanings import MEANINGS

_MODULE: Final = "coalesce(module, split_part(tool_name, '.', 1))"
_OF_TICK: Final = ("brain", "model", "variant", "scheduled_at", "persona_id", "run_id")


def _journeys(scope: Scope) -> str:
    lab = scope.of_lab()
    paths = (
        f"SELECT {lab}tick_id, {_MODULE} AS journey, count(*) AS calls,"  # noqa: S608
        " count(*) FILTER (result = 'error') AS errors, arg_max(result, seq) AS ended,"
        f" max(seq) = max(max(seq)) OVER (PARTITION BY {lab}tick_id) AS was_last"
        f" FROM {scope.calls} GROUP BY {lab}tick_id, {_MODULE}"
    )
    known = "".join(f"t.{name}, " for name in (*WHO_FIELDS, *_OF_TICK))
    return (
        f"SELECT {scope.of_lab('t')}t.run, {known}t.tick, t.id AS tick_id, j.journey, j.calls,"  # noqa: S608
        " j.errors, j.ended = 'ok' AND NOT (t.status = 'abandoned' AND j.was_last) AS success"
        f" FROM ({paths}) j JOIN ticks t ON t.id = j.tick_id{scope.same_lab('t', 'j')}"
        " WHERE t.status IN ('done', 'abandoned')"
    )


_KNOWN = MEANINGS["ticks"]

JOURNEYS: Final = Definition(
    "journeys",
    {
        "run": ("integer", _KNOWN["run"]),
        **WHO_FIELDS,
        "tick": ("integer", _KNOWN["tick"]),
        "journey": ("text", "The module that the persona set out to use."),
        "success": ("flag", "Whether its last call worked and the persona did not give up there."),
        "calls": ("integer", "How many calls the persona made to the module in the tick."),
        "errors": ("integer", "How many of them failed."),
        "brain": ("text", _KNOWN["brain"]),
        "model": ("text", _KNOWN["model"]),
        "variant": ("text", _KNOWN["variant"]),
        "scheduled_at": ("time", _KNOWN["scheduled_at"]),
        "persona_id": ("text", _KNOWN["persona_id"]),
        "tick_id": ("text", "The id of the tick."),
        "run_id": ("text", _KNOWN["run_id"]),
    },
    _journeys,
    "run, scheduled_at, persona, email, tick, journey",
    grouped=False,
)
