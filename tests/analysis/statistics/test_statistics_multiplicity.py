import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mana_lab.analysis.statistics import benjamini_hochberg, holm
from mana_lab.errors import InvalidInputError

# The fifteen tests of Benjamini and Hochberg (1995), section 4.2, who find four at 5 %, where
# Bonferroni finds three. The adjusted values are those of statsmodels 0.15.0, multipletests.
P = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
P += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
HOLM = [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213, 1, 1, 1, 1, 1, 1]
Q = [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714285714286, 0.06385714285714286, 0.0645]
Q += [0.0765, 0.486, 0.5811818181818182, 0.714875, 0.7532307692307693, 0.8132142857142857, 1]


def test_the_published_example_gives_its_findings():
    found = benjamini_hochberg(P)
    assert found.q == pytest.approx(Q)
    assert found.found.tolist() == [True] * 4 + [False] * 11
    assert repr(found) == "<4 of 15 tests at a rate of 0.05>"
    assert holm(P) == pytest.approx(HOLM)


def test_the_order_of_the_tests_does_not_matter():
    order = np.random.default_rng(1).permutation(15)
    assert holm(np.array(P)[order]) == pytest.approx(np.array(HOLM)[order])
    assert benjamini_hochberg(np.array(P)[order]).q == pytest.approx(np.array(Q)[order])


def test_a_test_that_was_not_made_does_not_count():
    assert holm([0.01, np.nan, 0.04]) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    found = benjamini_hochberg([0.01, np.nan, 0.04])
    assert found.q == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert (found.n_tests, found.found.tolist()) == (2, [True, False, True])


def test_no_test_finds_nothing():
    assert holm([]).size == 0
    assert benjamini_hochberg([]).n_tests == 0


@pytest.mark.parametrize("p", [[1.01], [-0.1, 0.5], [[0.1, 0.2]], [np.inf]])
def test_what_is_no_p_value_is_refused(p):
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(InvalidInputError):
            adjust(p)


@pytest.mark.parametrize("rate", [0, 1, -1, 5])
def test_a_rate_lies_between_0_and_1(rate):
    with pytest.raises(InvalidInputError, match="rate"):
        benjamini_hochberg([0.1], rate=rate)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusted_values_are_ordered_as_p_and_never_below(p):
    strict, screened = holm(p), benjamini_hochberg(p).q
    order = np.argsort(p, kind="stable")
    assert (strict >= screened - 1e-12).all()
    assert (screened >= np.array(p) - 1e-12).all()
    for adjusted in (strict, screened):
        assert (np.diff(adjusted[order]) >= -1e-12).all()
        assert adjusted.max() <= 1
