"""What a treatment changed, as findings."""

import pytest
from cells_house import value_of
from living_house import lab_of, lived
from tried_house import DESIGN, PEOPLE, tried

from mana_lab.analysis.contrast import AGAIN, CONTROL, TREATMENT
from mana_lab.analysis.findings.varied import FAMILY

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
    assert others[0].claim.startswith("Under treatment todo.create differs by 1.00 in the share")
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


def test_each_has_the_noise_floor_of_what_it_is_about():
    lab = tried(FAILING, todo=1, design={**DESIGN, "module": "todo"})
    asked, failures = of_treatment(lab)[:2]
    assert asked.trust.noise.floor == lab.experiment_of(1).noise_floor
    assert " rating points (todo, blind A/A); " in str(asked)
    assert failures.trust.noise.unit == "in the share of calls that failed"
    assert failures.trust.noise.floor == lab.contrast(1).noise_of("todo.create", "failures")
    assert asked.trust.ratings == int((lab.feedback_df(1)["module"] == "todo").sum())


def test_an_effect_within_the_noise_floor_of_its_module_is_said_to_be_so():
    lab = wavering()
    (asked,) = [each for each in of_treatment(lab) if each.kind == "confirmatory"]
    floor = lab.experiment_of(1).noise_floor.mean
    assert lab.trust(1).noise.floor.mean < abs(asked.effect) < floor
    assert asked.counter_evidence.endswith(
        f"It is not larger than the noise floor of todo, {floor:.2f} rating points (blind A/A): "
        "parts of the run in which nothing was changed differ by as much."
    )


def test_where_nothing_changed_it_is_said_what_was_looked_at():
    lab = tried("todo.create mood.log")
    assert of_treatment(lab) == []
    remark = {each.family: each.remark for each in lab.findings(1).looked}[FAMILY]
    assert remark.startswith("another against as it is: the ratings of all modules together")
    assert remark.endswith("0 modules changed")


@pytest.mark.parametrize("people", [PEOPLE[:1], PEOPLE[:2]])
def test_of_too_few_personas_nothing_is_claimed(people):
    assert of_treatment(tried(FAILING, todo=1, people=people)) == []
