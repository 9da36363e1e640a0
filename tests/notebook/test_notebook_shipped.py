"""The notebooks that ship, run as they are."""

from difflib import unified_diff

import pytest
from notebook_house import SHIPPED

from mana_lab.errors import NotebookFailedError
from mana_lab.notebook.files import copy
from mana_lab.notebook.refresh import refresh


def changed_lines(one, other):
    """Return the first lines of the difference, each cut short: a picture is one long line."""
    texts = [path.read_text(encoding="utf-8").splitlines() for path in (one, other)]
    return [line[:90] for line in unified_diff(*texts, lineterm="", n=0)][:40]


@pytest.mark.slow
@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.stem)
def test_running_it_again_changes_no_byte(tmp_path, shipped):
    [path] = copy([shipped], tmp_path)
    refresh(path)
    assert changed_lines(shipped, path) == []
    assert path.read_bytes() == shipped.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_the_proof_of_row_security_is_made_where_there_is_a_server(tmp_path, monkeypatch, postgres):
    (shipped,) = [path for path in SHIPPED if path.stem == "05_isolation"]
    [path] = copy([shipped], tmp_path)
    monkeypatch.setenv("DATABASE_URL", postgres.url.render_as_string(hide_password=False))
    refresh(path)
    assert path.read_bytes() == shipped.read_bytes()
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody@/x?host={tmp_path}")
    with pytest.raises(NotebookFailedError, match="no database could be made there"):
        refresh(path)


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.stem)
def test_a_parameter_that_is_no_number_is_named_before_anything_runs(
    tmp_path, monkeypatch, shipped
):
    monkeypatch.setenv("MANA_LAB_SEED", "abc")
    [path] = copy([shipped], tmp_path)
    with pytest.raises(NotebookFailedError, match="MANA_LAB_SEED: got 'abc', need a whole number"):
        refresh(path)
    assert path.read_bytes() == shipped.read_bytes()
    assert list(tmp_path.iterdir()) == [path]
