"""What a treatment changed, as findings."""

from dataclasses import replace
from html import escape

import pytest
from cells_house import value_of
from living_house import lab_of, lived
from tried_house import DESIGN, PEOPLE, tried

from mana_lab.analysis.contrast import AGAIN, CONTROL, TREATMENT
from mana_lab.analysis.findings.varied import FAMILY
from mana_lab.analysis.report.told import index
from mana_lab.analysis.statistics.results import Interval, shown_p

FAILING = "todo.create! mood.log"
EARLY = "the evidence is enough: e = 31.2 (p = 0.0321) after 40 ratings of 10 personas"


def wavering():
    """A lab in which todo falls by less than its two blind halves differ; the rest is calm."""
    ticks = []
    for place, person in enumerate(PEOPLE):
        high, low = (4, 2) if place < 9 else (2, 4)
        marks = {CONTROL: high, AGAIN: low, TREATMENT: 2}
        for number in range(12):
            arm = (CONTROL, TREATMENT, AGAIN, TREATMENT)[number % 4]
            quiet = {f"m{module}": 3 for module in range(8)}
            words = " ".join(["todo.create", *(f"{name}.see" for name in quiet)])
            more = {"variant": arm}
            mark = marks[arm] + (arm == TREATMENT and number > 6)
            ticks.append(lived(words, person, number, more=more, todo=mark, **quiet))
    return lab_of(*ticks, design={**DESIGN, "module": "todo"})


def of_treatment(lab):
    return [finding for finding in lab.findings(1) if finding.family == FAMILY]


def test_what_was_asked_beforehand_is_confirmatory_and_all_else_exploratory():
    lab = tried(FAILING, todo=1, design={**DESIGN, "module": "todo"})
    asked, *others = of_treatment(lab)
    assert asked.claim.startswith("Under treatment todo is rated 2.50 points lower by the same 10")
    assert asked.kind == asked.trust.kind == "confirmatory"
    assert asked.counter_evidence == "None of 10 personas speaks against it."
    assert others[0].claim.startswith(
        "Under treatment todo, in todo.create, differs by 1.00 in the share"
    )
    assert {each.kind for each in others} == {"exploratory"}


def test_each_cell_gets_the_number_again_as_the_experiment_and_its_chart_have_it():
    lab = tried(FAILING, todo=1, design={**DESIGN, "module": "todo", "seed": 11})
    found = of_treatment(lab)
    assert [value_of(each.cell, lab) for each in found] == [each.effect for each in found]
    asked = lab.experiment_of(1).effect.difference
    assert (asked.effect, asked.interval) == (found[0].effect, found[0].interval)
    assert lab.contrast(1).seed == lab.experiment_of(1).contrast.seed == 11


def test_an_effect_that_ended_its_experiment_is_said_to_be_too_large():
    design = {**DESIGN, "module": "todo", "stop_early": True}
    asked = of_treatment(tried(FAILING, todo=1, design=design, reason=EARLY))[0]
    assert "ended as soon as the evidence was enough" in asked.counter_evidence
    lab = tried(FAILING, todo=1, design=design, reason=EARLY)
    assert lab.experiment_of(1).stopped_because == EARLY
    assert lab.experiment_of(1).facts()["ended early"] == EARLY


def test_a_module_has_its_family_wise_p_and_its_tool_the_one_within():
    lab = tried(FAILING)
    (named,) = lab.contrast(1).named
    table = lab.charts.contrast_table(1)
    of_module = table.xs("todo", level="module")["p_adjusted"].min()
    assert named.p == of_module
    assert named.p_tool == table.loc["todo", "todo.create", "failures"]["p_within"]
    (finding,) = [each for each in of_treatment(lab) if "todo" in each.claim]
    assert finding.p == named.p
    assert finding.correction.startswith("of todo: Westfall-Young minP")
    within = f"todo.create within todo: {shown_p(named.p_tool)}"
    assert finding.correction.endswith(within)
    assert f"todo: {shown_p(named.p)} family-wise; todo.create: " in str(named)


def test_of_a_module_without_a_tool_the_module_alone_is_named():
    lab = tried("todo.create mood.log", todo=1, usual="todo.create mood.log")
    (named,) = lab.contrast(1).named
    assert (named.tool, named.p_tool, named.measure) == (None, None, "rating")
    assert str(named).endswith(f"todo: {shown_p(named.p)} family-wise)")
    finding = of_treatment(lab)[1]
    assert finding.claim.startswith("Under treatment todo differs by ")
    assert finding.correction.endswith("modules weigh the same")


