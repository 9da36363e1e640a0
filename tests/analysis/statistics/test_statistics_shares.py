import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm, t

from mana_lab.analysis.statistics import clustered_share
from mana_lab.analysis.statistics.reliability import intraclass_correlation
from mana_lab.errors import InvalidInputError


@pytest.mark.parametrize(("hits", "n"), [(0, 8), (3, 8), (8, 8), (17, 40)])
def test_one_call_of_each_persona_gives_the_interval_of_wilson(hits, n):
    found = clustered_share([True] * hits + [False] * (n - hits), range(n))
    known = binomtest(hits, n).proportion_ci(method="wilson")
    assert (found.interval.low, found.interval.high) == pytest.approx((known.low, known.high))
    assert (found.share, found.hits, found.effective_n) == (hits / n, hits, n)


def test_calls_of_one_persona_tell_nothing_of_others():
    found = clustered_share([True] * 50, ["anna"] * 50)
    assert (found.share, found.interval.low, found.interval.high) == (1.0, 0.0, 1.0)
    assert found.p(0.5) == 1.0


def test_calls_that_are_alike_within_personas_are_worth_few():
    hits = [True] * 30 + [False] * 30
    owners = [name for name in "abcdef" for _ in range(10)]
    found = clustered_share(hits, owners)
    few = (t.isf(0.025, 59) / t.isf(0.025, 5)) ** 2
    assert intraclass_correlation(hits, owners).icc == 1.0
    assert found.effective_n == pytest.approx(6 * few)
    assert found.interval.low < 0.2


def test_where_all_calls_are_alike_each_persona_counts_once():
    found = clustered_share([True] * 60, [name for name in "abcdef" for _ in range(10)])
    assert found.effective_n < 6
    assert found.interval.high == 1.0
    assert found.interval.low < 0.6


def test_the_test_says_what_the_interval_says():
    rng = np.random.default_rng(3)
    owners = np.repeat(np.arange(8), 6)
    for share in (0.2, 0.5, 0.7):
        found = clustered_share(rng.random(48) < share, owners)
        for edge in (found.interval.low, found.interval.high):
            assert found.p(edge) == pytest.approx(0.05, abs=1e-9)
    gap = abs(found.share - 0.5) * math.sqrt(found.effective_n) / 0.5
    assert found.p(0.5) == pytest.approx(2 * norm.sf(gap))


@pytest.mark.parametrize("personas", [5, 10, 40])
def test_it_holds_the_true_share_as_often_as_it_says_although_calls_are_clustered(personas):
    rng = np.random.default_rng(personas)
    owners = np.repeat(np.arange(personas), 8)
    held = 0
    for _ in range(400):
        own = rng.beta(1.5, 3.5, personas)  # an ICC of 1/6
        held += 0.3 in clustered_share(rng.random(len(owners)) < own[owners], owners).interval
    assert held >= 400 * 0.92


@pytest.mark.parametrize(
    ("hits", "owners", "level"),
    [([True], [1, 2], 0.95), ([], [], 0.95), ([[True]], [[1]], 0.95), ([True], [1], 1.0)],
)
def test_what_makes_no_share_is_refused(hits, owners, level):
    with pytest.raises(InvalidInputError):
        clustered_share(hits, owners, level=level)


@pytest.mark.parametrize(("hits", "n"), [(0, 8), (2, 8), (4, 4), (17, 40), (40, 40)])
@pytest.mark.parametrize("reference", [0.05, 0.5, 0.9])
def test_one_call_of_each_persona_gives_the_exact_test_of_the_binomial(hits, n, reference):
    found = clustered_share([True] * hits + [False] * (n - hits), range(n))
    sides = [binomtest(hits, n, reference, side).pvalue for side in ("less", "greater")]
    assert found.exact_p(reference) == pytest.approx(min(1, 2 * min(sides)))


def test_the_exact_test_rejects_no_more_often_than_it_says_where_the_other_does():
    chances = [binomtest(hits, 8, 0.05).pvalue for hits in range(9)]
    assert chances[2] > 0.05
    two = clustered_share([True] * 2 + [False] * 6, range(8))
    assert two.p(0.05) < 0.01
    assert two.exact_p(0.05) > 0.1


def test_calls_of_one_persona_are_no_exact_test_of_others():
    assert clustered_share([True] * 50, ["anna"] * 50).exact_p(0.5) == 1.0


@pytest.mark.parametrize("reference", [0, 1, -0.1, math.nan])
@pytest.mark.parametrize("test", ["p", "exact_p"])
def test_a_reference_that_is_certain_is_refused(reference, test):
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        getattr(clustered_share([True, False], [1, 2]), test)(reference)
