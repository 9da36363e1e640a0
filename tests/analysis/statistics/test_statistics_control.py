import numpy as np
import pandas as pd
import pytest
from rows_house import rows_of
from scipy import stats
from simulation_house import control_false_alarms

from mana_lab.analysis.statistics import control_limits
from mana_lab.errors import InvalidInputError, MixedBrainsError, PseudoReplicationError


def runs_of(table, module="todo"):
    """Return the ratings of personas (rows) in runs (columns)."""
    return pd.concat(
        [
            rows_of(*[(f"p{who}", module, said) for who, said in enumerate(column)], run=number)
            for number, column in enumerate(np.transpose(table), start=1)
        ],
        ignore_index=True,
    )


def test_the_limits_are_those_of_an_analysis_of_variance_in_blocks():
    # Without persona and run 1/3 or 1/6 is left of each mean: squares of 2/3 for 6 degrees of
    # freedom. A mean of 4 is off the centre by a variance of 2/3 / 6 * 2/3 / 4.
    found = control_limits(runs_of([[4, 4, 3], [3, 4, 3], [4, 5, 4], [5, 5, 4]]))
    reach = stats.t.isf(0.05 / 6, 6) * np.sqrt(1 / 54)
    assert found["mean"].tolist() == [4, 4.5, 3.5]
    assert found["centre"].tolist() == [4, 4, 4]
    assert found["high"].tolist() == pytest.approx([4 + reach] * 3)
    assert found["low"].tolist() == pytest.approx([4 - reach] * 3)
    assert found["outside"].tolist() == [False, True, True]
    assert found["personas"].tolist() == [4, 4, 4]


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
def test_two_runs_are_outside_where_the_paired_t_test_says_so(alpha):
    table = np.array([[3, 4], [2, 4], [5, 5], [1, 2], [4, 3], [2, 3]])
    found = control_limits(runs_of(table), alpha=alpha)
    p = stats.ttest_rel(table[:, 0], table[:, 1]).pvalue
    assert 0.05 < p < 0.3
    assert found["outside"].tolist() == [bool(p <= alpha)] * 2


def test_only_who_rated_a_module_in_every_run_counts():
    rows = pd.concat([runs_of([[3, 3], [4, 5], [5, 4]]), runs_of([[1, 2]], "notes")])
    late = rows_of(("late", "todo", 1), run=2)
    found = control_limits(pd.concat([rows, late])).set_index(["module", "run"])
    assert found.loc[("todo", 2), ["mean", "personas"]].tolist() == [4, 3]
    assert found.loc["notes", "low"].isna().all()
    assert not found.loc["notes", "outside"].any()
    assert control_limits(runs_of([[3], [4]]))["high"].isna().all()


def test_other_columns_can_be_held_against_each_other():
    rows = runs_of([[3, 4], [4, 5]]).rename(columns={"run": "week", "module": "place"})
    found = control_limits(rows, run="week", by="place")
    assert found[["place", "week"]].to_numpy().tolist() == [["todo", 1], ["todo", 2]]


def test_without_ratings_there_is_nothing_and_what_cannot_be_is_refused():
    rows = runs_of([[3, 4], [4, 5]])
    empty = control_limits(rows[:0])
    assert empty.empty
    assert list(empty) == list(control_limits(rows))
    with pytest.raises(InvalidInputError, match="an alpha of 1"):
        control_limits(rows, alpha=1)
    with pytest.raises(MixedBrainsError):
        control_limits(rows.assign(brain=["scripted", "model"] * 2))
    with pytest.raises(PseudoReplicationError):
        control_limits(rows.drop(columns="persona_id"))


@pytest.mark.slow
@pytest.mark.parametrize("runs", [2, 4, 8])
def test_a_module_that_does_not_drift_stays_within_as_often_as_it_says(runs):
    rate = control_false_alarms(runs=runs)
    assert rate.holds, rate
