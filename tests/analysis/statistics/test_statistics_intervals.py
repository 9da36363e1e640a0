import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from rows_house import rows_of
from scipy import stats

from mana_lab.analysis.statistics import Interval, mean_ratings
from mana_lab.analysis.statistics.intervals import bootstrap_interval, t_interval
from mana_lab.errors import InvalidInputError

# Survival of the mice of the control group: Efron and Tibshirani (1993), An Introduction to the
# Bootstrap, p. 162, who come to (35.8, 116.7) at 90 % with 1,000 draws.
MICE = [52, 104, 146, 10, 51, 30, 40, 27, 46]


def test_the_studentised_interval_is_near_a_published_one():
    found = bootstrap_interval(MICE, seed=1, level=0.9)
    assert (found.low, found.high) == pytest.approx((35.8, 116.7), rel=0.03)
    assert (found.level, found.method) == (0.9, "studentised bootstrap")


def test_the_studentised_interval_is_that_of_all_draws():
    values = np.array([1.0, 2.0, 2.5, 3.5, 4.0, 4.5])
    draws = np.array(list(product(values, repeat=6)))
    spread = draws.std(axis=1, ddof=1) / np.sqrt(6)
    draws, spread = draws[spread > 0], spread[spread > 0]
    ratios = (draws.mean(axis=1) - values.mean()) / spread
    error = values.std(ddof=1) / np.sqrt(6)
    low, high = values.mean() - np.quantile(ratios, [0.95, 0.05]) * error
    found = bootstrap_interval(values, seed=1, level=0.9, resamples=100_000)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05)


def test_a_seed_gives_the_same_interval_again():
    found = bootstrap_interval(MICE, seed=3)
    assert bootstrap_interval(MICE, seed=3) == found
    assert bootstrap_interval(MICE, seed=np.random.default_rng(3)) == found
    assert bootstrap_interval(MICE, seed=4) != found


def test_the_order_of_personas_does_not_matter():
    values = np.random.default_rng(3).normal(0.3, 1, 12)
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values[::-1], seed=1)


def test_students_interval_is_that_of_scipy():
    found, theirs = t_interval(MICE), stats.ttest_1samp(MICE, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_few_personas_get_students_interval():
    assert bootstrap_interval(MICE[:5], seed=1) == t_interval(MICE[:5])
    assert bootstrap_interval(MICE[:6], seed=1) != t_interval(MICE[:6])


def test_many_equal_values_get_students_interval():
    values = [0.0] * 8 + [-1 / 6]
    assert bootstrap_interval(values, seed=7) == t_interval(values)
    assert bootstrap_interval(values, seed=7).low < -0.05


@pytest.mark.parametrize("n", [3, 10])
def test_equal_values_have_an_interval_of_one_point(n):
    found = bootstrap_interval([0.1] * n, seed=1)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan], [1.0, np.inf], [[1.0, 2.0]]])
def test_an_interval_needs_two_finite_values(values):
    for make in (t_interval, lambda values: bootstrap_interval(values, seed=1)):
        with pytest.raises(InvalidInputError):
            make(values)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_lies_between_0_and_1(level):
    with pytest.raises(InvalidInputError, match="level"):
        t_interval(MICE, level=level)


def test_an_interval_shows_its_ends():
    interval = Interval(-0.12345, 2)
    assert repr(interval) == "[-0.123, 2.000]"
    assert 0 in interval
    assert 3 not in interval


def test_an_interval_is_kept_within_what_is_possible_and_an_unknown_one_stays_unknown():
    assert Interval(-0.5, 1.5).within(1) == Interval(-0.5, 1)
    unknown = Interval(math.nan, math.nan).within(1)
    assert math.isnan(unknown.low)
    assert math.isnan(unknown.high)


def test_mean_ratings_count_every_persona_once():
    rows = rows_of(
        *[("p0", "todo", 5)] * 20,
        *[(f"p{n}", "todo", rating) for n, rating in enumerate([1, 2, 2, 3, 3, 4], start=1)],
        ("p1", "notes", 4),
        ("p1", "notes", None),
    )
    table = mean_ratings(rows, seed=1).set_index("module")
    assert table.loc["todo", "mean"] == pytest.approx(20 / 7)
    assert table["personas"].to_dict() == {"notes": 1, "todo": 7}
    assert table["ratings"].to_dict() == {"notes": 1, "todo": 26}
    expected = bootstrap_interval([5, 1, 2, 2, 3, 3, 4], seed=np.random.default_rng(1))
    assert table.loc["todo", ["low", "high"]].tolist() == [expected.low, expected.high]
    assert table.loc["notes", ["low", "high", "sd"]].isna().all()


def test_values_that_differ_by_rounding_alone_are_all_the_same():
    values = [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.3, 0.3, 0.3]
    found = bootstrap_interval(values, seed=7)
    assert found.low == found.high == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-0.3968, 6.512e-05, "[-0.397, 0.0000651]"),
        (-2.5e-4, 1.0, "[-0.00025, 1.000]"),
        (0.0, 1e-12, "[0.000, 0.000]"),
        (float("nan"), float("inf"), "[nan, inf]"),
    ],
)
def test_an_interval_is_shown_in_plain_decimals(low, high, text):
    assert repr(Interval(low, high)) == text


def test_the_interval_of_a_mean_rating_stays_within_the_scale():
    rows = pd.DataFrame({"persona_id": ["a", "b"], "module": "todo", "rating": [1, 5]})
    found = mean_ratings(rows.assign(brain="model"), seed=7).iloc[0]
    assert (found["mean"], found["low"], found["high"]) == (3, 1, 5)
