import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mana_lab.analysis.statistics import cliffs_delta, friedman, probability_better
from mana_lab.errors import InvalidInputError

# Ways of rounding first base, in seconds: Hollander and Wolfe (1973), Nonparametric Statistical
# Methods, p. 140; the documentation of R's friedman.test has chi-squared 11.143, df 2, p 0.003805.
BASE = """
5.40 5.50 5.55  5.85 5.70 5.75  5.20 5.60 5.50  5.55 5.50 5.40  5.90 5.85 5.70  5.45 5.55 5.60
5.40 5.40 5.35  5.45 5.50 5.35  5.25 5.15 5.00  5.85 5.80 5.70  5.25 5.20 5.10  5.65 5.55 5.45
5.60 5.35 5.45  5.05 5.00 4.95  5.50 5.50 5.40  5.45 5.55 5.50  5.55 5.55 5.35  5.45 5.50 5.55
5.50 5.45 5.25  5.65 5.60 5.40  5.70 5.65 5.55  6.30 6.30 6.25
"""
TABLE = np.array(BASE.split(), dtype=float).reshape(22, 3)


def test_friedmans_test_is_that_of_a_published_example():
    found = friedman(TABLE)
    assert (found.df, found.n_personas) == (2, 22)
    assert found.chi2 == pytest.approx(11.143, abs=5e-4)
    assert found.p == pytest.approx(0.003805, abs=5e-7)
    assert found.w == pytest.approx(11.143 / 44, abs=1e-4)


def test_personas_without_a_condition_are_left_out():
    holed = np.vstack([TABLE, [[1.0, np.nan, 9.0]]])
    assert friedman(holed) == friedman(TABLE)


def test_full_agreement_is_a_w_of_one_and_none_is_zero():
    assert friedman([[1, 2, 3, 4]] * 5).w == pytest.approx(1)
    assert friedman([[1, 2, 3], [2, 3, 1], [3, 1, 2]]).w == pytest.approx(0)


def test_personas_who_prefer_nothing_find_nothing():
    found = friedman([[3, 3, 3], [5, 5, 5]])
    assert (found.chi2, found.p, found.w) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("table", [[[1, 2], [2, 1]], [[1, 2, 3]], [1, 2, 3], [[np.nan] * 3] * 4])
def test_too_little_for_friedmans_test_is_refused(table):
    with pytest.raises(InvalidInputError):
        friedman(table)


def test_cliffs_delta_is_that_of_a_published_example():
    # The documentation of cliff.delta in the R package effsize: "delta estimate: -0.25 (small)".
    treatment, control = [10, 10, 20, 20, 20, 30, 30, 30, 40, 50], [10, 20, 30, 40, 40, 50]
    assert cliffs_delta(control, treatment) == pytest.approx(-0.25)


NUMBERS = st.lists(st.integers(1, 5), min_size=1, max_size=12)


@given(NUMBERS, NUMBERS)
def test_cliffs_delta_counts_pairs(first, second):
    pairs = [np.sign(b - a) for a in first for b in second]
    assert cliffs_delta(first, second) == pytest.approx(np.mean(pairs), abs=1e-12)


@pytest.mark.parametrize("lists", [([], [1]), ([1], []), ([1.0, np.nan], [1])])
def test_cliffs_delta_needs_numbers(lists):
    with pytest.raises(InvalidInputError):
        cliffs_delta(*lists)


def test_ties_count_half_of_better():
    assert probability_better([1, 2, -1, 0]) == 0.625
    with pytest.raises(InvalidInputError):
        probability_better([])
