import numpy as np
import pandas as pd
import pytest

from mana_lab.analysis.statistics import kaplan_meier, last_activity, log_rank
from mana_lab.errors import InvalidInputError

# Weeks of remission of children with leukaemia: Freireich et al. (1963), with the placebo group
# Gehan (1965). The figures are those of lifelines 0.30.3, whose log-rank test is 16.79 as printed
# in the textbooks; the stratified one is that of statsmodels 0.15.0, survdiff(…, strata=…).
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
NAMES = [f"c{n}" for n in range(42)]
BOTH = (TREATED + PLACEBO, RELAPSED + [1] * 21, ["6-MP"] * 21 + ["none"] * 21)


def test_the_estimate_is_that_of_a_published_example():
    found = kaplan_meier(TREATED, RELAPSED, personas=NAMES[:21])
    assert found.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    share = [0.857143, 0.806723, 0.752941, 0.690196, 0.627451, 0.537815, 0.448179]
    low = [0.619718, 0.563147, 0.503200, 0.431610, 0.367511, 0.267779, 0.188052]
    high = [0.951552, 0.922809, 0.889362, 0.849066, 0.804912, 0.746791, 0.680143]
    assert found.share == pytest.approx(share, abs=1e-6)
    assert found.low == pytest.approx(low, abs=1e-6)
    assert found.high == pytest.approx(high, abs=1e-6)
    assert found.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert (found.median, found.n_events, found.n_personas) == (23, 9, 21)
    assert (found.median_interval.low, found.median_interval.high) == (13, np.inf)


def test_the_median_of_who_all_gave_up_has_two_ends():
    found = kaplan_meier(PLACEBO, [1] * 21, personas=NAMES[:21])
    assert found.median == 8
    assert (found.median_interval.low, found.median_interval.high) == (4, 11)
    assert found.share[-1] == 0


def test_the_log_rank_test_is_that_of_a_published_example():
    found = log_rank(*BOTH, personas=NAMES)
    assert found.chi2 == pytest.approx(16.792941, abs=1e-6)
    assert found.p == pytest.approx(4.168809e-05, rel=1e-6)
    assert (found.observed, found.n_personas, found.n_strata) == (21, 42, 1)
    assert found.expected == pytest.approx(10.75, abs=0.005)


def test_the_stratified_test_is_that_of_another_library():
    strata = ["p" if n % 3 else "c" for n in range(42)]
    found = log_rank(*BOTH, personas=NAMES, strata=strata)
    assert found.chi2 == pytest.approx(16.618285, abs=1e-6)
    assert found.p == pytest.approx(4.570822e-05, rel=1e-6)
    assert found.n_strata == 2


def test_a_stratum_of_one_group_adds_nothing():
    extra = ([3, 4], [1, 1], ["none"] * 2)
    more = [[*part, *two] for part, two in zip(BOTH, extra, strict=True)]
    strata = ["main"] * 42 + ["other"] * 2
    found = log_rank(*more, personas=[*NAMES, "x", "y"], strata=strata)
    assert found.chi2 == pytest.approx(16.792941, abs=1e-6)
    assert found.n_strata == 1


def test_who_never_gave_up_leaves_no_curve():
    found = kaplan_meier([3, 4], [False, False], personas=["a", "b"])
    assert (found.n_events, found.times.size) == (0, 0)
    assert np.isnan(found.median)
    assert found.median_interval.low == np.inf


def test_one_persona_who_gave_up():
    found = kaplan_meier([3], [True], personas=["a"])
    assert (found.median, found.share.tolist()) == (3, [0])


@pytest.mark.parametrize(
    ("durations", "abandoned"), [([-1, 2], [1, 0]), ([1, np.nan], [1, 0]), ([1, 2], [1]), ([], [])]
)
def test_a_duration_has_to_be_one(durations, abandoned):
    with pytest.raises(InvalidInputError):
        kaplan_meier(durations, abandoned, personas=NAMES[: len(durations)])


@pytest.mark.parametrize(
    ("groups", "match"),
    [
        (["a", "a", "a"], "two groups"),
        (["a", "b", "c"], "two groups"),
        (["a", "b"], "for each"),
        (["a", "a", "b"], "nobody gave up"),
    ],
)
def test_two_groups_who_can_give_up_are_needed(groups, match):
    with pytest.raises(InvalidInputError, match=match):
        log_rank([1, 2, 3], [0, 0, 0], groups, personas=["x", "y", "z"])


def ticks_of(**calls):
    """Make ticks of the calls of personas, such as ``anna=[2, 0]``."""
    return pd.DataFrame(
        [
            {"persona_id": who, "tick": tick, "calls": count}
            for who, counts in calls.items()
            for tick, count in enumerate(counts, start=1)
        ]
    )


def test_who_was_silent_long_enough_gave_up():
    found = last_activity(
        ticks_of(anna=[2, 1, 0, 0, 0], ben=[1, 0, 0, 3], cem=[1, 2, 0, 0], dora=[0, 0, 0])
    )
    assert found["duration"].to_dict() == {"anna": 2, "ben": 4, "cem": 2, "dora": 0}
    assert found["abandoned"].to_dict() == {"anna": True, "ben": False, "cem": False, "dora": True}
    assert last_activity(ticks_of(cem=[1, 2, 0, 0]), grace=2)["abandoned"].all()


def test_a_tick_without_a_count_is_silent_and_the_result_feeds_the_estimate():
    last = last_activity(ticks_of(anna=[2, None, None, None], ben=[1, 1, 1, 1]))
    found = kaplan_meier(last["duration"], last["abandoned"], personas=last.index)
    assert (found.times.tolist(), found.share.tolist()) == ([1], [0.5])


NINE = [1] * 9


def test_only_ticks_that_ended_are_silence():
    ticks = ticks_of(anna=[*NINE, 0, 0, 0], ben=[*NINE, 0, 0, 0, 0, 0], cem=[0, 1, 1])
    failed = ticks["tick"].isin([10, 11]) | (ticks["persona_id"] == "cem")
    known = ticks.assign(status=failed.map({True: "failed", False: "done"}))
    for rows in (known, ticks[~failed]):
        found = last_activity(rows)
        assert found["duration"].to_dict() == {"anna": 9, "ben": 9}
        assert found["abandoned"].to_dict() == {"anna": False, "ben": True}
    assert last_activity(ticks)["abandoned"].to_dict() == {"anna": True, "ben": True, "cem": False}


def test_ticks_of_two_runs_are_refused():
    with pytest.raises(InvalidInputError, match="choose one run"):
        last_activity(pd.concat([ticks_of(anna=[1, 2]), ticks_of(anna=[1])]))
    with pytest.raises(InvalidInputError, match="grace"):
        last_activity(ticks_of(anna=[1, 2]), grace=0)
    with pytest.raises(InvalidInputError, match="no column 'calls'"):
        last_activity(ticks_of(anna=[1]).drop(columns="calls"))
