"""The notebooks of a folder, and copies of them."""

import pytest
from notebook_house import SHIPPED

from mana_lab.errors import ConflictError, NotFoundError
from mana_lab.notebook.files import copy, notebook_files
from mana_lab.shipped import notebooks_dir


@pytest.fixture
def shelf(tmp_path):
    """A folder with two notebooks and other things."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in ("10_late.ipynb", "02_early.ipynb", "notes.txt", "sanitize.cfg"):
        (folder / name).write_bytes(f"{name}\r\n\xe9".encode("latin-1"))
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "02_early-checkpoint.ipynb").touch()
    return folder


def test_notebooks_come_in_reading_order_and_nothing_else_does(shelf):
    assert notebook_files(shelf) == [shelf / "02_early.ipynb", shelf / "10_late.ipynb"]


def test_the_shipped_ones_begin_with_the_quickstart():
    found = notebook_files(notebooks_dir())
    assert found == SHIPPED
    assert found[0].name == "00_quickstart.ipynb"


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_notebooks_is_an_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match=f"no notebooks in {name}/"):
        notebook_files(tmp_path / name)


def test_copies_keep_their_bytes_in_a_folder_that_is_made(shelf, tmp_path):
    target = tmp_path / "deep" / "copies"
    places = copy(notebook_files(shelf), target)
    assert places == [target / "02_early.ipynb", target / "10_late.ipynb"]
    assert sorted(target.iterdir()) == places
    for place in places:
        assert place.read_bytes() == (shelf / place.name).read_bytes()


def test_copies_go_beside_other_files(shelf, tmp_path):
    (tmp_path / "mine.ipynb").write_text("my work")
    copy(notebook_files(shelf), tmp_path)
    assert (tmp_path / "mine.ipynb").read_text() == "my work"
    assert (tmp_path / "02_early.ipynb").exists()


@pytest.mark.parametrize("taken", ["02_early.ipynb", "10_late.ipynb"])
def test_nothing_is_copied_if_one_name_is_taken(shelf, tmp_path, taken):
    target = tmp_path / "copies"
    target.mkdir()
    (target / taken).write_text("my work")
    with pytest.raises(ConflictError, match=rf"has {taken} already"):
        copy(notebook_files(shelf), target)
    assert [(each.name, each.read_text()) for each in target.iterdir()] == [(taken, "my work")]


def test_every_taken_name_is_said(shelf, tmp_path):
    copy(notebook_files(shelf), tmp_path)
    with pytest.raises(ConflictError, match=r"has 02_early.ipynb, 10_late.ipynb already; choose"):
        copy(notebook_files(shelf), tmp_path)
