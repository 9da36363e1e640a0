"""SQL over frames, in a DuckDB that lives in memory for one query and reaches nothing else.

A query sees the frames that it is given by name, and neither the disk, the network nor the
caller's variables; see https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import duckdb
import pandas as pd

from mana_lab.analysis.columns import Columns
from mana_lab.errors import QueryError

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
}
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET lock_configuration = true",
)
_JSON_TYPES = {
    "shares": "MAP(VARCHAR, DOUBLE)",
    "counts": "MAP(VARCHAR, BIGINT)",
    "ids": "VARCHAR[]",
}
_INSTANT = "TIMESTAMP WITH TIME ZONE"
_LISTS = re.compile(r"(\[\d*\])+$")


def run_sql(
    query: str,
    parameters: Mapping[str, Any],
    frames: Mapping[str, tuple[pd.DataFrame, Columns]],
) -> pd.DataFrame:
    """Return the result of *query* over *frames*.

    Args:
        query: DuckDB's SQL; of several statements the last one's result is returned.
        parameters: Values for ``$name`` in the query.
        frames: The views by name: a frame and the kinds of its columns.

    Raises:
        QueryError: DuckDB refused the query; the message is DuckDB's own.
    """
    if not query.strip():
        raise QueryError("the query is empty; write something like SELECT * FROM persona_actions")
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        for setting in _SETTINGS:
            connection.execute(setting)
        for name, (frame, kinds) in frames.items():
            _add_view(connection, name, frame, kinds)
        try:
            return _result(connection, query, parameters)
        except duckdb.Error as error:
            raise QueryError(str(error).strip()) from None


def _add_view(
    connection: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame, kinds: Columns
) -> None:
    """Make *frame* known as *name*; dictionaries and tuples pass through JSON text."""
    nested = {column: _JSON_TYPES[kind] for column, kind in kinds.items() if kind in _JSON_TYPES}
    plain = frame.assign(
        **{column: frame[column].map(json.dumps).astype("str") for column in nested}
    )
    connection.register(f"frame of {name}", plain)
    casts = ", ".join(f'"{column}"::JSON::{kind} AS "{column}"' for column, kind in nested.items())
    replace = f" REPLACE ({casts})" if casts else ""
    connection.execute(f'CREATE VIEW "{name}" AS SELECT *{replace} FROM "frame of {name}"')  # noqa: S608


def _result(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]
) -> pd.DataFrame:
    # A bare ``.df()`` turns instants into frames by way of a deprecated pandas call, so they
    # leave DuckDB as UTC without a zone and get their zone here.
    relation = connection.sql(query, params=dict(parameters) or None)
    if relation is None:
        return pd.DataFrame()
    names = _unique(relation.columns)
    kinds = [str(kind) for kind in relation.types]
    for name, kind in zip(names, kinds, strict=True):
        _check_form(name, kind)
    picked = ", ".join(
        f"c{place} AT TIME ZONE 'UTC'" if kind == _INSTANT else f"c{place}"
        for place, kind in enumerate(kinds)
    )
    places = ", ".join(f"c{place}" for place in range(len(names)))
    in_utc: Any = relation.query(
        "result",
        f"SELECT {picked} FROM result AS columns({places})",  # noqa: S608
    )
    frame: pd.DataFrame = in_utc.df()
    frame.columns = pd.Index(names)
    for name, kind in zip(names, kinds, strict=True):
        if kind == _INSTANT:
            frame[name] = frame[name].dt.tz_localize("UTC")
        elif kind == "VARCHAR":
            frame[name] = frame[name].astype("str")
    return frame


def _check_form(name: str, kind: str) -> None:
    """Refuse a time within a struct: whether Python has a form for it depends on the machine."""
    element = _LISTS.sub("", kind)
    if _INSTANT in element and element != _INSTANT:
        raise QueryError(
            f"{name}: a time within a struct, map or union has no form here; cast it to VARCHAR"
        )


def _unique(names: list[str]) -> list[str]:
    """Return *names* with a number behind those that were there before."""
    found: list[str] = []
    for name in names:
        number, unique = 0, name
        while unique in found:
            number += 1
            unique = f"{name}_{number}"
        found.append(unique)
    return found
