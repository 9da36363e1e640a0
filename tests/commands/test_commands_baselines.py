"""``baseline``."""

import pytest

from mana_lab.analysis.gate import read_baseline


@pytest.mark.slow
def test_all_runs_of_a_lab_or_those_that_are_named_make_the_baseline(run, tmp_path):
    lab_folder = tmp_path / "lab"
    for words in (
        ("seed", "--sample", "24"),
        ("run", "--days", "1", "--seed", "7"),
        ("run", "--days", "1", "--seed", "8"),
    ):
        done = run(*words, "--dir", lab_folder)
        assert done.exit_code == 0, done.output
    for name, words in {
        "all": (),
        "named": ("1", "2"),
        "places": (f"{lab_folder}:1", "-1"),
    }.items():
        out = tmp_path / f"{name}.json"
        made = run("baseline", "--dir", lab_folder, "--out", out, "--", *words)
        assert made.exit_code == 0, made.output
        assert "2 runs of 1 days, scripted, seeds 7, 8" in made.stdout
        assert f"pytest --mana-baseline={out} --mana-run=DIR" in made.stdout
    assert (tmp_path / "all.json").read_bytes() == (tmp_path / "named.json").read_bytes()
    assert (tmp_path / "all.json").read_bytes() == (tmp_path / "places.json").read_bytes()
    assert [each.seed for each in read_baseline(tmp_path / "all.json").runs] == [7, 8]


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        ((), 2, "a baseline of 1 run; it takes two of the same app"),
        (("1", "1"), 2, "are the same to the last call"),
        (("1", "2"), 1, "this lab has no run 2; its runs are 1"),
        (("NOWHERE",), 2, "is neither the folder of a lab nor a run folder nor an archive"),
        (("",), 2, "got an empty name instead of DIR[:RUN]"),
    ],
)
def test_what_makes_no_baseline_is_told_and_nothing_is_written(
    run, lived_in, tmp_path, words, status, reason
):
    out = tmp_path / "baseline.json"
    done = run("baseline", *words, "--dir", lived_in, "--out", out)
    assert (done.exit_code, list(tmp_path.iterdir())) == (status, [])
    assert reason in done.stderr


def test_a_file_needs_a_folder(run, lived_in, tmp_path):
    done = run("baseline", "--dir", lived_in, "--out", tmp_path / "no" / "baseline.json")
    assert done.exit_code == 2
    assert "to write baseline.json into" in done.stderr
