"""Which run would be able to show something: what is advised, and whether it is true."""

import numpy as np
import pandas as pd
import pytest
from findings_house import PEOPLE, quiet_lab
from living_house import lab_of, lived

from mana_lab.analysis.findings.advice import REACTION, typical_module
from mana_lab.analysis.statistics import compare_paired, minimum_detectable_effect

TICKS, MODULES = 14, ("calendar", "notes", "todo")


def lives(rng, *, personas, used, effect=0.0):
    """Return ratings of three modules, each in a share of the ticks, with a coin for every tick.

    What is treated is rated higher by *effect*, by some more and by others less.
    """
    usual = 3 - effect / 2 + rng.normal(0, 0.4, (personas, 1, 1))
    reaction = (effect + rng.normal(0, REACTION, (personas, 1, 1))) if effect else 0.0
    treated = np.broadcast_to(rng.random((personas, TICKS, 1)) < 0.5, (personas, TICKS, 3))
    level = usual + reaction * treated + rng.normal(0, 0.7, treated.shape)
    person, tick, module = np.nonzero(rng.random(treated.shape) < used)
    marks = np.floor(level + rng.random(level.shape)).clip(1, 5)
    return pd.DataFrame(
        {
            "email": person,
            "tick_id": person * TICKS + tick,
            "module": np.array(MODULES)[module],
            "brain": "model",
            "rating": marks[person, tick, module],
            "treated": treated[person, tick, module],
        }
    )


def finds(rows, rng):
    """Return whether an effect on a module holds up, as the answer of a trial has it."""
    own = rows[rows["module"] == "calendar"]
    means = own.groupby(["email", "treated"])["rating"].mean().unstack().dropna()
    test = compare_paired(means[False], means[True], personas=means.index.to_numpy(), seed=rng)
    return test.p <= 0.05 and test.interval is not None and 0 not in test.interval


@pytest.mark.slow
@pytest.mark.parametrize(("personas", "used"), [(10, 0.5), (10, 0.9), (20, 0.3), (7, 0.8)])
def test_an_experiment_finds_what_is_advised_in_four_of_five_cases(personas, used):
    rng = np.random.default_rng(31)
    found = []
    for _ in range(40):
        typical = typical_module(lives(rng, personas=personas, used=used))
        effect = minimum_detectable_effect(typical.plan)
        found += [
            finds(lives(rng, personas=personas, used=used, effect=effect), rng) for _ in range(20)
        ]
    assert 0.7 <= np.mean(found) <= 0.9


def test_the_advice_is_of_one_module_and_says_what_it_takes_for_granted():
    told = quiet_lab(5).findings(1).advice
    assert "finds a difference of 0." in told
    assert "said of mood, which is rated as often as is typical here (10 personas, about 12" in told
    assert "a coin for every tick, an experiment that does not end early" in told
    assert "differ by a standard deviation of 0.3 points, which is assumed" in told


def test_the_typical_module_is_the_one_in_the_middle_and_its_ticks_are_counted():
    ticks = [
        lived("a.see b.see c.see", name, day, **marks)
        for name in PEOPLE
        for day in range(1, 13)
        for marks in [
            {"a": 3 + day % 2}
            | ({"b": 2 + day % 3} if day % 2 else {})
            | ({"c": 4} if day == 1 else {})
            | ({"d": 4 - day % 2} if day < 4 else {})
        ]
    ]
    typical = typical_module(lab_of(*ticks).ratings_in_context(1))
    assert (typical.module, typical.ticks) == ("b", (6,) * 10)
    assert typical.needed(0.3) > 10


def test_a_run_of_fewer_personas_than_a_test_takes_is_said_to_be_too_small():
    ticks = [lived("a.see", name, day, a=3 + day % 2) for name in PEOPLE[:5] for day in range(12)]
    told = lab_of(*ticks).findings(1).advice
    assert told.startswith("A run like this one is too small for an experiment about one module")
    assert "at least 6 personas who rate it under both variants: of a, which" in told
