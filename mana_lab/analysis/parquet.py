"""Frames as Parquet files, and back; the same frame gives the same bytes.

The columns of a file have the types of :mod:`mana_lab.analysis.columns` in DuckDB's terms, so that
whatever reads Parquet reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from mana_lab.analysis.columns import DTYPES, Columns, Kind
from mana_lab.errors import RunFolderError

MOST_UNPACKED = 4 * 1024**3
"""How many bytes a file may come to when it is unpacked."""

_TYPES: Mapping[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "time": "TIMESTAMP WITH TIME ZONE",
    "shares": "MAP(VARCHAR, DOUBLE)",
    "counts": "MAP(VARCHAR, BIGINT)",
    "ids": "VARCHAR[]",
}
_NESTED = ("shares", "counts", "ids")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "4GB",
    "threads": "1",  # with more of them, the order of row groups is left to chance
}


def write_parquet(frame: pd.DataFrame, kinds: Columns, path: Path) -> None:
    """Write the columns of a frame that *kinds* names, in its order of rows.

    Args:
        frame: The frame.
        kinds: The kinds of its columns.
        path: The file; it is made.
    """
    nested = {name: frame[name].map(json.dumps).astype("str") for name in _nested(kinds)}
    plain = frame[list(kinds)].assign(**nested)
    picked = ", ".join(
        f'"{name}"::{"JSON::" if kind in _NESTED else ""}{_TYPES[kind]} AS "{name}"'
        for name, kind in kinds.items()
    )
    with _duck() as duck:
        duck.register("frame", plain)
        duck.execute(
            f"COPY (SELECT {picked} FROM frame) TO $path (FORMAT parquet, COMPRESSION zstd)",  # noqa: S608
            {"path": str(path)},
        )


def read_parquet(path: Path, kinds: Columns) -> pd.DataFrame:
    """Return what :func:`write_parquet` wrote.

    Args:
        path: The file.
        kinds: The kinds of its columns.

    Raises:
        RunFolderError: It is no Parquet file, has other columns, or is too large when unpacked.
    """
    try:
        with _duck() as duck:
            given = {"path": str(path)}
            _check_size(path, duck.execute(_SIZE, given).fetchall())
            rows = duck.sql("SELECT * FROM read_parquet($path)", params=given)
            found = dict(zip(rows.columns, map(str, rows.types), strict=True))
            wanted = {name: _TYPES[kind] for name, kind in kinds.items()}
            if list(found.items()) != list(wanted.items()):
                odd = next(
                    (name for name in {**wanted, **found} if found.get(name) != wanted.get(name)),
                    "their order",
                )
                raise RunFolderError(f"{path.name}: has not the columns of a run folder: {odd}")
            picked = ", ".join(_picked(name, kind) for name, kind in kinds.items())
            return _typed(rows.project(picked).df(), kinds)
    except (duckdb.Error, UnicodeError) as error:
        reason = str(error).partition("\n")[0].replace(str(path), path.name)
        raise RunFolderError(
            f"{path.name}: is no Parquet file that can be read: {reason}"
        ) from None


_SIZE = "SELECT sum(total_uncompressed_size) FROM parquet_metadata($path)"


def _check_size(path: Path, found: list[tuple[Any, ...]]) -> None:
    unpacked = found[0][0] or 0
    if unpacked > MOST_UNPACKED:
        raise RunFolderError(
            f"{path.name}: unpacks to {unpacked} bytes; at most {MOST_UNPACKED} are read"
        )


@contextmanager
def _duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        for setting in ("SET TimeZone = 'UTC'", "SET temp_directory = ''"):
            connection.execute(setting)
        yield connection


def _nested(kinds: Columns) -> list[str]:
    return [name for name, kind in kinds.items() if kind in _NESTED]


def _picked(name: str, kind: Kind) -> str:
    if kind in _NESTED:
        return f'to_json("{name}")::VARCHAR AS "{name}"'
    return f'"{name}" AT TIME ZONE \'UTC\' AS "{name}"' if kind == "time" else f'"{name}"'


def _typed(frame: pd.DataFrame, kinds: Columns) -> pd.DataFrame:
    for name, kind in kinds.items():
        column = frame[name]
        if kind == "time":
            frame[name] = column.dt.tz_localize("UTC").astype("datetime64[us, UTC]")
        elif kind in _NESTED:
            frame[name] = pd.Series([_unpacked(text, kind) for text in column], dtype="object")
        else:
            frame[name] = column.astype(DTYPES[kind])  # type: ignore[call-overload]
    return frame


def _unpacked(text: Any, kind: Kind) -> Any:
    value = json.loads(text) if isinstance(text, str) else ()
    return tuple(value) if kind == "ids" else dict(value)
