"""Progress: one line that counts."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stdout

import pytest
from notebook_house import notebook, outputs

from mana_lab.notebook import in_notebook, line, silent
from mana_lab.notebook.refresh import refresh


def test_the_line_is_rewritten_and_ends_only_at_the_end(capsys):
    shown = []
    for done in range(3):
        line("seeding", done, 2)
        shown.append(capsys.readouterr().out)
    assert shown == ["\rseeding 0/2", "\rseeding 1/2", "\rseeding 2/2\n"]


def test_the_line_is_seen_at_once():
    seen = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(seen, "utf-8")):
        line("seeding", 1, 2)
        assert seen.getvalue() == b"\rseeding 1/2"


@pytest.mark.parametrize(("done", "total"), [(0, 0), (3, 2)])
def test_more_than_all_is_the_end_too(capsys, done, total):
    line("deleting", done, total)
    assert capsys.readouterr().out == f"\rdeleting {done}/{total}\n"


def test_silence_is_silent(capfd):
    silent("seeding", 1, 2)
    assert capfd.readouterr() == ("", "")


def test_this_is_no_notebook():
    assert not in_notebook()


def test_ipython_in_a_terminal_is_no_notebook(tmp_path):
    code = "from mana_lab.notebook import in_notebook; print(get_ipython() is None, in_notebook())"
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "-c", code],
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_a_kernel_is_a_notebook(tmp_path):
    path = notebook(
        tmp_path / "a.ipynb", "from mana_lab.notebook import in_notebook\nin_notebook()"
    )
    refresh(path)
    [[shown]] = outputs(path)
    assert shown.data["text/plain"] == "True"
