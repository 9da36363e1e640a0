import numpy as np
import pandas as pd
import pytest
from rows_house import rows_of
from scipy import stats

from mana_lab.analysis.statistics import NoiseFloor, compare_models, compare_runs
from mana_lab.errors import InvalidInputError


def run_of(shift=0.0, *, personas=10, ticks=6, seed=1, spread=0.8):
    rng = np.random.default_rng(seed)
    rows = [
        (f"p{n}", "todo", int(np.clip(round(3 + shift + rng.normal(0, spread)), 1, 5)))
        for n in range(personas)
        for _ in range(ticks)
    ]
    return rows_of(*rows).assign(tick=list(range(ticks)) * personas)


def test_a_run_does_not_drift_from_itself():
    found = compare_runs(run_of(), run_of(), seed=1)
    assert (found.shift.p, found.shift.effect, found.emd, found.ks) == (1, 0, 0, 0)
    assert found.p_distance == 1
    assert not found.alarm


def test_the_distances_are_those_of_scipy_where_personas_rate_equally_often():
    before, after = run_of(), run_of(0.9, seed=2)
    found = compare_runs(before, after, seed=1)
    left, right = before["rating"], after["rating"]
    assert found.emd == pytest.approx(stats.wasserstein_distance(left, right))
    assert found.ks == pytest.approx(stats.ks_2samp(left, right).statistic)
    assert found.shift.effect == pytest.approx(right.mean() - left.mean())
    assert found.shift.p < 0.01
    assert found.p_distance < 0.01
    assert (found.shift.n_personas, found.shift.n_rows, found.alarm) == (10, 120, True)


def test_a_persona_counts_the_same_however_often_they_rate():
    before = rows_of(*[("a", "todo", 1)] * 30, ("b", "todo", 5))
    after = rows_of(("a", "todo", 3), *[("b", "todo", 5)] * 30)
    found = compare_runs(before, after, seed=1)
    assert found.shift.effect == pytest.approx(1.0)
    assert found.emd == pytest.approx(1.0)


def test_a_change_of_the_spread_alone_is_a_distance_and_no_shift():
    before = rows_of(*[(f"p{n}", "todo", 3) for n in range(12) for _ in range(4)])
    after = before.assign(rating=[1, 5, 1, 5] * 12)
    found = compare_runs(before, after, seed=1)
    assert (found.shift.effect, found.shift.p, found.alarm) == (0, 1, False)
    assert (found.emd, found.ks) == (2, 0.5)
    assert found.p_distance < 0.01


def test_a_shift_below_the_noise_floor_is_no_alarm():
    before, after = run_of(), run_of(0.9, seed=2)
    high = NoiseFloor(persona=3.0, mean=2.0, alpha=0.05, n_personas=10)
    low = NoiseFloor(persona=0.5, mean=0.1, alpha=0.05, n_personas=10)
    assert not compare_runs(before, after, seed=1, floor=high).alarm
    assert compare_runs(before, after, seed=1, floor=low).alarm


def test_only_personas_of_both_runs_are_compared():
    found = compare_runs(run_of(), run_of(personas=4, seed=2), seed=1)
    assert found.shift.n_personas == 4
    with pytest.raises(InvalidInputError, match="1 persona in both"):
        compare_runs(run_of(), run_of(personas=1), seed=1)


def test_two_models_are_compared_pair_by_pair():
    first = run_of()
    second = first.assign(rating=np.minimum(first["rating"] + 1, 5))
    found = compare_models(first, second.sample(frac=1, random_state=1), seed=1)
    assert found.n_pairs == 60
    assert 0 < found.kappa < 1
    assert found.drift.shift.effect == pytest.approx((second["rating"] - first["rating"]).mean())
    same = compare_models(first, first, seed=1)
    assert (same.kappa, same.alpha) == (1, 1)


def test_what_one_model_alone_rated_is_no_pair():
    first = run_of()
    found = compare_models(first, first[first["tick"] < 2], seed=1)
    assert found.n_pairs == 20


def test_a_missing_rating_is_counted():
    before = pd.concat([run_of(), rows_of(("p1", "todo", None)).assign(tick=9)])
    found = compare_runs(before, run_of(), seed=1)
    assert (found.shift.n_missing, found.shift.n_rows) == (1, 120)
