"""``notebooks``: to list, to copy, to run anew."""

import nbformat
import pytest

from mana_lab.shipped import notebooks_dir

SHIPPED = sorted(path.name for path in notebooks_dir().glob("*.ipynb"))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "mine"
    made.mkdir()
    return made


def notebook(path, source):
    cell = nbformat.v4.new_code_cell(source, id="only")
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])))
    return path


def test_the_notebooks_are_listed(run):
    done = run("notebooks")
    assert [line.rpartition("/")[2] for line in done.stdout.splitlines()] == SHIPPED


def test_they_are_copied_and_nothing_is_overwritten(run, tmp_path):
    target = tmp_path / "deep" / "copies"
    done = run("notebooks", "--copy", target)
    assert done.exit_code == 0, done.stderr
    assert f"jupyter lab {target}" in done.stdout.replace("\n", "")
    for name in SHIPPED:
        assert (target / name).read_bytes() == (notebooks_dir() / name).read_bytes()
    (target / SHIPPED[0]).write_text("my work")
    (target / SHIPPED[1]).unlink()
    done = run("notebooks", "--copy", target)
    assert done.exit_code == 1
    assert SHIPPED[0] in done.stderr
    assert (target / SHIPPED[0]).read_text() == "my work"
    assert not (target / SHIPPED[1]).exists()


def test_to_copy_and_to_refresh_do_not_go_together(run, tmp_path):
    done = run("notebooks", "--copy", tmp_path / "copies", "--refresh")
    assert done.exit_code == 2
    assert not (tmp_path / "copies").exists()


def test_refreshing_stores_outputs(run, folder):
    path = notebook(folder / "a.ipynb", "6 * 7")
    done = run("notebooks", "--refresh", "--dir", folder)
    assert done.exit_code == 0, done.stderr
    (cell,) = nbformat.read(path, 4).cells
    assert cell.outputs[0].data["text/plain"] == "42"


def test_a_failing_notebook_is_named_and_stays_as_it_was(run, folder):
    path = notebook(folder / "a.ipynb", "1 / 0")
    before = path.read_bytes()
    done = run("notebooks", "--refresh", "--dir", folder)
    assert done.exit_code == 1
    assert "a.ipynb: ZeroDivisionError" in done.stderr
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', "\x00", "not a notebook"])
def test_what_is_no_notebook_is_named(run, folder, text):
    path = folder / "a.ipynb"
    path.write_text(text)
    done = run("notebooks", "--refresh", "--dir", folder)
    assert done.exit_code == 1
    assert "a.ipynb" in done.stderr
    assert path.read_text() == text


def test_a_folder_without_notebooks_is_refused(run, folder):
    done = run("notebooks", "--refresh", "--dir", folder)
    assert done.exit_code == 1
    assert "no notebooks" in done.stderr
