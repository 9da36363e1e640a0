import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mana_lab.analysis.statistics.permutation import label_permutation, sign_flip
from mana_lab.errors import InvalidInputError

# Darwin's maize, crossed less self-fertilised, in eighths of an inch: Fisher (1935), The Design of
# Experiments, section 21, where 1,726 of the 32,768 patterns of signs are as extreme.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_the_signs_of_darwins_maize_are_counted_as_fisher_did():
    assert sign_flip(MAIZE, seed=1) == 1726 / 32768
    assert sign_flip(MAIZE, seed=1, alternative="greater") == 863 / 32768
    assert sign_flip(MAIZE, seed=1, alternative="less") == pytest.approx(1 - 863 / 32768, abs=0.002)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_all_patterns_of_signs_are_those_of_scipy(alternative):
    values = np.random.default_rng(4).normal(0.4, 1, 9)
    found = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", alternative=alternative, n_resamples=np.inf
    )
    assert sign_flip(values, seed=1, alternative=alternative) == pytest.approx(found.pvalue)


def test_many_personas_are_sampled_near_the_exact_value():
    values = np.random.default_rng(5).normal(0.35, 1, 30)
    found = sign_flip(values, seed=1, resamples=20_000)
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)
    assert found == sign_flip(values, seed=1, resamples=20_000)
    assert found != sign_flip(values, seed=2, resamples=20_000)


def test_a_sampled_p_value_does_not_depend_on_the_order_of_personas():
    values = np.random.default_rng(3).normal(0.3, 1, 30)
    assert sign_flip(values, seed=1) == sign_flip(values[::-1], seed=1)


def test_a_sampled_p_value_is_never_zero():
    assert sign_flip(np.ones(40), seed=1, resamples=99) == 0.01


def test_personas_who_see_no_difference_leave_the_p_value_as_it_is():
    assert sign_flip([*MAIZE, 0, 0, 0, 0, 0], seed=1) == 1726 / 32768
    assert sign_flip([0, 0, 0], seed=1) == 1.0


def test_equal_differences_count_in_spite_of_rounding():
    assert sign_flip([0.1, 0.2, 0.3], seed=1) == 0.25
    assert sign_flip([0.1] * 6, seed=1) == 2 / 64


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=10))
def test_a_p_value_is_one_of_the_possible_ones_and_symmetric(values):
    p = sign_flip(values, seed=1)
    assert 0 < p <= 1
    assert p == sign_flip([-value for value in values], seed=1)
    up, down = (sign_flip(values, seed=1, alternative=side) for side in ("greater", "less"))
    assert up + down >= 1
    assert p == pytest.approx(min(1.0, 2 * min(up, down)))


@pytest.mark.parametrize("values", [[], [np.nan, 1.0], [np.inf], [[1.0, 2.0]]])
def test_differences_have_to_be_finite(values):
    with pytest.raises(InvalidInputError, match="finite"):
        sign_flip(values, seed=1)


def test_labels_of_few_personas_are_all_counted():
    assert label_permutation([1, 2, 3], [4, 5, 6], seed=1) == pytest.approx(2 / 20)
    assert label_permutation([1, 2, 3], [4, 5, 6], seed=1, alternative="greater") == 1 / 20
    assert label_permutation([1, 2, 3], [4, 5, 6], seed=1, alternative="less") == 1.0


@pytest.mark.parametrize("groups", [([1], [2, 3]), ([1, 2], []), ([1, np.nan], [1, 2])])
def test_a_group_needs_two_personas(groups):
    with pytest.raises(InvalidInputError):
        label_permutation(*groups, seed=1)
