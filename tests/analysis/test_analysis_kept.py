"""Rows that are kept for the views: several files at a time, and always in their order."""

import duckdb
import pandas as pd
import pytest

from mana_lab.analysis.duck import open_duck
from mana_lab.analysis.kept import add_files, add_frame, add_view, begin_view

KINDS = {"name": "text", "number": "integer"}
QUERY = "SELECT name, number FROM read_parquet($files)"


def frame(name, *numbers):
    return pd.DataFrame({"name": name, "number": numbers}).astype({"number": "Int64"})


@pytest.fixture
def duck():
    with open_duck() as duck:
        yield duck


@pytest.fixture
def files(duck, tmp_path):
    """Return seven files of as many rows as their number says."""
    found = []
    for name in range(7):
        rows = frame(str(name), *range(name))
        path = tmp_path / f"{name} [x].parquet"
        duck.register("rows", rows)
        duck.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
        found.append(path)
    return found


def shown(duck):
    return duck.execute("FROM things").fetchall()


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_the_rows_of_files_come_in_their_order_at_any_number_of_threads(duck, files, threads):
    duck.execute(f"SET GLOBAL threads = {threads}")
    begin_view(duck, "things", KINDS)
    add_files(duck, "things", QUERY, files)
    assert shown(duck) == [(str(name), number) for name in range(7) for number in range(name)]
    assert duck.execute("SELECT current_setting('threads')").fetchall() == [(threads,)]


def test_frames_and_files_come_in_the_order_in_which_they_were_added(duck, files):
    add_view(duck, "things", KINDS, frame("first", 1))
    add_files(duck, "things", QUERY, files[1:3])
    add_frame(duck, "things", KINDS, frame("between", 2))
    add_files(duck, "things", "SELECT $called, number FROM read_parquet($files)", files[1:2], ONE)
    add_frame(duck, "things", KINDS, frame("last", 3))
    assert shown(duck) == [
        ("first", 1),
        ("1", 0),
        ("2", 0),
        ("2", 1),
        ("between", 2),
        ("one", 0),
        ("last", 3),
    ]


ONE = {"called": "one"}


def test_a_damaged_file_is_an_error_and_a_view_begins_anew(duck, files):
    duck.execute("SET GLOBAL threads = 3")
    begin_view(duck, "things", KINDS)
    whole = files[3].read_bytes()
    files[3].write_bytes(whole[:-9])
    with pytest.raises(duckdb.Error, match=r"3 .x.\.parquet"):
        add_files(duck, "things", QUERY, files)
    assert duck.execute("SELECT current_setting('threads')").fetchall() == [(3,)]
    files[3].write_bytes(whole)
    begin_view(duck, "things", KINDS)
    assert shown(duck) == []
    add_files(duck, "things", QUERY, files)
    assert len(shown(duck)) == 21
