"""Frames as Parquet files, and back; the same frame gives the same bytes.

The columns of a file have the types of :mod:`mana_lab.analysis.columns` in DuckDB's terms, so that
whatever reads Parquet reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd

from mana_lab.analysis.columns import SQL_TYPES, Columns
from mana_lab.analysis.duck import Duck, literal, open_duck, packed, typed_rows, unpacking
from mana_lab.errors import RunFolderError

MOST_UNPACKED = 4 * 1024**3
"""How many bytes a file may come to when it is unpacked."""

DAMAGED = (duckdb.Error, OSError, UnicodeError, RuntimeError)
"""What reading a damaged file raises; DuckDB's binding has a ``RuntimeError`` where a name or a
message is no text."""

_CAREFUL = (
    "SET memory_limit = '4GB'",
    "SET temp_directory = ''",
    "SET threads = 1",  # with more of them, the order of row groups is left to chance
)
_ROWS = "read_parquet($path, hive_partitioning = false)"
_SIZE = "SELECT sum(total_uncompressed_size) FROM parquet_metadata($path)"


class ParquetWriter:
    """Writes frames; made by :func:`writing`."""

    def __init__(self, duck: Duck) -> None:
        self._duck = duck

    def write(self, frame: pd.DataFrame, kinds: Columns, path: Path) -> None:
        """Write the columns of a frame that *kinds* names, in its order of rows.

        Args:
            frame: The frame.
            kinds: The kinds of its columns.
            path: The file; it is made.
        """
        self._duck.register("frame", packed(frame, kinds))
        self._duck.execute(
            f"COPY (SELECT {unpacking(kinds)} FROM frame) TO $path"  # noqa: S608
            " (FORMAT parquet, COMPRESSION zstd)",
            {"path": str(path)},
        )


@contextmanager
def writing() -> Iterator[ParquetWriter]:
    """Give what writes frames, as many as there are."""
    with _careful() as duck:
        yield ParquetWriter(duck)


def read_parquet(path: Path, kinds: Columns) -> pd.DataFrame:
    """Return what was written.

    Args:
        path: The file.
        kinds: The kinds of its columns.

    Raises:
        RunFolderError: It is no Parquet file, has other columns, or is too large when unpacked.
    """
    try:
        with _careful() as duck:
            check_parquet(duck, path, kinds)
            return typed_rows(duck, f"FROM {_ROWS}", kinds, path=literal(path))
    except DAMAGED as error:
        reason = str(error).partition("\n")[0].replace(str(path), path.name)
        raise RunFolderError(
            f"{path.name}: is no Parquet file that can be read: {reason}"
        ) from None


def check_parquet(duck: Duck, path: Path, kinds: Columns) -> None:
    """Check that a file has the columns of *kinds* and is not too large when unpacked.

    Args:
        duck: What to read it with.
        path: The file.
        kinds: The kinds of its columns.

    Raises:
        RunFolderError: It has other columns, or is too large when unpacked.
        duckdb.Error: It is no Parquet file.
    """
    given = {"path": literal(path)}
    unpacked = duck.execute(_SIZE, given).fetchall()[0][0] or 0
    if unpacked > MOST_UNPACKED:
        raise RunFolderError(
            f"{path.name}: unpacks to {unpacked} bytes; at most {MOST_UNPACKED} are read"
        )
    rows = duck.sql(f"SELECT * FROM {_ROWS}", params=given)  # noqa: S608
    found = dict(zip(rows.columns, map(str, rows.types), strict=True))
    wanted = {name: SQL_TYPES[kind] for name, kind in kinds.items()}
    if list(found.items()) != list(wanted.items()):
        odd = next(
            (name for name in {**wanted, **found} if found.get(name) != wanted.get(name)),
            "their order",
        )
        raise RunFolderError(f"{path.name}: has not the columns of a run folder: {odd}")


@contextmanager
def _careful() -> Iterator[Duck]:
    with open_duck() as duck:
        for setting in _CAREFUL:
            duck.execute(setting)
        yield duck
