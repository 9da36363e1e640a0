"""Ratings in context: every rating beside what it rests on, so that nobody has to join.

A rating is of a module in a tick; what it rests on are the calls of that persona to that module in
that tick, counted here.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.columns import FEEDBACK
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.meanings import MEANINGS

_KINDS: Final = ("invalid-input", "refused", "not-found", "conflict", "infrastructure")
_MODULE: Final = "coalesce(module, split_part(tool_name, '.', 1))"
_FIRST: Final = ("run", "persona", "email", "archetype", "tick", "module", "rating", "notes")
_LAST: Final = ("occurred_at", "evidence", "id", "persona_id", "tick_id", "run_id")


def _named(kind: str) -> str:
    return kind.replace("-", "_")


def _in_context(scope: Scope) -> str:
    lab = scope.of_lab()
    kinds = ", ".join(
        f"count(*) FILTER (error_kind = '{kind}') AS {_named(kind)}" for kind in _KINDS
    )
    calls = (
        f"SELECT {lab}persona_id, tick_id, {_MODULE} AS module, count(*) AS calls,"  # noqa: S608
        f" count(*) FILTER (result = 'error') AS errors, {kinds}, avg(latency_ms) AS latency_ms"
        f" FROM {scope.calls} GROUP BY {lab}persona_id, tick_id, {_MODULE}"
    )
    counts = ", ".join(
        f"coalesce(c.{name}, 0) AS {name}" for name in ("calls", "errors", *map(_named, _KINDS))
    )
    ratings = f"(SELECT * FROM persona_feedback WHERE {scope.where})"  # noqa: S608
    return (
        f"SELECT f.*, t.model, t.variant, {counts}, c.latency_ms FROM {ratings} f"  # noqa: S608
        f" LEFT JOIN ticks t ON t.id = f.tick_id{scope.same_lab('t', 'f')}"
        f" LEFT JOIN ({calls}) c ON c.persona_id = f.persona_id AND c.tick_id = f.tick_id"
        f" AND c.module = f.module{scope.same_lab('c', 'f')}"
    )


_KNOWN = {name: (kind, MEANINGS["persona_feedback"][name]) for name, kind in FEEDBACK.items()}

RATINGS_IN_CONTEXT: Final = Definition(
    "ratings_in_context",
    {
        **{name: _KNOWN[name] for name in _FIRST},
        "brain": _KNOWN["brain"],
        "model": ("text", MEANINGS["ticks"]["model"]),
        "variant": ("text", MEANINGS["ticks"]["variant"]),
        "calls": ("integer", "How many calls the persona made to the module in the tick."),
        "errors": ("integer", "How many of them failed."),
        **{
            _named(kind): ("integer", f"How many failed by an error of the kind {kind}.")
            for kind in _KINDS
        },
        "latency_ms": (
            "number",
            "How long their answers took on average, in milliseconds; missing without a call.",
        ),
        **{name: _KNOWN[name] for name in _LAST},
    },
    _in_context,
    "run NULLS LAST, occurred_at, persona, email, module, id",
    grouped=False,
)
