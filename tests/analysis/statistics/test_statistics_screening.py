"""Screening many measures at once: what is found, what is not, and how often by mistake."""

import numpy as np
import pandas as pd
import pytest

from mana_lab.analysis.statistics.screening import screen
from mana_lab.errors import InvalidInputError

GROUPS = ["a", "a", "a", "b", "b", "c"]


def noise(random, personas=20):
    return pd.DataFrame(random.normal(size=(personas, len(GROUPS))), columns=list("uvwxyz"))


def test_what_really_differs_is_found_and_nothing_else():
    gaps = noise(np.random.default_rng(1))
    gaps["x"] += 2
    table = screen(gaps, GROUPS, seed=1).table
    assert table.loc["x", "p_adjusted"] < 0.01
    assert (table.drop("x")["p_adjusted"] > 0.05).all()
    assert (table["p"] <= table["p_within"] + 1e-9).all()
    assert (table["p_within"] <= table["p_adjusted"] + 1e-9).all()


def test_one_measure_is_the_exact_sign_flip_test():
    gaps = pd.DataFrame({"m": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    row = screen(gaps, ["m"], seed=2, patterns=60_000).table.loc["m"]
    assert row["p"] == pytest.approx(2 / 2**6, abs=0.003)
    assert row["p_adjusted"] == pytest.approx(row["p"])


def test_missing_values_are_no_differences_and_constants_say_nothing():
    gaps = pd.DataFrame(
        {"u": [1.0, np.nan, 1.0, np.nan], "v": [0.0] * 4, "w": [np.nan] * 4}, index=list("abcd")
    )
    table = screen(gaps, ["g", "g", "g"], seed=3).table
    assert list(table["personas"]) == [2, 4, 0]
    assert table.loc["v", "p"] == 1
    assert table.loc["w", "p"] == 1
    assert np.isnan(table.loc["w", "mean"])
    assert table.loc["u", "clarity"] == 100  # both are alike


def test_it_does_not_matter_what_personas_are_called():
    gaps = noise(np.random.default_rng(5))
    gaps.iloc[::3, 1] = np.nan
    again = screen(gaps.sample(frac=1, random_state=1), GROUPS, seed=4).table
    pd.testing.assert_frame_equal(screen(gaps, GROUPS, seed=4).table, again)


def test_the_same_seed_says_the_same():
    gaps = noise(np.random.default_rng(4))
    first, second = (screen(gaps, GROUPS, seed=4).table for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    ("gaps", "groups"),
    [
        (pd.DataFrame({"u": [1.0]}), ["a"]),
        (pd.DataFrame(index=[1, 2]), []),
        (pd.DataFrame({"u": [1.0, np.inf]}), ["a"]),
        (pd.DataFrame({"u": [1.0, 2.0]}), []),
    ],
    ids=["one persona", "no measure", "infinite", "no group"],
)
def test_what_cannot_be_screened_is_refused(gaps, groups):
    with pytest.raises(InvalidInputError):
        screen(gaps, groups, seed=0)


@pytest.mark.slow
def test_the_family_wise_error_is_held_also_of_measures_that_go_together():
    random, alarms, trials = np.random.default_rng(5), 0, 400
    for _ in range(trials):
        shared = random.normal(size=(17, 1))
        gaps = noise(random, 17) + 1.5 * shared
        gaps[gaps > 2.5] = np.nan
        gaps = gaps.mask(random.random(gaps.shape) < 0.2)
        table = screen(gaps, GROUPS, seed=random, patterns=999).table
        alarms += bool((table["p_adjusted"] <= 0.05).any())
    assert 0.01 < alarms / trials < 0.085  # 5 %, with three standard errors


@pytest.mark.slow
def test_more_is_found_than_by_holm_where_measures_go_together():
    random, found, by_holm, trials = np.random.default_rng(6), 0, 0, 200
    from mana_lab.analysis.statistics import holm

    for _ in range(trials):
        shared = random.normal(size=(17, 1))
        gaps = pd.DataFrame(0.4 * random.normal(size=(17, 6)) + shared + 0.62)
        table = screen(gaps, list("abcdef"), seed=random, patterns=999).table
        found += bool((table["p_adjusted"] <= 0.05).any())
        by_holm += bool((holm(table["p"]) <= 0.05).any())
    assert found > by_holm
