"""``run --record``, ``keep`` and ``replay``."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from mana_lab import Archive, RunFolder
from mana_lab.commands.app import app
from mana_lab.lab.manifest import kept_file


def typed(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with a lab in it, and its one recorded run, kept."""
    home = tmp_path_factory.mktemp("home")
    assert typed("seed", "--dir", home / "lab").exit_code == 0
    ran = typed("run", "--dir", home / "lab", "--days", "1", "--persona", "anna", "--record")
    assert ran.exit_code == 0, ran.output
    kept = typed("keep", home / "run-1", "--dir", home / "lab")
    assert kept.exit_code == 0, kept.output
    assert "replay" in kept.output
    return home


@pytest.fixture
def kept(home, tmp_path):
    return shutil.copytree(home / "run-1", tmp_path / "run-1")


def change_an_answer(folder):
    path = folder / "tape.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    place = next(n for n, line in enumerate(lines) if "data" in line["answer"])
    lines[place]["answer"]["data"] = {"nothing": "here"}
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["tape.jsonl"] = kept_file(path).model_dump()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return lines[place]


@pytest.mark.parametrize("mode", ["all", pytest.param("brain", marks=pytest.mark.slow)])
def test_a_run_that_is_the_same_again_ends_well(kept, mode):
    done = typed("replay", kept, "--mode", mode)
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert done.stdout.startswith("no difference in ")


def test_the_first_difference_is_one_line_and_the_status_says_so(kept):
    line = change_an_answer(kept)
    done = typed("replay", kept, "--mode", "brain")
    assert (done.exit_code, done.stdout.count("\n")) == (1, 1)
    place = f"persona.anna@mana.test, tick {line['tick']}, app, step {line['step']}: "
    assert done.stdout.startswith(f"the first difference: {place}it was ")


def test_a_lab_that_stands_elsewhere_is_refused(home, kept):
    done = typed("replay", kept, "--mode", "brain", "--dir", home / "lab")
    assert done.exit_code == 1
    assert "replay it in a fresh lab" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("keep", "X", "--dir", "NOWHERE"), 2, "there is no lab in"),
        (("keep", "RUN", "--dir", "LAB"), 1, "is there already"),
        (("keep", "X", "--dir", "LAB", "--run", "7"), 1, "this lab has no run 7"),
        (("keep", "X", "--dir", "LAB", "--run", "0"), 1, "this lab has no run 0"),
        (("keep", "X", "--dir", "LAB", "--run", "first"), 2, "should be a valid integer"),
        (("export", "X", "--dir", "NOWHERE"), 2, "there is no lab in"),
        (("export", "RUN", "--dir", "LAB"), 1, "is there already"),
        (("export", "DEEP", "--dir", "LAB"), 2, "cannot be made"),
        (("replay", "NOWHERE"), 2, "there is no run folder at"),
        (("replay", "LAB"), 2, "is no run folder"),
        (("replay", "RUN", "--mode", "none"), 2, "is not one of"),
        (("replay", "RUN", "--dir", "LAB"), 2, "--dir goes with --mode brain"),
        (("replay", "RUN", "--mode", "brain", "--dir", "NOWHERE"), 2, "there is no lab in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_said_in_one_sentence(home, words, status, reason, tmp_path):
    places = {
        "X": tmp_path / "new",
        "NOWHERE": tmp_path / "nowhere",
        "LAB": home / "lab",
        "RUN": home / "run-1",
        "DEEP": tmp_path / "no" / "such",
    }
    done = typed(*(places.get(word, word) for word in words))
    assert done.exit_code == status, done.output
    assert reason in " ".join(done.stderr.split())
    assert not (tmp_path / "new").exists()


def test_a_lab_is_exported_for_whoever_reads_parquet(home, tmp_path):
    done = typed("export", tmp_path / "parquet", "--dir", home / "lab")
    assert done.exit_code == 0, done.output
    kept, exported = RunFolder.open(home / "run-1"), Archive.open(tmp_path / "parquet")
    calls = len(kept.actions_df())
    assert done.stdout.startswith(f"Exported: {calls} calls of 1 runs, to ")
    assert exported.actions_df()["id"].tolist() == kept.actions_df()["id"].tolist()


def test_a_fresh_lab_is_no_other_server(kept):
    manifest = json.loads((kept / "manifest.json").read_text())
    manifest["recording"]["app"] = "a shop 1.0"
    (kept / "manifest.json").write_text(json.dumps(manifest))
    done = typed("replay", kept, "--mode", "brain")
    assert done.exit_code == 2
    assert "used a shop 1.0, which a fresh lab does not have" in done.stderr


def test_a_run_that_was_not_recorded_is_kept_and_says_how_it_can_be_replayed(home, tmp_path):
    lab = shutil.copytree(home / "lab", tmp_path / "lab")
    assert typed("run", "--dir", lab, "--days", "1", "--persona", "anna").exit_code == 0
    kept = typed("keep", tmp_path / "run-2", "--dir", lab)
    assert "--mode brain" in kept.stdout
    done = typed("replay", tmp_path / "run-2")
    assert (done.exit_code, "was not recorded with its app" in done.stderr) == (2, True)
