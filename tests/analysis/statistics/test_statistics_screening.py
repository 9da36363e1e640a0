"""Screening many measures at once: what is found, what is not, and how often by mistake."""

from itertools import product

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
    row = screen(gaps, ["m"], seed=2).table.loc["m"]
    assert row["p"] == row["p_within"] == row["p_adjusted"] == 2 / 2**6


@pytest.mark.parametrize("personas", [6, 8, 10, 14])
def test_of_few_personas_all_patterns_are_counted_so_that_no_seed_matters(personas):
    gaps = noise(np.random.default_rng(personas), personas) + 0.7
    first, *others = (screen(gaps, GROUPS, seed=seed).table for seed in (1, 2, 3))
    for other in others:
        pd.testing.assert_frame_equal(first, other, check_exact=True)
    whole = first[["p", "p_within", "p_adjusted"]] * 2 ** (personas - 1)
    np.testing.assert_allclose(whole, whole.round(), atol=1e-6)


def by_brute_force(gaps, groups):
    """Return the adjusted p-values by their definition, pattern by pattern."""
    table = gaps.fillna(0).to_numpy()
    signs = np.array(list(product([1, -1], repeat=len(table))))
    sums = np.abs(signs @ table)
    most = gaps.notna().sum().to_numpy() * (table**2).sum(axis=0)
    alike = (sums**2 / most).round(9)
    n = len(signs)

    def at_most(keys, limit):
        return sum(key <= limit for key in keys)

    counts = (sums[:, None, :] >= sums[None, :, :] - 1e-9).sum(axis=0)
    keys = [[(counts[s, m], -alike[s, m]) for m in range(len(groups))] for s in range(n)]
    best = {g: [min(k for k, of in zip(row, groups, strict=True) if of == g) for row in keys]
            for g in groups}  # fmt: skip
    within = [at_most(best[of], keys[0][m]) for m, of in enumerate(groups)]
    ranked = {g: [(at_most(of, key), key[1]) for key in of] for g, of in best.items()}
    overall = [min(ranked[g][s] for g in best) for s in range(n)]
    adjusted = [at_most(overall, (within[m], keys[0][m][1])) for m in range(len(groups))]
    return np.array([within, np.maximum(adjusted, within)]) / n


@pytest.mark.parametrize("digits", [9, 0], ids=["measured", "counted"])
def test_the_adjusted_values_are_those_of_a_count_by_hand(digits):
    gaps = (noise(np.random.default_rng(7), 7) + 0.8).round(digits)
    gaps.iloc[2, 1] = gaps.iloc[5, 4] = np.nan
    table = screen(gaps, GROUPS, seed=1).table
    found = table[["p_within", "p_adjusted"]].to_numpy().T
    np.testing.assert_allclose(found, by_brute_force(gaps, GROUPS), rtol=1e-9)


def test_ten_personas_can_show_what_changed_among_all_measures_of_an_app():
    random = np.random.default_rng(8)
    gaps = pd.DataFrame(random.normal(size=(10, 182)))
    gaps[0] = 1 + gaps[0] / 10
    table = screen(gaps, [f"module {n % 14}" for n in range(182)], seed=1).table
    assert table.loc[0, "p_adjusted"] == 2 / 2**10
    assert (table.drop(0)["p_adjusted"] > 0.05).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_pattern_that_is_drawn_twice_counts_once(seed):
    random = np.random.default_rng(9)
    gaps = pd.DataFrame(random.normal(size=(16, 60)))
    gaps[0] = 1 + gaps[0] / 10
    table = screen(gaps, [f"module {n % 6}" for n in range(60)], seed=seed).table
    assert table.loc[0, "p_adjusted"] < 0.0002


def test_personas_who_never_differ_add_no_patterns():
    gaps = pd.DataFrame({"m": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, *[0.0] * 20]})
    assert screen(gaps, ["m"], seed=2).table.loc["m", "p_adjusted"] == 2 / 2**6


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
@pytest.mark.parametrize("personas", [8, 10, 17])
@pytest.mark.parametrize("digits", [9, 0], ids=["measured", "counted"])
def test_the_family_wise_error_is_held_also_of_measures_that_go_together(personas, digits):
    random, alarms, trials = np.random.default_rng(5), 0, 400
    for _ in range(trials):
        shared = random.normal(size=(personas, 1))
        gaps = (noise(random, personas) + 1.5 * shared).round(digits)
        gaps = gaps.where(gaps.abs() <= 2.5).mask(random.random(gaps.shape) < 0.2)
        table = screen(gaps, GROUPS, seed=random, patterns=999).table
        alarms += bool((table["p_adjusted"] <= 0.05).any())
    assert 0.01 < alarms / trials < 0.085  # 5 %, with three standard errors


@pytest.mark.slow
@pytest.mark.parametrize("personas", [8, 10])
def test_the_family_wise_error_is_held_of_many_measures_of_few_personas(personas):
    random, alarms, trials = np.random.default_rng(6), 0, 400
    groups = [f"module {n % 14}" for n in range(182)]
    for _ in range(trials):
        gaps = pd.DataFrame(random.normal(size=(personas, 182)))
        alarms += bool((screen(gaps, groups, seed=1).table["p_adjusted"] <= 0.05).any())
    assert 0.01 < alarms / trials < 0.085


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