def five(
    *,
    treated=1,
    days=24,
    people=PEOPLE[:5],
    usual=None,
    reason=EARLY,
    module="todo",
    more="",
    **design,
):
    """Five raters: too few for a test that flips their signs, enough for an e-process."""
    ticks = [
        lived(
            f"{module}.create {more}",
            person,
            number,
            more={"variant": arm},
            **{module: treated if arm == TREATMENT else usual or 4 + (number + place) % 2},
        )
        for place, person in enumerate(people)
        for number in range(days)
        for arm in [(CONTROL, TREATMENT, AGAIN, TREATMENT)[number % 4]]
    ]
    known = {**DESIGN, "module": module, "stop_early": True, **design}
    return lab_of(*ticks, design=known, reason=reason)


def test_a_trial_that_may_end_early_is_judged_by_its_evidence():
    lab = five()
    found = lab.experiment_of(1)
    assert found.effect.difference.p >= 1 / 16
    (asked,) = [each for each in of_treatment(lab) if each.kind == "confirmatory"]
    assert asked.p == found.evidence.p <= 0.05
    assert asked.correction == f"anytime-valid, of an e-process: e = {found.evidence.largest:.1f}"
    assert (asked.effect, asked.interval) == (
        found.effect.difference.effect,
        found.effect.difference.interval,
    )
    assert "rather too large, and its interval too short." in asked.counter_evidence
    assert value_of(asked.cell, lab) == asked.effect
    facts = found.facts()
    assert facts["asked beforehand"] == f"holds up at a level of 0.05: {found.answer.tested}"
    assert found.answer.tested == (
        f"e = {found.evidence.largest:.1f}, anytime-valid {shown_p(found.evidence.p)}"
    )
    assert "evidence" not in facts


def test_a_trial_of_a_fixed_length_is_judged_by_its_test():
    lab = five(stop_early=False, reason=None)
    assert not [each for each in of_treatment(lab) if each.kind == "confirmatory"]
    answer = lab.contrast(1).answer
    assert answer.p == answer.difference.p
    assert not answer.holds
    assert "; p = 0.062: that does not hold up at a level of 0.05; it went on to its end" in str(
        answer
    )


def test_no_other_p_stands_beside_the_verdict_than_the_one_that_it_rests_on():
    found = five(stop_early=False, reason=None).experiment_of(1)
    assert found.evidence.p <= 0.05 < found.answer.p
    facts = found.facts()
    assert facts["asked beforehand"] == "does not hold up at a level of 0.05: p = 0.062"
    assert repr(found).count("p = ") == found._repr_html_().count("p = ") == 1
    assert "e = " not in repr(found)


def test_an_answer_that_its_interval_alone_does_not_bear_says_so():
    answer = tried(FAILING, todo=1, design={**DESIGN, "module": "todo"}).contrast(1).answer
    wide = replace(answer.difference, interval=Interval(-1.0, 0.1))
    unsure = replace(answer, difference=wide)
    assert (answer.holds, answer.tested) == (True, shown_p(answer.p))
    assert not unsure.holds
    assert unsure.tested == f"{shown_p(answer.p)}, but its interval does not leave out 0"


def test_what_was_asked_is_answered_whether_or_not_it_holds_up():
    held, calm = five(), five(treated=4, days=8, reason=None)
    told = held.findings(1).asked
    assert told.startswith("Asked before the run: another against as it is: under treatment todo")
    for part in ("(-3.40 [", "5 personas); e = ", "anytime-valid p", "that holds up", EARLY):
        assert part in told
    assert str(held.findings(1)).startswith(told)
    quiet = calm.findings(1).asked
    for part in ("(-0.40 [", "; e = ", "that does not hold up at a level of 0.05", "its end"):
        assert part in quiet
    assert str(calm.findings(1)).startswith(f"{quiet}\nNothing holds up.")
    assert quiet in calm.findings(1)._repr_html_()
    for lab, said in ((held, told), (calm, quiet)):
        assert index(lab.findings(1)).startswith(f"<p>{escape(said)}</p>")
    assert lab_of(lived("todo.create", todo=3)).findings(1).asked == ""


def test_a_test_of_a_fixed_length_does_not_count_where_a_trial_may_end_early():
    lab = five(treated=3, usual=4, days=2, people=PEOPLE[:6], reason=None)
    answer = lab.contrast(1).answer
    assert answer.difference.p <= 0.05 < answer.evidence.p
    assert not [each for each in of_treatment(lab) if each.kind == "confirmatory"]
    assert "a test for a fixed number of ticks has p = 0.031; it does not count" in str(answer)
    assert lab.experiment_of(1).facts()["asked beforehand"].startswith("does not hold up")


