"""Running notebooks and storing their outputs."""

import nbformat
import pytest
from notebook_house import SHIPPED, code, notebook, outputs

from mana_lab.errors import NotebookFailedError
from mana_lab.notebook.refresh import refresh

STABLE = (
    "from mana_lab.notebook import line\nfor done in range(11):\n    line('seeding', done, 10)",
    "import pandas as pd\npd.DataFrame({'a': [1, 2.5], 'b': ['x', None]})",
    "from mana_lab.analysis import charts",
    "from mana_lab.analysis.columns import ACTIONS, FEEDBACK, frame_of",
    "charts.activity(frame_of(list(ACTIONS), [], ACTIONS))",
    "charts.ratings(frame_of(list(FEEDBACK), [], FEEDBACK))",
)


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    return folder / "tiny.ipynb"


def assert_unchanged(path, before):
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_outputs_are_stored(path):
    notebook(path, "print('Grüße ☕')", "answer = 42", "answer")
    refresh(path)
    [[printed], nothing, [shown]] = outputs(path)
    assert (printed.name, printed.text) == ("stdout", "Grüße ☕\n")
    assert nothing == []
    assert shown.data == {"text/plain": "42"}
    assert "Grüße ☕" in path.read_text(encoding="utf-8")
    assert list(path.parent.iterdir()) == [path]


def test_former_outputs_and_what_a_run_leaves_behind_are_forgotten(path):
    cell = code("1 + 1", "mine", execution={"shell.execute_reply": "2026-01-05T00:00:00Z"})
    emptied = code("")
    for each in (cell, emptied):
        each.execution_count = 17
        each.outputs = [nbformat.v4.new_output("stream", text="long ago")]
    notebook(path, cell, "2 + 2", emptied)
    refresh(path)
    first, second, third = nbformat.read(path, as_version=4).cells
    assert first.metadata == {"tags": ["mine"]}
    assert second.metadata == {}
    assert (first.execution_count, second.execution_count) == (1, 2)
    assert [output.data["text/plain"] for output in first.outputs] == ["2"]
    assert (third.execution_count, third.outputs) == (None, [])
    assert '"execution"' not in path.read_text(encoding="utf-8")


def test_the_notebook_says_of_itself_what_the_shipped_ones_say(path):
    mine = {"display_name": "My env", "language": "python", "name": "mine"}
    notebook(path, "1", kernelspec=mine, language_info={"name": "python", "version": "2.7"}, x=1)
    refresh(path)
    for shipped in SHIPPED:
        assert nbformat.read(path, as_version=4).metadata == nbformat.read(shipped, 4).metadata


def test_the_file_ends_with_one_newline(path):
    notebook(path, "1")
    refresh(path)
    assert path.read_bytes().endswith(b"}\n")


@pytest.mark.slow
def test_refreshing_again_changes_no_byte(path):
    notebook(path, *STABLE)
    refresh(path)
    first = path.read_bytes()
    [[progress], [frame], _, _, *drawn] = outputs(path)
    assert progress.text == "seeding 10/10\n"
    assert set(frame.data) == {"text/plain", "text/html"}
    assert [set(chart.data) for [chart] in drawn] == [{"text/plain", "image/png"}] * 2
    refresh(path)
    assert path.read_bytes() == first


def test_it_runs_in_its_own_folder(path):
    (path.parent / "beside.txt").write_text("here")
    notebook(path, "open('beside.txt').read()")
    refresh(path)
    [[shown]] = outputs(path)
    assert shown.data["text/plain"] == "'here'"


def test_an_expected_error_is_stored(path):
    notebook(path, code("1 / 0", "raises-exception"), "'on'")
    refresh(path)
    [[error], [shown]] = outputs(path)
    assert (error.ename, shown.data["text/plain"]) == ("ZeroDivisionError", "'on'")


def test_noise_of_the_kernel_is_not_stored(path, capfd):
    notebook(path, "import os\nos.write(2, b'noise ' * 40_000) and 'done'")
    refresh(path)
    assert capfd.readouterr().err.count("noise ") == 40_000
    [[shown]] = outputs(path)
    assert shown.data == {"text/plain": "'done'"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('so much:\\nthis\\nand that')", "ValueError: so much:"),
        ("raise ValueError", "ValueError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import os\nos._exit(1)", "Kernel died"),
    ],
)
def test_a_failing_cell_is_an_error_and_the_file_stays(path, source, reason):
    notebook(path, "'fine'", source, "'never'")
    before = path.read_bytes()
    with pytest.raises(NotebookFailedError) as got:
        refresh(path)
    assert got.value.message == f"tiny.ipynb: {reason}"
    assert_unchanged(path, before)


def test_a_cell_without_an_end_is_an_error_and_the_file_stays(path):
    notebook(path, "while True:\n    pass")
    before = path.read_bytes()
    with pytest.raises(NotebookFailedError, match=r"tiny\.ipynb: .* timed out .* 1 second"):
        refresh(path, cell_seconds=1)
    assert_unchanged(path, before)


def whole():
    cells = [nbformat.v4.new_code_cell("'é'", id="only")]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a notebook",
        b"[]",
        b'{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}',
        b"[" * 100_000,
        whole().encode()[:-20],
        whole().encode("latin-1"),
        whole().replace('"code"', '"poem"').encode(),
    ],
    ids=["empty", "text", "list", "future", "deep", "truncated", "latin-1", "poem"],
)
def test_what_is_no_notebook_is_an_error_and_the_file_stays(path, content):
    path.write_bytes(content)
    with pytest.raises(NotebookFailedError, match=r"tiny\.ipynb is not a notebook"):
        refresh(path)
    assert_unchanged(path, content)


def test_a_missing_file_is_said_to_be_missing(path):
    with pytest.raises(FileNotFoundError, match=r"tiny\.ipynb"):
        refresh(path)
