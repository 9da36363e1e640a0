"""Kept rows: the tables in memory that the views of a warehouse show.

What several threads read from files DuckDB holds back until it can store it in order, which takes
as long as one thread does alone. So several tables are filled at the same time, each with files
that follow one another, and the view shows one table after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from mana_lab.analysis.columns import SQL_TYPES, Columns
from mana_lab.analysis.duck import Duck, literal, packed, unpacking

_TABLES = """
    SELECT table_name FROM duckdb_tables()
    WHERE schema_name = 'kept' AND regexp_full_match(table_name, $name || ' [0-9]+')
    ORDER BY length(table_name), table_name
"""


def add_view(duck: Duck, name: str, kinds: Columns, frame: pd.DataFrame) -> None:
    """Make a view of a frame.

    Args:
        duck: Where to.
        name: The view's name.
        kinds: The kinds of its columns.
        frame: Its rows.
    """
    begin_view(duck, name, kinds)
    add_frame(duck, name, kinds, frame)


def begin_view(duck: Duck, name: str, kinds: Columns) -> None:
    """Make a view without rows, in place of what may have been there."""
    duck.execute("CREATE SCHEMA IF NOT EXISTS kept")
    for table in _tables(duck, name):
        duck.execute(f'DROP TABLE kept."{table}"')
    declared = ", ".join(f'"{column}" {SQL_TYPES[kind]}' for column, kind in kinds.items())
    duck.execute(f'CREATE TABLE kept."{name} 1" ({declared})')
    _show(duck, name)
    duck.execute(f'CREATE OR REPLACE VIEW "{name}" AS FROM kept."{name}"')


def add_frame(duck: Duck, name: str, kinds: Columns, frame: pd.DataFrame) -> None:
    """Add the rows of a frame to a view; see :func:`add_view`."""
    *_, table = _tables(duck, name)
    duck.register("some rows", packed(frame, kinds))
    duck.execute(f'INSERT INTO kept."{table}" SELECT {unpacking(kinds)} FROM "some rows"')  # noqa: S608
    duck.unregister("some rows")


def add_files(
    duck: Duck,
    name: str,
    query: str,
    files: Sequence[Path | str],
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Add the rows of files to a view, in the order of the files.

    Args:
        duck: Where to; it may read files.
        name: The view's name.
        query: Gives the rows of some of the files, which are ``$files``.
        files: The files, one at least.
        parameters: Further values for the query.

    Raises:
        duckdb.Error: A file cannot be read.
    """
    with _shared_out(duck, files) as shares, ThreadPoolExecutor(len(shares)) as pool:
        jobs = []
        for share in shares:
            given = {**(parameters or {}), "files": [literal(file) for file in share]}
            jobs.append(pool.submit(_insert, duck.cursor(), _new_table(duck, name), query, given))
        for job in jobs:
            job.result()
    _show(duck, name)


def _insert(duck: Duck, table: str, query: str, parameters: Mapping[str, Any]) -> None:
    with duck:
        duck.execute(f'INSERT INTO kept."{table}" {query}', dict(parameters))


@contextmanager
def _shared_out(
    duck: Duck, files: Sequence[Path | str]
) -> Iterator[Sequence[Sequence[Path | str]]]:
    """Give the shares of files that are read at the same time, with the threads shared out too."""
    threads = int(duck.execute("SELECT current_setting('threads')").fetchall()[0][0])
    number = min(threads, len(files))
    ends = [len(files) * part // number for part in range(number + 1)]
    duck.execute(f"SET GLOBAL threads = {threads // number}")
    try:
        yield [files[start:end] for start, end in pairwise(ends)]
    finally:
        duck.execute(f"SET GLOBAL threads = {threads}")


def _new_table(duck: Duck, name: str) -> str:
    first, *others = _tables(duck, name)
    table = f"{name} {len(others) + 2}"
    duck.execute(f'CREATE TABLE kept."{table}" AS FROM kept."{first}" LIMIT 0')
    return table


def _show(duck: Duck, name: str) -> None:
    tables = " UNION ALL ".join(f'FROM kept."{table}"' for table in _tables(duck, name))
    duck.execute(f'CREATE OR REPLACE VIEW kept."{name}" AS {tables}')


def _tables(duck: Duck, name: str) -> list[str]:
    return [str(row[0]) for row in duck.execute(_TABLES, {"name": name}).fetchall()]
