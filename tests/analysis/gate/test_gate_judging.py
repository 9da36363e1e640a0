from dataclasses import replace

import pytest
from gate_house import a_a, email, run_of, used

from mana_lab.analysis.gate import baseline_of, judge
from mana_lab.analysis.gate.baseline import Floors
from mana_lab.analysis.gate.judging import _needed
from mana_lab.analysis.gate.measures import Use
from mana_lab.errors import BaselineError


def outcomes(judgement):
    return {verdict.module: verdict.outcome for verdict in judgement.verdicts}


def test_an_unchanged_app_is_the_same():
    found = judge(a_a(), run_of(used(3), 3))
    assert outcomes(found) == {"notes": "same", "todo": "same"}
    assert found.remarks == ()


@pytest.mark.parametrize("how", [{"drop": 1.0}, {"failing": 0.4}], ids=["ratings", "failures"])
def test_a_module_that_got_worse_is_told_and_no_other(how):
    found = judge(a_a(), run_of(used(3, broken=["todo"], **how), 3))
    assert outcomes(found) == {"notes": "same", "todo": "worse"}
    findings = {each.measure: each for each in found.verdicts[1].findings}
    worse = findings["rating" if "drop" in how else "failed"]
    assert worse.p <= 0.05
    assert abs(worse.test.effect) > worse.floor
    assert worse.test.n_personas == 10


def test_a_significant_change_within_the_noise_floor_is_the_same():
    baseline = a_a()
    todo = baseline.modules["todo"]
    high = todo.model_copy(update={"floor": todo.floor.model_copy(update={"rating": 1.5})})
    wide = baseline.model_copy(update={"modules": {**baseline.modules, "todo": high}})
    run = run_of(used(3, broken=["todo"], drop=1.0), 3)
    assert outcomes(judge(baseline, run))["todo"] == "worse"
    assert outcomes(judge(wide, run))["todo"] == "same"


def test_a_module_that_got_better_is_told():
    low = [run_of(used(seed, broken=["todo"], drop=1.0), seed) for seed in (1, 2)]
    found = judge(baseline_of(low, made_by="0.1.0"), run_of(used(3), 3))
    assert outcomes(found) == {"notes": "same", "todo": "better"}


def test_the_p_values_are_corrected_over_all_tests():
    found = judge(a_a(), run_of(used(3, broken=["todo"], drop=1.0), 3))
    p = {
        (verdict.module, each.measure): each
        for verdict in found.verdicts
        for each in verdict.findings
    }
    assert len(p) == 4
    assert p["todo", "rating"].p == pytest.approx(4 * p["todo", "rating"].test.p)


def test_a_module_that_nobody_uses_any_more_is_gone():
    run = run_of(used(3), 3)
    without = replace(run, modules={"notes": run.modules["notes"]})
    found = judge(a_a(), without)
    assert outcomes(found) == {"notes": "same", "todo": "gone"}
    assert found.verdicts[1].reason == ("10 personas used it in the baseline, and now nobody did")


def unrated(uses):
    return {who: Use(calls=use.calls, failed=use.failed) for who, use in uses.items()}


def test_a_module_that_nobody_rates_any_more_is_gone():
    run = run_of(used(3), 3)
    modules = {**run.modules, "todo": unrated(run.modules["todo"])}
    found = judge(a_a(), replace(run, modules=modules))
    assert outcomes(found) == {"notes": "same", "todo": "gone"}
    assert found.verdicts[1].reason == "10 personas rated it in the baseline, and now nobody did"


def test_a_module_that_few_rated_and_now_nobody_is_not_judged():
    runs = [run_of(used(seed), seed) for seed in (1, 2, 3)]
    for run in runs:
        people = run.modules["todo"]
        kept = {email(n): people[email(n)] for n in range(3)} if run.seed < 3 else {}
        run.modules["todo"] = {**unrated(people), **kept}
    found = judge(baseline_of(runs[:2], made_by="0.1.0"), runs[2])
    assert outcomes(found) == {"notes": "same", "todo": "unjudged"}
    assert found.verdicts[1].reason == (
        "3 personas rated it in the baseline, and now nobody did; 6 are needed to tell a change "
        "from chance"
    )


def test_that_ratings_were_too_few_is_told_where_failures_are_judged():
    run = run_of(used(3), 3)
    people = run.modules["todo"]
    few = {**unrated(people), email(0): people[email(0)]}
    verdict = judge(a_a(), replace(run, modules={**run.modules, "todo": few})).verdicts[1]
    assert (verdict.outcome, [each.measure for each in verdict.findings]) == ("same", ["failed"])
    assert verdict.reason.startswith("ratings not judged: 1 persona rated it in the baseline and")


def test_ticks_that_failed_are_remarked():
    run = replace(run_of(used(3), 3), failed_ticks=2)
    assert judge(a_a(), run).remarks == ("2 of the 70 ticks of run 1 failed",)


