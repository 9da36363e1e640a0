import json
import os
from dataclasses import replace

import numpy as np
import pytest
from gate_house import a_a, email, run_of, used
from scipy import stats

from mana_lab.analysis.gate import baseline_of, read_baseline
from mana_lab.analysis.gate.baseline import MOST_BYTES
from mana_lab.analysis.gate.measures import Use
from mana_lab.errors import BaselineError


def test_what_personas_did_in_all_runs_is_added_up():
    one, two = used(1, modules=("notes",)), used(2, modules=("notes",))
    one["todo"] = {"a": Use(calls=4, failed=1, ratings=2, rating_sum=8)}
    two["todo"] = {"a": Use(calls=6, failed=0, ratings=1, rating_sum=5), "b": Use(calls=1)}
    made = baseline_of([run_of(one), run_of(two, 2)], made_by="0.1.0")
    found = made.modules["todo"].personas
    assert found["a"] == Use(calls=10, failed=1, ratings=3, rating_sum=13)
    assert (found["a"].value("rating"), found["a"].value("failed")) == (13 / 3, 0.1)
    assert (found["b"].value("rating"), found["b"].value("failed")) == (None, 0.0)


def test_the_floor_is_what_two_unchanged_runs_differ_by():
    one, two = used(1), used(2)
    made = baseline_of([run_of(one), run_of(two, 2)], made_by="0.1.0")
    for measure in ("rating", "failed"):
        gaps = [
            two["todo"][who].value(measure) - one["todo"][who].value(measure) for who in one["todo"]
        ]
        reach = stats.t.isf(0.025, len(gaps) - 1) * np.std(gaps, ddof=1) / np.sqrt(len(gaps))
        assert getattr(made.modules["todo"].floor, measure) == pytest.approx(reach)


def test_of_several_pairs_the_largest_floor_counts():
    runs = [run_of(used(seed), seed) for seed in (1, 2, 3)]
    pairs = [baseline_of(pair, made_by="0.1.0") for pair in (runs[:2], runs[1:], runs[::2])]
    all_three = baseline_of(runs, made_by="0.1.0").modules["notes"].floor
    assert all_three.rating == max(each.modules["notes"].floor.rating for each in pairs)


def test_there_is_no_floor_where_no_five_personas_were_there_twice():
    few = [used(seed, personas=5) for seed in (1, 2)]
    del few[1]["todo"][email(4)]
    made = baseline_of([run_of(few[0]), run_of(few[1], 2)], made_by="0.1.0")
    floor = made.modules["todo"].floor
    assert (floor.rating, floor.failed) == (None, None)
    assert made.modules["notes"].floor.known


def test_a_floor_that_no_change_could_exceed_is_none():
    one, two = used(1), used(2)
    for runs, failed in ((one, (10, 0)), (two, (0, 10))):
        runs["todo"] = {
            email(n): Use(calls=10, failed=failed[n % 2], ratings=1, rating_sum=1 + failed[0] // 4)
            for n in range(5)
        }
    made = baseline_of([run_of(one), run_of(two, 2)], made_by="0.1.0")
    assert made.modules["todo"].floor.failed is None  # the formula comes to 136 %


def test_a_floor_of_an_older_file_that_no_change_could_exceed_is_none(tmp_path):
    content = json.loads(a_a().text())
    content["modules"]["todo"]["floor"] = {"rating": 6.35, "failed": 3.18}
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert not read_baseline(path).modules["todo"].floor.known


@pytest.mark.parametrize("shared", [0, 4])
def test_runs_of_which_no_module_has_a_floor_are_refused(shared):
    one, two = used(1), used(2)
    others = {
        module: {who if n < shared else f"other-{who}": use for n, (who, use) in rows}
        for module, rows in ((name, list(enumerate(uses.items()))) for name, uses in two.items())
    }
    reason = f"no module has a noise floor: .* and {shared} personas used one in two"
    with pytest.raises(BaselineError, match=reason):
        baseline_of([run_of(one), run_of(others, 2)], made_by="0.1.0")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"brain": "human"}, "was played by human, and is to be held against scripted"),
        ({"model": "m-1"}, r"was played by scripted \(m-1\)"),
        ({"days": 3.0}, "has 3 days, and is to be held against 7"),
        ({"modules": used(1)}, "the runs of the seeds 1 and 2 are the same to the last call"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_runs_that_are_no_a_a_are_refused(change, reason):
    other = replace(run_of(used(2), 2), **change)
    with pytest.raises(BaselineError, match=reason):
        baseline_of([run_of(used(1)), other], made_by="0.1.0")


@pytest.mark.parametrize("count", [0, 1])
def test_one_run_does_not_tell_what_noise_is(count):
    with pytest.raises(BaselineError, match=f"a baseline of {count} run; it takes two"):
        baseline_of([run_of(used(1))] * count, made_by="0.1.0")


def test_a_baseline_survives_its_file_and_is_the_same_bytes_again(tmp_path):
    path = tmp_path / "baseline.json"
    path.write_text(a_a().text(), encoding="utf-8")
    assert read_baseline(path) == a_a()
    assert read_baseline(path).text() == path.read_text(encoding="utf-8")


def change(**members):
    def apply(content):
        return content | members

    return apply


def in_todo(**members):
    def apply(content):
        content["modules"]["todo"]["personas"][email(1)] |= members
        return content

    return apply


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda _: [], r"baseline\.json: is no baseline"),
        (lambda _: {}, "is no baseline; make one"),
        (change(format="<script>alert(1)</script>"), "is no baseline"),
        (change(version=2), "has version '2'; this mana_lab reads 1"),
        (change(version=True), "has version 'True'"),
        (change(more=1), "more: Extra inputs are not permitted"),
        (change(runs=[]), "runs: Tuple should have at least 2 items"),
        (change(modules={}), "modules: Dictionary should have at least 1 item"),
        (change(alpha=1), "alpha: Input should be less than 1"),
        (change(days=0), "days: Input should be greater than 0"),
        (change(brain=""), "brain: String should have at least 1 character"),
        (in_todo(calls=-1), "calls: Input should be greater than or equal to 0"),
        (in_todo(calls="10"), "calls: Input should be a valid integer"),
        (in_todo(failed=21), "more calls failed than there were"),
        (in_todo(rating_sum=41), "the ratings cannot add up to that"),
    ],
)
def test_a_damaged_baseline_is_told_by_its_place(tmp_path, wrong, reason):
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(wrong(json.loads(a_a().text()))), encoding="utf-8")
    with pytest.raises(BaselineError, match=reason) as caught:
        read_baseline(path)
    assert "<script>" not in caught.value.message


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"[" * 99_999]
)
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "baseline.json"
    path.write_bytes(content)
    with pytest.raises(BaselineError, match="is not JSON that can be read in one way only"):
        read_baseline(path)


def test_a_file_that_is_not_there_is_large_or_is_none_is_not_read(tmp_path):
    with pytest.raises(BaselineError, match="there is no such file; make one with"):
        read_baseline(tmp_path / "nowhere.json")
    with pytest.raises(BaselineError, match="is no file"):
        read_baseline(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BaselineError, match="is no file"):
        read_baseline(tmp_path / "pipe")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(BaselineError, match=f"and may have {MOST_BYTES}"):
        read_baseline(large)
