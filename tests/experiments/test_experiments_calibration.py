"""Calibrated raters, of labs of short texts."""

from dataclasses import replace

import pandas as pd
import pytest
from living_house import lab_of, lived

from mana_lab.analysis.contrast import Varied
from mana_lab.errors import InvalidInputError, NotFoundError
from mana_lab.experiments import calibrated
from mana_lab.experiments.design import Dose

DESIGN = {"kind": "dose", "rates": [0.5, 1.0], "seed": 7}
NAMES = ("whole", "failing 0.5", "whole", "failing 1")


def honest(place, number, dose):
    return 4 + ((number + place) % 3 == 0) - round(3 * dose)


def polite(_place, _number, _dose):
    return 4


def calibrated_lab(rates, *, design=DESIGN, ticks=24, others=(), **more):
    """Return a lab in which somebody's todo fails by the dose, and they rate as *rates* says."""
    doses = Dose((0.5, 1.0)).doses()
    lives = list(others)
    for place, (person, rate) in enumerate(rates.items()):
        for number in range(1, ticks + 1):
            name = NAMES[number % 4]
            failed = "todo.create!" if doses[name] else "todo.create"
            rating = rate(place, number // 4, doses[name])
            lives.append(lived(failed, person, number, more={"variant": name}, todo=rating))
    return lab_of(*lives, design=design, **more)


def test_who_notices_and_who_does_not():
    found = calibrated_lab({"Ada": honest, "Ben": honest, "Cleo": polite}).calibration_of(1)
    table = found.raters.set_index("persona")
    assert (table.loc[["Ada", "Ben"], "low"] > 1).all()
    assert (table.loc[["Ada", "Ben"], "slope"] < -2).all()
    assert table.loc["Cleo", "d_prime"] == pytest.approx(0, abs=0.5)
    assert table["whole"].tolist() == table["broken"].tolist() == [12, 12, 12]
    assert found.flagged["persona"].tolist() == ["Cleo"]
    assert found.unjudged.empty
    assert "judged" not in repr(found)
    assert found.dose_response.effect < 0


def test_two_raters_of_one_name_are_two():
    lab = calibrated_lab({"Ada": honest, "Ben": polite})
    varied = Varied.of(lab.warehouse, 1)
    alike = replace(varied, ratings=varied.ratings.assign(persona="Ada"))
    raters = calibrated(alike, lab.personas_df()).raters
    assert raters["email"].tolist() == ["ada@mana.test", "ben@mana.test"]
    assert raters["low"].gt(1).tolist() == [True, False]


def test_who_cannot_be_judged_is_shown_with_the_reason():
    def tick(text, person, number, name, **ratings):
        return lived(text, person, number, more={"variant": name}, **ratings)

    others = [
        *(tick("todo.create", "Dora", n, "whole", todo=4) for n in (1, 2)),
        tick("todo.create!", "Emil", 1, "failing 1", todo=2),
        tick("todo.create", "Finn", 1, "whole"),
        tick("todo.create!", "Finn", 2, "failing 1"),
        tick("notes.create", "Gina", 1, "whole", notes=4),
    ]
    found = calibrated_lab(
        {"Ada": honest, "Ben": polite}, others=others, mixes={"Gina": {"habits": 1.0}}
    ).calibration_of(1)
    table = found.raters.set_index("persona")
    assert table["reason"].to_dict() == {
        "Ada": "",
        "Ben": "",
        "Dora": "rated todo only whole",
        "Emil": "rated todo only broken",
        "Finn": "never rated todo",
        "Gina": "wants no module that was used",
    }
    assert found.unjudged["persona"].tolist() == ["Dora", "Emil", "Finn", "Gina"]
    assert found.unjudged[["d_prime", "low", "high", "slope"]].isna().all(axis=None)
    assert table[["whole", "broken"]].astype(int).to_numpy()[2:].tolist() == [
        [2, 0],
        [0, 1],
        [0, 0],
        [0, 0],
    ]
    assert table["ratings"].astype(int).tolist() == [24, 24, 2, 1, 0, 1]
    assert table.loc["Finn", "constant"] is pd.NA
    assert "6 raters" in repr(found)
    assert "4 cannot be judged" in repr(found)
    assert "4 cannot be judged" in found._repr_html_()
    assert "never rated todo" in found._repr_html_()


def test_where_nobody_rated_both_ways_nobody_can_be_told():
    with pytest.raises(InvalidInputError, match="nobody rated their module whole and broken"):
        calibrated_lab({"Ada": honest, "Ben": polite}, ticks=1).calibration_of(1)
    silent = [lived("todo.create", number=n, more={"variant": NAMES[n]}) for n in (1, 2)]
    with pytest.raises(InvalidInputError, match="nobody rated their module whole and broken"):
        calibrated_lab({}, others=silent).calibration_of(1)
    with pytest.raises(NotFoundError, match="has no run 1"):
        calibrated_lab({}).calibration_of(1)


def test_a_run_that_calibrated_nobody_is_refused():
    lab = calibrated_lab({"Ada": honest}, design={"kind": "planted", "fault": "x", "ticks": None})
    with pytest.raises(InvalidInputError, match="run 1 was no calibration but 'planted'"):
        lab.calibration_of(1)
    plain = calibrated_lab({"Ada": honest}, design=None)
    with pytest.raises(InvalidInputError, match="did not vary the app"):
        plain.calibration_of(1)