def test_the_interval_of_a_share_stays_within_it():
    calls = {email(n): Use(calls=1, failed=n % 2) for n in range(10)}
    run = run_of(used(3), 3)
    baseline = a_a()
    known = baseline.modules["todo"]
    bare = known.model_copy(update={"personas": {who: Use(calls=1) for who in calls}})
    before = baseline.model_copy(update={"modules": {**baseline.modules, "todo": bare}})
    for worst in (9, 8):
        failing = {who: Use(calls=1, failed=int(n < worst)) for n, who in enumerate(calls)}
        found = judge(before, replace(run, modules={**run.modules, "todo": failing}))
        around = found.verdicts[1].findings[0].test.interval
        assert -1 <= around.low <= around.high <= 1


def test_a_module_of_few_personas_is_not_judged():
    baseline = a_a(modules=("notes", "todo"))
    run = run_of(used(3), 3)
    few = dict(list(run.modules["todo"].items())[:3])
    found = judge(baseline, replace(run, modules={**run.modules, "todo": few}))
    assert outcomes(found) == {"notes": "same", "todo": "unjudged"}
    for name, did in (("ratings", "rated"), ("failed calls", "called")):
        told = f"{name} not judged: 3 personas {did} it in the baseline and in the run"
        assert f"{told}, and {found.needed} are needed" in found.verdicts[1].reason


def test_a_new_module_is_not_judged():
    found = judge(a_a(modules=("todo",)), run_of(used(3), 3))
    assert outcomes(found) == {"notes": "unjudged", "todo": "same"}
    assert "it is not in the baseline" in found.verdicts[0].reason


def test_where_no_module_can_be_judged_that_is_an_error():
    with pytest.raises(BaselineError, match=r"no module can be judged: one was used by 3 personas"):
        judge(a_a(), run_of(used(3, personas=3), 3))


def test_a_baseline_in_which_no_module_has_a_noise_floor_judges_nothing():
    made = a_a()
    without = {
        name: module.model_copy(update={"floor": Floors()}) for name, module in made.modules.items()
    }
    reason = "no module of the baseline has a noise floor, so that nothing can be judged by it"
    with pytest.raises(BaselineError, match=reason):
        judge(made.model_copy(update={"modules": without}), run_of(used(3), 3))


def test_personas_are_paired_by_their_address():
    run = run_of(used(3), 3)
    others = {
        module: {who.replace(".p", ".q"): use for who, use in uses.items()}
        for module, uses in run.modules.items()
    }
    with pytest.raises(BaselineError, match="none of the 10 personas of run 1 is in the baseline"):
        judge(a_a(), run_of(others, 3))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"brain": "human"}, "was played by human"),
        ({"model": "m-2"}, r"was played by scripted \(m-2\)"),
        ({"days": 1.0}, "has 1 days, and is to be held against 7"),
    ],
)
def test_a_run_of_another_kind_is_refused(change, reason):
    with pytest.raises(BaselineError, match=reason):
        judge(a_a(), replace(run_of(used(3), 3), **change))


def test_what_a_reader_should_know_is_remarked():
    run = replace(run_of(used(3, personas=8), 3), number=4)
    told = judge(a_a(), run).remarks
    assert told[0].startswith("this is run 4 of its lab, and those of the baseline were run 1")
    assert told[1] == "2 personas of the baseline did not take part in the run"


def test_a_module_without_a_floor_is_not_judged():
    baseline = a_a()
    todo = baseline.modules["todo"]
    bare = todo.model_copy(
        update={"floor": todo.floor.model_copy(update={"rating": None, "failed": None})}
    )
    known = baseline.model_copy(update={"modules": {**baseline.modules, "todo": bare}})
    found = judge(known, run_of(used(3), 3))
    assert outcomes(found) == {"notes": "same", "todo": "unjudged"}
    assert "no noise floor" in found.verdicts[1].reason


def test_a_persona_who_rated_nothing_counts_for_failures_alone():
    run = run_of(used(3), 3)
    quiet = {**run.modules["todo"], email(0): Use(calls=5, failed=1)}
    found = judge(a_a(), replace(run, modules={**run.modules, "todo": quiet}))
    sizes = {each.measure: each.test.n_personas for each in found.verdicts[1].findings}
    assert sizes == {"rating": 9, "failed": 10}


@pytest.mark.parametrize(
    ("sizes", "needed"),
    [
        ([], 5),
        ([5], 5),  # 2**-5 is below 0.05
        ([5, 5], 6),  # two tests that count would need 2**-6
        ([10, 5], 6),
        ([10, 10, 3, 3], 6),
        ([10] * 10, 8),
        ([100] * 26, 10),
    ],
)
def test_a_module_needs_as_many_personas_as_reach_the_level(sizes, needed):
    assert _needed(sizes, 0.05) == needed
