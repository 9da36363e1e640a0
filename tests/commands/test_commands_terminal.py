"""What a terminal shows: tables that fit, progress, and an end on Ctrl-C or a closed pipe."""

import asyncio
import os
import signal
import subprocess
import sys

import nbformat
import pytest

from mana_lab import Lab
from mana_lab.personas import load_catalog

COMMAND = [sys.executable, "-W", "error", "-m", "mana_lab"]
NARROW = {"COLUMNS": "80"}
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")


def test_the_catalog_fits_into_a_terminal(run):
    done = run("seed", "--dry-run", **NARROW)
    assert "…" not in done.stdout
    for persona in load_catalog():
        assert all(
            each in done.stdout
            for each in (persona.name, persona.email, persona.archetype, persona.tick_cadence)
        )


def test_a_summary_fits_into_a_terminal_and_has_those_who_took_part(run, lab_folder):
    done = run("run", "--dir", lab_folder, "--days", 1, "--persona", "maya", **NARROW)
    assert "overwhelmed-newbie" in done.stdout
    assert "…" not in done.stdout
    assert "Anna" not in done.stdout


def test_what_is_done_at_once_shows_no_progress(run, lived_in):
    done = run("cleanup", "--dir", lived_in)
    assert (done.exit_code, done.stderr) == (0, "")


def test_progress_goes_to_standard_error_and_results_to_standard_output(run, lab_folder):
    done = run("seed", "--dir", lab_folder)
    assert done.stdout == (
        f"0 personas were created and 10 updated in {lab_folder}; they share 5 spaces\n"
    )
    assert "seeding" in done.stderr
    assert "10/10" in done.stderr


@pytest.mark.slow
@posix_only
@pytest.mark.parametrize("arguments", [("seed", "--dry-run"), ("notebooks",)], ids=" ".join)
def test_a_reader_that_went_away_ends_the_command_quietly(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def read_until(terminal, text):
    """Return what the terminal shows until *text* is there, or until the command has ended."""
    shown = b""
    try:
        while text is None or text not in shown:
            part = os.read(terminal, 4096)
            if not part:
                break
            shown += part
    except OSError:  # Linux says so when the other end is closed
        pass
    return shown


def heed_interrupts():
    """Undo what a shell does to programs in the background, the tests among them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@posix_only
@pytest.mark.slow
def test_ctrl_c_ends_a_run_and_life_goes_on_from_there(run, lab_folder):
    terminal, other_end = os.openpty()
    with subprocess.Popen(
        [*COMMAND, "run", "--dir", lab_folder, "--days", "3000"],
        stdout=subprocess.PIPE,
        stderr=other_end,
        text=True,
        env={**os.environ, "TERM": "xterm"},
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    ) as process:
        os.close(other_end)
        try:
            assert b"simulated days" in read_until(terminal, b"simulated days")
            process.send_signal(signal.SIGINT)
            said = read_until(terminal, None)
            assert (process.wait(timeout=60), process.stdout.read()) == (130, "")
        finally:
            process.kill()
            os.close(terminal)
    assert b"the same command goes on" not in said
    assert b"go on with: python -m mana_lab run --dir" in said
    assert b"Traceback" not in said
    again = run("run", "--dir", lab_folder, "--days", 0.5)
    assert again.exit_code == 0, again.stderr

    async def statuses():
        async with await Lab.open(lab_folder) as lab:
            return list(lab.sql("SELECT status FROM runs ORDER BY run")["status"])

    assert asyncio.run(statuses()) == ["done", "stopped", "done"]


@pytest.mark.slow
def test_without_jupyter_only_refreshing_is_refused(tmp_path):
    (tmp_path / "a.ipynb").write_text("{}")
    code = "import sys; sys.modules['nbclient'] = None; from mana_lab.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "notebooks", "--refresh", "--dir", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "running notebooks needs Jupyter; install it: pip install 'mana-lab[notebooks]'\n"
    )


def test_refreshing_again_changes_no_byte_and_a_failure_keeps_what_was_done(run, tmp_path):
    cell = nbformat.v4.new_code_cell("6 * 7", id="only")
    (tmp_path / "a.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])))
    (tmp_path / "b.ipynb").write_text("no notebook")
    stored = []
    for _ in range(2):
        done = run("notebooks", "--refresh", "--dir", tmp_path)
        assert done.exit_code == 1
        assert "b.ipynb is not a notebook" in done.stderr
        stored.append((tmp_path / "a.ipynb").read_bytes())
    assert b"42" in stored[0]
    assert stored[0] == stored[1]


def test_a_foreign_name_does_not_act_on_the_terminal(run, tmp_path):
    hostile = tmp_path / "a\x1b[31m\u202eb"
    done = run("report", "--dir", hostile)
    assert done.exit_code == 2
    assert r"a\x1b[31m\u202eb" in done.stderr
    assert not set(done.stderr) & set("\x1b\u202e")