def test_what_holds_up_is_no_nothing_in_the_title_of_its_chart_and_the_title_says_why():
    lab = five(treated=3, days=4)
    assert not lab.contrast(1).named
    chart = lab.charts.contrast(1)
    assert chart.finding == (
        "What was asked about todo holds up: under treatment it is rated 1.40 points lower "
        "(e = 36.9, valid at any time); nothing else does: 9 measures, 5 personas"
    )
    assert "what was asked rests on e, an e-process, not on these intervals" in chart.note
    assert str(lab.contrast(1)).startswith("under treatment todo is rated 1.40 points lower")


def test_the_title_of_a_chart_has_the_p_of_a_trial_of_a_fixed_length():
    ticks = [
        lived(
            "todo.create mood.log",
            person,
            number,
            more={"variant": arm},
            todo=1 if arm == TREATMENT else 4 + (number // 2 + place) % 2,
            mood=(2 + 2 * (place % 2)) if arm == TREATMENT else 3,
        )
        for place, person in enumerate(PEOPLE[:6])
        for number, arm in enumerate((CONTROL, TREATMENT, AGAIN, TREATMENT))
    ]
    lab = lab_of(*ticks, design={**DESIGN, "module": "todo"})
    found = lab.contrast(1)
    chart = lab.charts.contrast(1)
    assert not found.named
    assert "points lower (p = 0.031); nothing else does: " in chart.finding
    assert "e-process" not in chart.note


def test_the_longest_title_of_what_was_asked_has_two_lines():
    many = " ".join(f"m{number}.see" for number in range(30))
    lab = five(module="x" * 40, more=many, days=40, people=PEOPLE[:5])
    chart = lab.charts.contrast(1)
    assert f"What was asked about {'x' * 15}… holds up: " in chart.finding
    assert " (e > 999, valid at any time); nothing else does: 249 measures, " in chart.finding
    assert chart.get_suptitle().count("\n") == 1
    chart.draw_without_rendering()
    assert chart._suptitle.get_window_extent().x1 <= chart.get_size_inches()[0] * chart.dpi


def test_ratings_that_cannot_be_compared_are_said_to_be_so():
    lab = five(days=1)
    assert lab.findings(1).asked.endswith(
        "the ratings of todo cannot be compared: 'variant' has to have two values; it has: "
        "control; it ended early: " + EARLY + "."
    )


def test_the_evidence_counts_ticks_that_the_washout_leaves_out():
    assert five(washout=3).experiment_of(1).evidence == five().experiment_of(1).evidence


def test_each_has_the_noise_floor_of_what_it_is_about():
    lab = tried(FAILING, todo=1, design={**DESIGN, "module": "todo"})
    asked, failures = of_treatment(lab)[:2]
    assert asked.trust.noise.floor == lab.experiment_of(1).noise_floor
    assert " rating points (todo, blind A/A of 10 personas); " in str(asked)
    assert failures.trust.noise.unit == "in the share of calls that failed"
    assert failures.trust.noise.floor == lab.contrast(1).noise_of("todo.create", "failures")
    assert asked.trust.ratings == int((lab.feedback_df(1)["module"] == "todo").sum())


def test_an_effect_within_the_noise_floor_of_its_module_is_said_to_be_so():
    lab = wavering()
    (asked,) = [each for each in of_treatment(lab) if each.kind == "confirmatory"]
    floor = lab.experiment_of(1).noise_floor.mean
    assert lab.trust(1).noise.floor.mean < abs(asked.effect) < floor
    assert asked.counter_evidence.endswith(
        f"It is not larger than the noise floor of todo, {floor:.2f} rating points (blind A/A of "
        "10 personas): a difference of this size can come by chance where nothing was changed."
    )


def test_halves_that_hold_the_treatment_are_no_argument_against_its_effect():
    ticks = [
        lived("todo.create", person, number, more={"variant": arm}, todo=mark)
        for place, person in enumerate(PEOPLE)
        for number in range(12)
        for arm in [TREATMENT if number % 4 > 1 else CONTROL]
        for mark in [2 + (arm == TREATMENT) + 2 * ((number + place) % 2)]
    ]
    (asked,) = of_treatment(lab_of(*ticks, design={**DESIGN, "module": "todo"}))[:1]
    assert asked.trust.noise.source == "split halves"
    assert asked.effect == 1 < asked.trust.noise.floor.mean
    assert asked.counter_evidence == "None of 10 personas speaks against it."


def test_where_nothing_changed_it_is_said_what_was_looked_at():
    lab = tried("todo.create mood.log")
    assert of_treatment(lab) == []
    remark = {each.family: each.remark for each in lab.findings(1).looked}[FAMILY]
    assert remark.startswith("another against as it is: the ratings of all modules together")
    assert remark.endswith("0 modules changed")


@pytest.mark.parametrize("people", [PEOPLE[:1], PEOPLE[:2]])
def test_of_too_few_personas_nothing_is_claimed(people):
    assert of_treatment(tried(FAILING, todo=1, people=people)) == []
