from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mana_lab.analysis.statistics import journey_reliability, pass_all, pass_any
from mana_lab.analysis.statistics.journeys import wilson_interval
from mana_lab.errors import InvalidInputError


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.integers(1, 8))
def test_the_estimates_are_shares_of_all_choices_of_k_tries(tries, k):
    if k > len(tries):
        with pytest.raises(InvalidInputError):
            pass_all(len(tries), sum(tries), k)
        return
    choices = list(combinations(tries, k))
    assert pass_all(len(tries), sum(tries), k) == pytest.approx(np.mean([all(c) for c in choices]))
    assert pass_any(len(tries), sum(tries), k) == pytest.approx(np.mean([any(c) for c in choices]))


@pytest.mark.parametrize("counts", [(3.0, 2.0, 1), ("3", 2, 1), (3, None, 1), (3, 2, 1.0)])
def test_counts_are_whole_numbers(counts):
    for estimate in (pass_all, pass_any):
        with pytest.raises(InvalidInputError, match="whole numbers are needed"):
            estimate(*counts)
    assert pass_all(np.int64(3), np.int64(2), 1) == pytest.approx(2 / 3)


def test_one_try_is_the_success_rate():
    assert pass_all(8, 6, 1) == pass_any(8, 6, 1) == 0.75


def test_wilsons_interval_is_that_of_a_published_example():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81 of 263 and 15 of 148.
    for successes, trials, ends in [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605))]:
        found = wilson_interval(trials, successes)
        assert (found.low, found.high) == pytest.approx(ends, abs=5e-5)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 2, 0), (3, 2, 4), (0, 0, 1)])
def test_counts_that_cannot_be_are_refused(n, c, k):
    with pytest.raises(InvalidInputError):
        pass_all(n, c, k)
    with pytest.raises(InvalidInputError):
        pass_any(n, c, k)


def tries_of(**outcomes):
    """Make tries of one journey of texts such as ``anna="++-"``."""
    return pd.DataFrame(
        [
            {"persona_id": who, "journey": "sign up", "success": mark == "+"}
            for who, marks in outcomes.items()
            for mark in marks
        ]
    )


def row(table):
    return table.iloc[0].to_dict()


def test_tries_of_different_personas_are_pooled():
    found = row(journey_reliability(tries_of(a="+", b="+", c="-", d="+"), k=2))
    assert (found["pass_at_1"], found["pass_hat_k"], found["pass_at_k"]) == (0.75, 0.5, 1)
    assert found["interval"] == "Wilson"
    wilson = wilson_interval(4, 3)
    assert (found["low"], found["high"]) == (wilson.low, wilson.high)


def test_tries_of_one_persona_are_pooled():
    found = row(journey_reliability(tries_of(anna="++-+"), k=3))
    assert (found["personas"], found["pass_hat_k"], found["interval"]) == (1, 0.25, "Wilson")


def test_repeated_tries_of_several_personas_are_averaged_over_personas():
    found = row(journey_reliability(tries_of(a="++++++++", b="--"), k=2))
    assert (found["pass_at_1"], found["pass_hat_k"], found["pass_at_k"]) == (0.5, 0.5, 0.5)
    assert found["interval"] == "Wilson, of the effective number"
    assert 0 < found["low"] < 0.1
    assert 0.9 < found["high"] < 1
    more = row(journey_reliability(tries_of(a="++-", b="+++", c="---+"), k=2))
    rates = np.array([2 / 3, 1, 0.25])
    worth = rates.mean() * (1 - rates.mean()) / (rates.var(ddof=1) / 3)
    n = worth * (stats.norm.isf(0.025) / stats.t.isf(0.025, 2)) ** 2
    half = stats.norm.isf(0.025) ** 2 / (2 * n)
    middle = (rates.mean() + half) / (1 + 2 * half)
    assert (more["low"] + more["high"]) / 2 == pytest.approx(middle)
    assert more["pass_hat_k"] == pytest.approx((1 / 3 + 1 + 0) / 3)


def test_all_figures_are_of_those_who_tried_often_enough_and_the_others_are_counted():
    found = row(journey_reliability(tries_of(a="+++", b="--", c="--"), k=3))
    assert (found["personas"], found["left_out"]) == (1, 2)
    assert (found["trials"], found["successes"]) == (3, 3)
    assert (found["pass_at_1"], found["pass_hat_k"], found["pass_at_k"]) == (1, 1, 1)
    more = row(journey_reliability(tries_of(a="+++", b="--", c="-+", d="--+"), k=3))
    assert (more["personas"], more["left_out"], more["interval"]) == (
        2,
        2,
        "Wilson, of the effective number",
    )
    assert more["pass_at_1"] == pytest.approx(2 / 3)


def test_where_nobody_tried_often_enough_the_row_is_of_all():
    found = row(journey_reliability(tries_of(a="++", b="-"), k=3))
    assert (found["personas"], found["left_out"], found["pass_at_1"]) == (2, 0, 0.5)
    assert np.isnan(found["pass_hat_k"])
    assert np.isnan(found["pass_at_k"])


@given(
    st.lists(st.text("+-", min_size=1, max_size=5), min_size=1, max_size=5),
    st.integers(1, 5),
)
def test_all_of_k_tries_succeed_no_more_often_than_one_and_no_persona_is_lost(tries, k):
    people = {f"p{number}": marks for number, marks in enumerate(tries)}
    found = row(journey_reliability(tries_of(**people), k=k))
    assert found["personas"] + found["left_out"] == len(tries)
    assert found["low"] < found["high"]
    assert found["low"] - 1e-12 <= found["pass_at_1"] <= found["high"] + 1e-12
    if not np.isnan(found["pass_hat_k"]):
        assert found["pass_hat_k"] <= found["pass_at_1"] + 1e-12
        assert found["pass_at_1"] <= found["pass_at_k"] + 1e-12


@pytest.mark.parametrize(("marks", "successes"), [("+++", 2), ("---", 0), ("+-+-", 1)])
def test_personas_who_do_not_differ_count_as_one_observation_each(marks, successes):
    found = row(journey_reliability(tries_of(a=marks, b=marks), k=3))
    wilson = wilson_interval(2, successes)
    assert (found["low"], found["high"]) == pytest.approx((wilson.low, wilson.high))
    assert found["interval"] == "Wilson, of the personas"
    assert found["pass_at_1"] == successes / 2


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_lies_between_0_and_1(level):
    for tries in (tries_of(a="+++", b="+++"), tries_of(a="+"), tries_of(a="+-", b="++")):
        with pytest.raises(InvalidInputError, match="level"):
            journey_reliability(tries, level=level)


def test_journeys_are_sorted_and_none_is_none():
    rows = pd.concat([tries_of(a="+"), tries_of(a="-").assign(journey="invite")])
    table = journey_reliability(rows)
    assert table["journey"].tolist() == ["invite", "sign up"]
    assert journey_reliability(rows[:0]).columns.tolist() == table.columns.tolist()


def test_a_try_without_an_end_is_refused():
    rows = tries_of(a="+-").astype({"success": object})
    rows.loc[0, "success"] = None
    with pytest.raises(InvalidInputError):
        journey_reliability(rows)
    with pytest.raises(InvalidInputError):
        journey_reliability(tries_of(a="+"), k=0)
