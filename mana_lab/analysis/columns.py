"""The columns of the frames: their order, their types and how a frame of them is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import pandas as pd

Kind: TypeAlias = Literal[
    "text", "integer", "number", "flag", "time", "shares", "counts", "ids", "document"
]
"""What a column holds.

``text`` is ``str``, ``integer`` the nullable ``Int64``, ``number`` ``float64``, ``flag`` the
nullable ``boolean``, ``time`` ``datetime64[us, UTC]``; ``shares`` and ``counts`` are dictionaries
by module, ``ids`` are tuples, and a ``document`` is a dictionary of JSON.
"""

Columns: TypeAlias = Mapping[str, Kind]

DTYPES: Mapping[Kind, str] = {
    "text": "str",
    "integer": "Int64",
    "number": "float64",
    "flag": "boolean",
    "time": "datetime64[us, UTC]",
    "shares": "object",
    "counts": "object",
    "ids": "object",
    "document": "object",
}

SQL_TYPES: Mapping[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
    "time": "TIMESTAMP WITH TIME ZONE",
    "shares": "MAP(VARCHAR, DOUBLE)",
    "counts": "MAP(VARCHAR, BIGINT)",
    "ids": "VARCHAR[]",
    "document": "JSON",
}
"""The same in DuckDB's terms, in views and in Parquet files."""

NESTED: frozenset[Kind] = frozenset({"shares", "counts", "ids", "document"})
"""The kinds that have no scalar; they pass between pandas and DuckDB as JSON text."""

_WHO: Columns = {"persona": "text", "email": "text", "archetype": "text"}

ACTIONS: Columns = {
    "run": "integer",
    **_WHO,
    "tick": "integer",
    "seq": "integer",
    "tool_name": "text",
    "module": "text",
    "result": "text",
    "error_kind": "text",
    "error_code": "text",
    "error_message": "text",
    "latency_ms": "number",
    "shown": "integer",
    "occurred_at": "time",
    "input_hash": "text",
    "tool_hash": "text",
    "id": "text",
    "persona_id": "text",
    "tick_id": "text",
    "run_id": "text",
    "created_at": "time",
}

FEEDBACK: Columns = {
    "run": "integer",
    **_WHO,
    "tick": "integer",
    "module": "text",
    "rating": "integer",
    "notes": "text",
    "brain": "text",
    "occurred_at": "time",
    "evidence": "ids",
    "id": "text",
    "persona_id": "text",
    "tick_id": "text",
    "run_id": "text",
    "created_at": "time",
}

TRAITS: Columns = {
    "patience": "number",
    "skill": "number",
    "honesty": "number",
    "verbosity": "number",
}
"""From 0 to 1; missing where nothing sets a persona apart from others of their archetype."""

PERSONAS: Columns = {
    **_WHO,
    "tick_cadence": "text",
    "timezone": "text",
    "language": "text",
    "module_mix": "shares",
    **TRAITS,
    "system_prompt": "text",
    "last_active_at": "time",
    "user_id": "text",
    "created_at": "time",
}

RUNS: Columns = {
    "run": "integer",
    "seed": "integer",
    "brain": "text",
    "model": "text",
    "starts_at": "time",
    "ends_at": "time",
    "reached_at": "time",
    "status": "text",
    "reason": "text",
    "design": "document",
    "id": "text",
    "created_at": "time",
}

TICKS: Columns = {
    "run": "integer",
    **_WHO,
    "tick": "integer",
    "scheduled_at": "time",
    "status": "text",
    "attempt": "integer",
    "brain": "text",
    "model": "text",
    "variant": "text",
    "calls": "integer",
    "errors": "integer",
    "failed_step": "text",
    "error": "text",
    "skipped_modules": "counts",
    "requests": "integer",
    "input_tokens": "integer",
    "output_tokens": "integer",
    "cost_usd": "number",
    "prompt_hash": "text",
    "id": "text",
    "persona_id": "text",
    "run_id": "text",
}

FRAMES: Mapping[str, Columns] = {
    "actions": ACTIONS,
    "personas": PERSONAS,
    "ratings": FEEDBACK,
    "runs": RUNS,
    "ticks": TICKS,
}
"""The frames that are kept of a run, by the names of their files."""

VIEWS: Mapping[str, Columns] = {
    "persona_actions": ACTIONS,
    "persona_feedback": FEEDBACK,
    "personas": PERSONAS,
    "runs": RUNS,
    "ticks": TICKS,
}
"""The same as SQL sees them, by the names of the views."""


def frame_of(names: Sequence[str], rows: Iterable[Sequence[Any]], columns: Columns) -> pd.DataFrame:
    """Return *rows* as a frame whose columns have the types that *columns* gives them.

    Args:
        names: What each place of a row is.
        rows: The rows.
        columns: The kind of each name.
    """
    values = list(zip(*rows, strict=True)) or [()] * len(names)
    return pd.DataFrame(
        {name: _typed(column, columns[name]) for name, column in zip(names, values, strict=True)}
    )


def _typed(values: Iterable[Any], kind: Kind) -> pd.Series[Any]:
    if kind == "ids":
        values = (tuple(value or ()) for value in values)
    elif kind in NESTED:
        values = (dict(value or {}) for value in values)
    return pd.Series(list(values), dtype=DTYPES[kind])


def arranged(frame: pd.DataFrame, columns: Columns, order: Sequence[str]) -> pd.DataFrame:
    """Return the named columns of *frame*, its rows sorted by *order*, missing values last."""
    by = frame.sort_values(list(order), na_position="last", kind="stable", ignore_index=True)
    return by[list(columns)]
