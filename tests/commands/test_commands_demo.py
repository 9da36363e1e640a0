"""``demo``, ``run`` and ``report``: personas live, and what came of it."""

import asyncio
import re
import shutil

import pytest

from mana_lab import Lab


@pytest.mark.slow
def test_a_demo_ends_in_a_table_and_a_report_and_again_goes_on(run, tmp_path):
    folder = tmp_path / "demo"
    first = run("demo", "--dir", folder, "--days", 1)
    assert first.exit_code == 0, first.stderr
    assert "2026-01-05 to 2026-01-06: " in first.stdout
    for name in ("Anna", "Maya", "Paul"):
        assert name in first.stdout
    assert "simulated days" in first.stderr
    page = (folder / "report.html").read_text()
    for sign in ("<script", "<link", "<iframe", "@import", "url("):
        assert sign not in page
    loaded = re.findall(r"""<[^>]*\s(?:src|href)\s*=\s*["']?([^"'\s>]{,20})""", page)
    assert loaded
    assert all(each.startswith(("data:image/png;", "#")) for each in loaded)
    second = run("demo", "--dir", folder, "--days", 0.5)
    assert second.exit_code == 0, second.stderr
    assert "2026-01-06 to 2026-01-06: " in second.stdout
    assert (folder / "report.html").read_text() != page


@pytest.mark.parametrize("name", ["demo", "run"])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--days", value) for value in ("0", "-1", "nan", "inf", "1e9", "two", "")),
        *(("--seed", value) for value in ("two", "1.5", str(2**63), "")),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_before_anything_happens(
    run, tmp_path, name, option, value
):
    done = run(name, "--dir", tmp_path / "lab", option, value)
    assert done.exit_code == 2
    assert option in done.stderr
    assert not (tmp_path / "lab").exists()


def test_a_file_is_not_a_folder(run, tmp_path):
    (tmp_path / "file").write_text("text")
    for name in ("demo", "seed", "run", "report", "serve", "cleanup"):
        done = run(name, "--dir", tmp_path / "file")
        assert done.exit_code == 2
        assert "--dir" in done.stderr
    assert (tmp_path / "file").read_text() == "text"


def test_some_personas_live_on(run, lab_folder):
    done = run("run", "--dir", lab_folder, "--days", 1, "--persona", "anna", "--persona", "maya")
    assert done.exit_code == 0, done.stderr
    assert "2026-01-06 to 2026-01-07: 2 sessions" in done.stdout


def test_an_unknown_persona_is_named_with_those_there_are(run, lab_folder):
    done = run("run", "--dir", lab_folder, "--persona", "zoe")
    assert done.exit_code == 1
    assert "zoe" in done.stderr
    assert "anna" in done.stderr.lower()


def test_a_lab_of_nobody_says_what_to_do(run, tmp_path):
    async def make():
        async with await Lab.open(tmp_path / "lab"):
            pass

    asyncio.run(make())
    done = run("run", "--dir", tmp_path / "lab")
    assert done.exit_code == 1
    assert "seed" in done.stderr


@pytest.mark.parametrize(
    "arguments", [("run",), ("report",), ("cleanup",), ("token", "anna")], ids=" ".join
)
def test_where_there_is_no_lab_none_is_made(run, tmp_path, arguments):
    done = run(*arguments, "--dir", tmp_path / "none")
    assert done.exit_code == 2
    assert f"python -m mana_lab seed --dir {tmp_path / 'none'}" in done.stderr.replace("\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_report_is_written_where_it_is_wanted(run, lab_folder, tmp_path):
    done = run("report", "--dir", lab_folder)
    assert done.exit_code == 0, done.stderr
    assert "Maya" in (lab_folder / "report.html").read_text()
    done = run("report", "--dir", lab_folder, "--out", tmp_path / "findings.html")
    assert str(tmp_path / "findings.html") in done.stdout.replace("\n", "")
    assert (tmp_path / "findings.html").exists()


@pytest.mark.slow
def test_the_report_of_one_run_is_asked_for_by_number_or_id(run, lab_folder):
    page = lab_folder / "report.html"
    done = run("report", "1", "--dir", lab_folder)
    assert done.exit_code == 0, done.stderr
    by_number = page.read_text()
    assert "What the personas did in run 1" in by_number
    done = run("report", asyncio.run(id_of_the_run(lab_folder)), "--dir", lab_folder)
    assert done.exit_code == 0, done.stderr
    assert page.read_text() == by_number


async def id_of_the_run(folder):
    async with await Lab.open(folder) as lab:
        return lab.runs_df()["id"].iloc[0]


@pytest.mark.parametrize("which", ["2", "0", "no-such-run", "9" * 30, "1; DROP TABLE runs", ""])
def test_the_report_of_a_run_that_there_is_not_names_those_that_there_are(run, lab_folder, which):
    done = run("report", which, "--dir", lab_folder)
    assert done.exit_code == 1
    assert "its runs are 1" in done.stderr
    assert not (lab_folder / "report.html").exists()


def test_a_report_into_nowhere_is_refused(run, lab_folder, tmp_path):
    done = run("report", "--dir", lab_folder, "--out", tmp_path / "none" / "findings.html")
    assert done.exit_code == 2
    assert "findings.html" in done.stderr
    assert not (tmp_path / "none").exists()


async def test_a_lab_that_is_open_elsewhere_is_left_alone(run, lab_folder):
    async with await Lab.open(lab_folder):
        for arguments in (("run",), ("seed",), ("demo",), ("cleanup", "--yes"), ("report",)):
            done = await asyncio.to_thread(run, *arguments, "--dir", lab_folder)
            assert done.exit_code == 1
            assert "is open already" in done.stderr


def test_damaged_secrets_end_the_command_with_one_sentence(run, lived_in, tmp_path):
    folder = shutil.copytree(lived_in, tmp_path / "lab")
    (folder / "secrets.json").write_text("{")
    done = run("run", "--dir", folder)
    assert done.exit_code == 2
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr
