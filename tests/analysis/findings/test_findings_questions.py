"""Each question, in a lab in which it has an answer."""

import pandas as pd
import pytest
from cells_house import value_of
from findings_house import LEAVERS, MIX, PEOPLE, troubled, troubled_lab
from living_house import lab_of, lived

from mana_lab.analysis.findings import QUESTIONS, failing_tools, findings_of, varied
from mana_lab.analysis.statistics.noise import floor_of
from mana_lab.analysis.statistics.sensitivity import slopes_of

FAMILIES = [each.family for each in QUESTIONS if each is not varied.QUESTION]
"""Those that are asked of any run; the other one is asked where the app was varied."""


@pytest.fixture(scope="module")
def lab():
    return troubled_lab()


@pytest.fixture(scope="module")
def findings(lab):
    return lab.findings(1)


def of(findings, family):
    return [finding for finding in findings if finding.family == family]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_question_finds_what_is_the_matter(family, findings):
    assert of(findings, family), [str(each) for each in findings.looked]


def test_every_cell_runs_and_gives_the_number_again(findings, lab):
    for finding in findings:
        assert value_of(finding.cell, lab) == pytest.approx(finding.effect, rel=1e-9), finding


def test_cells_without_a_run_give_the_numbers_of_all_runs(lab):
    for finding in lab.findings():
        assert "(1)" not in finding.cell
        assert value_of(finding.cell, lab) == pytest.approx(finding.effect, rel=1e-9), finding


def test_a_claim_is_one_sentence_that_its_interval_supports(findings):
    for finding in findings:
        assert "\n" not in finding.claim
        assert finding.p is None or finding.p <= 0.05
        if finding.interval is not None:
            assert finding.effect in finding.interval
    for family in ("tools that fail", "ratings where calls fail"):
        for finding in of(findings, family):
            assert 0 not in finding.interval


def test_calls_and_ratings_behind_a_finding_are_there(findings, lab):
    calls, ratings = set(lab.actions_df()["id"]), set(lab.feedback_df()["id"])
    for finding in findings:
        assert finding.calls
        assert set(finding.calls) <= calls
        assert finding.n_calls >= len(finding.calls)
        assert set(finding.against) <= calls | ratings


def test_modules_are_compared_together_and_in_pairs(findings):
    overall, *pairs = of(findings, "modules rated apart")
    assert overall.effect_name == "Kendall's W"
    assert overall.interval is None
    assert "W has no interval: personas who are drawn twice" in overall.counter_evidence
    assert "todo lowest" in overall.claim
    assert "mood highest" in overall.claim
    assert {pair.correction for pair in pairs} == {"Holm over 3 pairs"}
    assert any("todo is rated" in pair.claim and "below journal" in pair.claim for pair in pairs)


def test_each_finding_rests_on_its_own_personas_ratings_and_calls(findings, lab):
    rows = lab.feedback_df(1)
    overall, *pairs = of(findings, "modules rated apart")
    assert (overall.trust.personas, overall.trust.ratings) == (10, len(rows))
    for pair in pairs:
        named = [name for name in ("todo", "journal", "mood") if name in pair.claim]
        assert pair.trust.ratings == int(rows["module"].isin(named).sum())
        assert pair.trust.noise.of in {" less ".join(named), " less ".join(reversed(named))}
    (failing,) = of(findings, "tools that fail")
    calls = lab.actions_df(1)
    assert failing.trust.calls == int((calls["tool_name"] == "todo.create").sum())
    assert (failing.trust.ratings, failing.trust.noise) == (None, None)
    assert "; ICC and noise floor not known (measured of ratings alone); " in str(failing)
    assert findings.to_df()["personas"].tolist() == [each.trust.personas for each in findings]


def rough_or_smooth():
    """Return a lab in which todo is rated three points lower where it failed."""
    return lab_of(
        *(
            lived(
                "todo.create! todo.create" if rough else "todo.create",
                name,
                day,
                todo=(1 if rough else 4) + (day * place) % 2,
            )
            for place, name in enumerate(PEOPLE, start=1)
            for day in range(1, 13)
            for rough in [(day + place) % 3 == 0]
        )
    )


def test_the_slope_of_failed_calls_has_a_floor_of_slopes():
    lab = rough_or_smooth()
    (cost,) = of(lab.findings(1), "ratings where calls fail")
    assert cost.trust.noise.unit == "rating points a failed call"
    rows = lab.ratings_in_context(1)
    halves = [pd.Series(slopes_of(rows[rows["tick"] % 2 == odd], "errors")) for odd in (1, 0)]
    assert cost.trust.noise.floor == floor_of(halves[1] - halves[0])


def test_in_which_ticks_a_module_is_rated_lower_is_said_and_no_cause():
    (cost,) = of(rough_or_smooth().findings(1), "ratings where calls fail")
    assert cost.claim.startswith("In ticks with one more failed call to a module it is rated ")
    assert cost.effect < 0
    assert f"{-cost.effect:.2f} points lower by the same 10 personas" in cost.claim


def unlike_halves(said):
    """Return a lab in which half of the personas live every other tick as the rest the others."""
    return lab_of(
        *(
            lived("todo.create! mood.log" if rough else "todo.create mood.log", name, day, **marks)
            for place, name in enumerate(PEOPLE)
            for day in range(1, 13)
            for rough in [day % 4 > 1]
            for marks in [said(first=(day + place) % 2 == 0, rough=rough)]
        )
    )


@pytest.mark.parametrize(
    ("family", "said"),
    [
        ("modules rated apart", lambda first, **_: {"todo": 5 if first else 2, "mood": 3}),
        (
            "ratings where calls fail",
            lambda first, rough: {"todo": (1 if rough else 4) if first else (3 if rough else 2)},
        ),
    ],
)
def test_a_floor_of_differences_of_runs_is_no_argument_against_an_effect_within_one(family, said):
    (finding,) = of(unlike_halves(said).findings(1), family)
    assert abs(finding.effect) < finding.trust.noise.floor.mean
    assert finding.counter_evidence == "None of 10 personas speaks against it."
    assert "a second run of this length differs by less" in str(finding)


def test_a_slope_rests_on_the_ratings_of_modules_whose_failures_vary(findings, lab):
    (cost,) = of(findings, "ratings where calls fail")
    assert cost.trust.ratings == int((lab.feedback_df(1)["module"] == "todo").sum())


def test_a_module_that_is_rated_low_and_fails_often_is_no_slope():
    ticks = [
        lived(f"todo.create{'!' * (day % 3 == 0)} mood.log", name, day, todo=low, mood=5)
        for name in PEOPLE
        for day in range(1, 13)
        for low in [2 + (day > 6)]  # as often where it failed as where it did not
    ]
    found = lab_of(*ticks).findings(1)
    assert not of(found, "ratings where calls fail")
    (remark,) = [each.remark for each in found.looked if each.family == "ratings where calls fail"]
    assert remark.startswith("mean slope 0.00 ")


def test_a_finding_about_some_personas_counts_these_alone():
    others = [lived("journal.add", name, day, journal=3) for name in "XYZ" for day in range(1, 13)]
    found = lab_of(*troubled(), *others).findings(1)
    (failing,) = of(found, "tools that fail")
    assert (found.trust.personas, failing.trust.personas) == (13, 10)
    assert {each.trust.personas for each in of(found, "modules rated apart")} == {10}


def test_a_tool_that_fails_is_named_with_the_personas_for_whom_it_is_not_so(findings, lab):
    (failing,) = of(findings, "tools that fail")
    assert failing.claim.startswith("todo.create fails in 50 % of the calls of a persona")
    assert failing.correction == "Benjamini-Hochberg over 8 tools"
    assert failing.counter_evidence == "None of 10 personas speaks against it."
    actions = lab.actions_df().set_index("id").loc[list(failing.calls)]
    assert set(actions["tool_name"]) == {"todo.create"}
    assert set(actions["result"]) == {"error"}
    assert failing.n_calls == len(actions)


def test_what_speaks_against_a_tool_that_fails_are_the_calls_of_those_for_whom_it_works():
    lucky = [
        lived("todo.create journal.add journal.list mood.log", "Zoe", number, todo=3)
        for number in range(1, 13)
    ]
    (failing,) = of(lab_of(*troubled(), *lucky).findings(1), "tools that fail")
    assert failing.counter_evidence == (
        "For 1 of 11 personas it does not fail more often than the rest: Zoe."
    )
    assert set(failing.against) == {f"Zoe-1-{number}-0" for number in range(1, 13)}


def test_a_name_that_no_tool_has_is_no_tool_that_fails():
    guesses = [
        lived("todo.creates!unknown-tool journal.add", person, 20, journal=3) for person in PEOPLE
    ]
    lab = lab_of(*troubled(), *guesses)
    (failing,) = of(lab.findings(1), "tools that fail")
    assert failing.claim.startswith("todo.create fails in 50 %")
    assert value_of(failing.cell, lab) == pytest.approx(failing.effect)


def test_a_tool_that_is_taken_for_another_is_named_with_what_is_usual(findings):
    (confused,) = of(findings, "tools taken for another")
    assert confused.claim.startswith("todo.create was tried where todo.complete was right")
    assert confused.effect == 1.0
    assert confused.correction == "Benjamini-Hochberg over 1 pair"
    assert confused.counter_evidence == "After none of 54 confused calls it was otherwise."
    assert confused.against == ()


def test_what_speaks_against_a_mix_up_are_the_failures_after_which_it_was_otherwise():
    own = [
        lived("todo.create! todo.complete todo.create mood.log", person, 20, mood=5)
        for person in PEOPLE
    ]
    lab = lab_of(*troubled(), *own)
    (confused,) = of(lab.findings(1), "tools taken for another")
    assert confused.counter_evidence == (
        "After 10 of 64 confused calls it was not so: 10 times todo.create itself worked later, "
        "else another tool or none did."
    )
    assert set(confused.against) == {f"{person}-1-20-0" for person in PEOPLE}
    assert value_of(confused.cell, lab) == pytest.approx(54 / 64)


def test_an_error_after_which_people_are_stuck_is_named(findings):
    (stuck,) = of(findings, "errors after which people are stuck")
    assert stuck.claim.startswith("After invalid-arguments people mostly do not get on")
    assert stuck.effect == 0.0


def guessing(then):
    """Return the calls of ten personas of a name that no tool has, and of what they do *then*."""
    return lab_of(
        *(
            lived(f"todo.creates!unknown-tool {then}", person, number, journal=3)
            for person in PEOPLE
            for number in range(1, 5)
        )
    )


def test_who_goes_on_with_the_right_tool_after_one_that_does_not_exist_is_not_stuck():
    found = guessing("todo.create journal.add").findings(1)
    assert not of(found, "errors after which people are stuck")
    (confused,) = of(found, "tools taken for another")
    assert confused.claim.startswith("todo.creates was tried where todo.create was right")
    (looked,) = [each for each in found.looked if each.family.startswith("errors after which")]
    assert looked.remark == (
        "1 of 1 error code looked at, 0 codes of fewer than 6 personas not judged; after 0 most do "
        "not get on, at a false discovery rate of 5%; after unknown-tool another tool counts, "
        "since that one can never work"
    )


def test_who_finds_no_other_tool_for_one_that_does_not_exist_is_stuck():
    lab = guessing("todo.adds!unknown-tool " * 5 + "journal.add")
    (stuck,) = of(lab.findings(1), "errors after which people are stuck")
    assert stuck.claim == (
        "After unknown-tool people mostly do not get on: another tool works within 2 calls in "
        "33 % of 240 cases (10 personas)"
    )
    assert value_of(stuck.cell, lab) == pytest.approx(stuck.effect)


def test_who_leaves_is_named_and_who_stays_speaks_against_it(findings):
    (leaving,) = of(findings, "personas who give up")
    assert leaving.claim == (
        "2 of 10 personas gave the app up (Ian, Jo), the first after 6 ticks: "
        "80 % are left after 6 ticks"
    )
    assert leaving.counter_evidence.startswith("8 of 10 personas were still there: Ada, Ben")
    assert {call.partition("-")[0] for call in leaving.calls} == set(LEAVERS)
    assert {call.partition("-")[0] for call in leaving.against} == set(PEOPLE) - set(LEAVERS)
    assert all("-1-6-" in call for call in leaving.calls)


def test_who_was_silent_in_one_tick_after_two_that_failed_did_not_give_up():
    often = [lived("todo.create", person, day) for person in "AB" for day in range(1, 10)]
    failed = [lived("", "A", day, status="failed") for day in (10, 11)]
    lab = lab_of(*often, *failed, lived("", "A", 12), lived("todo.create", "B", 12))
    found = lab.findings(1)
    assert not of(found, "personas who give up")
    (looked,) = [each for each in found.looked if each.family == "personas who give up"]
    assert looked.remark.startswith("none of 2 personas was silent in their last 3 ticks")


def test_a_tool_that_nearly_nobody_finds_is_named(findings):
    (missed,) = of(findings, "tools never discovered")
    assert missed.claim == (
        "todo.export is never called by 9 of the 10 personas who want todo (90 %)"
    )
    assert missed.against == ("Ada-1-1-1",) or missed.against == ("Ada-1-1-2",)
    assert missed.counter_evidence == "For 1 of 10 personas it was found: Ada."


SHARES = {
    "tools taken for another": "1 pair",
    "errors after which people are stuck": "1 code",
    "tools never discovered": "1 tool",
}


def shares_of(people):
    """Return a lab whose shares of calls and personas are far from what is usual."""
    usual = "journal.add journal.list journal.get mood.log mood.today mood.week"
    ticks = [
        lived(f"todo.create! todo.{'create' if day % 6 == 0 else 'complete'} {usual}", person, day)
        for person in people
        for day in range(1, 13)
    ]
    mixes = {**dict.fromkeys(people, MIX), "Zoe": {"photos": 1.0}}
    return lab_of(*ticks, lived("todo.export", "Zoe", 1), mixes=mixes)


def test_shares_of_fewer_personas_than_a_test_takes_are_not_judged_and_counted():
    few, enough = (shares_of(PEOPLE[:number]).findings(1) for number in (5, 6))
    for family, what in SHARES.items():
        said, more = (
            next(each.remark for each in found.looked if each.family == family)
            for found in (few, enough)
        )
        assert not of(few, family)
        assert f"{what} of fewer than 6 personas not judged" in said
        assert of(enough, family), more
        assert f"0 {what[2:]}s of fewer than 6 personas not judged" in more


def test_scripted_ratings_are_marked_wherever_they_are_shown(findings):
    for finding in findings:
        assert finding.fixture == (finding.about == "ratings")
        if finding.fixture:
            assert finding.claim.endswith("; scripted ratings, no opinions")
            assert "functions of what happened" in str(finding)
            assert "functions of what happened" in finding._repr_html_()


def test_the_ratings_of_a_model_are_no_fixtures():
    found = troubled_lab(more={"brain": "model", "model": "a-model"}).findings(1)
    assert len(found) >= len(FAMILIES)
    assert not any(finding.fixture for finding in found)
    assert not any("scripted" in str(finding) for finding in found)


def test_flagged_raters_are_kept_and_the_effect_is_given_without_them():
    yes = [
        lived("todo.create! mood.log", "Zoe", number, todo=5, mood=5)
        if number % 2
        else lived("todo.create mood.log", "Zoe", number, todo=5, mood=5)
        for number in range(1, 13)
    ]
    found = lab_of(*troubled(), *yes).findings(1)
    assert [rater.persona for rater in found.trust.flagged] == ["Zoe"]
    (cost,) = of(found, "ratings where calls fail")
    assert cost.counter_evidence == "For 1 of 11 personas it is not so: Zoe."
    assert cost.effect_unflagged == pytest.approx(cost.effect * 11 / 10)
    assert "Without flagged raters" in str(cost)


def test_the_ratings_of_several_brains_are_not_compared_and_that_is_said():
    both = lab_of(*troubled(), *troubled(run=2, more={"brain": "model"}))
    found = both.findings()
    assert not [finding for finding in found if finding.about == "ratings"]
    assert [finding for finding in found if finding.about == "calls"]
    said = {each.family: each.remark for each in found.looked}
    assert "ratings of different brains" in said["modules rated apart"]
    assert [finding for finding in both.findings(2) if finding.about == "ratings"]


def test_hostile_names_break_neither_cells_nor_pages():
    evil = "x'];\nraise SystemExit('''<script>\"\\"
    ticks = [
        lived("todo.create mood.log", person, number, todo=2, mood=5)
        for person in PEOPLE
        for number in range(1, 7)
    ]
    for tick in ticks:
        for row in (*tick["calls"], *tick["ratings"]):
            row["module"] = evil if row["module"] == "todo" else row["module"]
        for call in tick["calls"]:
            if call["tool_name"] == "todo.create":
                call.update(tool_name=evil, result="error", error_code=evil)
    lab = lab_of(*ticks)
    found = findings_of(lab.warehouse)
    assert {"modules rated apart", "tools that fail"} <= {each.family for each in found}
    for finding in found:
        assert value_of(finding.cell, lab) == pytest.approx(finding.effect)
        assert "<script>" not in finding._repr_html_()
    assert "<script>" not in found._repr_html_()


def test_a_run_of_few_personas_says_why_nothing_can_be_told():
    found = lab_of(lived("todo.create!", todo=1), lived("journal.add", "Ben", journal=5)).findings()
    assert len(found) == 0
    assert "too few ratings of one kind of brain to plan with" in found.advice
    assert isinstance(found.to_df(), pd.DataFrame)


def test_which_interval_the_excess_of_a_failing_tool_has_is_told():
    rows = [
        {"email": f"{n}@mana.test", "tool_name": tool, "calls": calls, "errors": errors}
        for n in range(8)
        for tool, calls, errors in (("todo.create", 4, 1 if n else 2), ("todo.list", 4, 0))
    ]
    counts = pd.DataFrame(rows).assign(unknown_tool=0)
    alike = failing_tools(counts, seed=7).iloc[0]
    assert (alike["tool_name"], alike["interval"]) == ("todo.create", "t, G-1 df")
    unlike = counts.assign(calls=counts["calls"] + counts.index)
    assert failing_tools(unlike, seed=7).iloc[0]["interval"] == "studentised bootstrap"
