"""What a treatment changed, as findings."""

import pytest
from cells_house import value_of
from tried_house import DESIGN, PEOPLE, tried

from mana_lab.analysis.findings.varied import FAMILY

FAILING = "todo.create! mood.log"
EARLY = "the evidence is enough: e = 31.2 (p = 0.0321) after 40 ratings of 10 personas"


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


def test_where_nothing_changed_it_is_said_what_was_looked_at():
    lab = tried("todo.create mood.log")
    assert of_treatment(lab) == []
    remark = {each.family: each.remark for each in lab.findings(1).looked}[FAMILY]
    assert remark.startswith("another against as it is: the ratings of all modules together")
    assert remark.endswith("0 modules changed")


@pytest.mark.parametrize("people", [PEOPLE[:1], PEOPLE[:2]])
def test_of_too_few_personas_nothing_is_claimed(people):
    assert of_treatment(tried(FAILING, todo=1, people=people)) == []
