"""DuckDB: views of typed rows, in memory, and what comes out of them as frames.

A query sees the views that it is given by name, and neither the disk, the network nor the
caller's variables; see https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pandas as pd

from mana_lab.analysis.columns import DTYPES, NESTED, SQL_TYPES, Columns, Kind
from mana_lab.checks import got
from mana_lab.errors import QueryError

Duck: TypeAlias = duckdb.DuckDBPyConnection

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_GLOBAL = ("SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL python_enable_replacements = false")
_LOCK = ("SET enable_external_access = false", "SET lock_configuration = true")
_INSTANT = "TIMESTAMP WITH TIME ZONE"
_LISTS = re.compile(r"(\[\d*\])+$")
_READS = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN})


def open_duck() -> Duck:
    """Return a DuckDB in memory that reads files until :func:`lock`."""
    duck = duckdb.connect(":memory:", config=_CONFIG)
    for setting in _GLOBAL:
        duck.execute(setting)
    return duck


def lock(duck: Duck) -> None:
    """Keep what follows from all files, the network and the settings."""
    for setting in _LOCK:
        duck.execute(setting)


def literal(path: Path | str) -> str:
    """Return a path so that DuckDB reads the file of that name, and not what it would match."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))


def packed(frame: pd.DataFrame, kinds: Columns) -> pd.DataFrame:
    """Return the columns of *frame* that *kinds* names, nested values as JSON text."""
    nested = {name: frame[name].map(json.dumps).astype("str") for name in _nested(kinds)}
    return frame[list(kinds)].assign(**nested)


def unpacking(kinds: Columns) -> str:
    """Return the SQL that gives the columns of a :func:`packed` frame their types."""
    return ", ".join(
        f'"{name}"::{"JSON::" if kind in NESTED else ""}{SQL_TYPES[kind]} AS "{name}"'
        for name, kind in kinds.items()
    )


def ask(duck: Duck, query: str, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """Return the result of *query*.

    Args:
        duck: What to ask.
        query: DuckDB's SQL; of several statements the last one's result is returned.
        parameters: Values for ``$name`` in the query.

    Raises:
        QueryError: DuckDB refused the query; the message is DuckDB's own.
    """
    _check_query(query)
    if not query.strip():
        raise QueryError("the query is empty; write something like SELECT * FROM persona_actions")
    try:
        with duck.cursor() as cursor:  # what a query makes for itself goes with it
            return _result(cursor, query, parameters)
    except duckdb.Error as error:
        raise QueryError(str(error).strip()) from None


def _check_query(query: object) -> None:
    if not isinstance(query, str):
        raise QueryError(f"got {got(query)} to ask, allowed: a text in DuckDB's SQL")
    if any("\ud800" <= sign <= "\udfff" for sign in query):
        raise QueryError("the query has half of a character (a surrogate), which is no text")


def only_reads(duck: Duck, query: str) -> bool:
    """Tell whether a query leaves all rows as they are."""
    try:
        _check_query(query)
        return all(statement.type in _READS for statement in duck.extract_statements(query))
    except (duckdb.Error, QueryError):
        return True  # what cannot be read is not run either


def typed_rows(duck: Duck, query: str, kinds: Columns, **parameters: Any) -> pd.DataFrame:
    """Return the rows of a query whose columns have the names and kinds of *kinds*.

    Args:
        duck: What to ask.
        query: A query of ours.
        kinds: The kinds of its columns, in their order.
        parameters: Values for ``$name`` in the query.
    """
    picked = ", ".join(_picked(name, kind) for name, kind in kinds.items())
    with duck.cursor() as cursor:
        found = cursor.execute(f"SELECT {picked} FROM ({query})", parameters or None).df()  # noqa: S608
    return _typed(found, kinds)


def _nested(kinds: Columns) -> list[str]:
    return [name for name, kind in kinds.items() if kind in NESTED]


def _picked(name: str, kind: Kind) -> str:
    if kind in NESTED:
        return f'to_json("{name}")::VARCHAR AS "{name}"'
    return f'"{name}" AT TIME ZONE \'UTC\' AS "{name}"' if kind == "time" else f'"{name}"'


def _typed(frame: pd.DataFrame, kinds: Columns) -> pd.DataFrame:
    for name, kind in kinds.items():
        column = frame[name]
        if kind == "time":
            frame[name] = column.dt.tz_localize("UTC").astype("datetime64[us, UTC]")
        elif kind in NESTED:
            frame[name] = pd.Series([_unpacked(text, kind) for text in column], dtype="object")
        else:
            frame[name] = column.astype(DTYPES[kind])  # type: ignore[call-overload]
    return frame


def _unpacked(text: Any, kind: Kind) -> Any:
    value = json.loads(text) if isinstance(text, str) else ()
    return tuple(value) if kind == "ids" else dict(value)


def _result(duck: Duck, query: str, parameters: Mapping[str, Any]) -> pd.DataFrame:
    # A bare ``.df()`` turns instants into frames by way of a deprecated pandas call, so they
    # leave DuckDB as UTC without a zone and get their zone here.
    relation = duck.sql(query, params=dict(parameters) or None)
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
