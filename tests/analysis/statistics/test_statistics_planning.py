from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mana_lab.analysis.statistics import (
    Plan,
    calibrated_mean,
    coin_plan,
    minimum_detectable_effect,
    personas_needed,
    power,
)
from mana_lab.errors import InvalidInputError, PseudoReplicationError

# With an ICC of 0 and two ticks the difference of a persona has a variance of 2, and with an ICC
# of 1 the mean of a persona one of 1: the power of plain t-tests, as statsmodels 0.15.0 gives it.
WITHIN = Plan(17, 2, "within", icc=0.0, rating_sd=1.0, slope_sd=0.0)
BETWEEN = Plan(20, 5, "between", icc=1.0, rating_sd=1.0)


def test_the_power_is_that_of_another_library():
    effect = 0.5 * np.sqrt(2)
    assert power(WITHIN, effect) == pytest.approx(0.4910263258)  # TTestPower().power(0.5, 17, 0.05)
    assert power(replace(WITHIN, alternative="greater"), effect) == pytest.approx(0.6286924762)
    assert power(replace(WITHIN, alternative="less"), -effect) == pytest.approx(0.6286924762)
    assert power(BETWEEN, 0.5) == pytest.approx(0.1850956563)  # TTestIndPower().power(0.5, 10, …)


def test_the_minimum_detectable_effect_is_that_of_another_library():
    # TTestPower().solve_power(None, 17, 0.05, 0.8) and TTestIndPower().solve_power(None, 10, …)
    assert minimum_detectable_effect(WITHIN) == pytest.approx(0.7238596957 * np.sqrt(2), rel=1e-5)
    assert minimum_detectable_effect(BETWEEN) == pytest.approx(1.3249473683, rel=1e-5)


def test_a_coin_for_every_tick_leaves_personas_out_and_splits_ticks_unevenly():
    # Of three ticks a quarter of the coins leave one variant empty; else 1 + 1/2 is the noise.
    plan = coin_plan([3] * 12 + [1], spread=2.0, slope_sd=0.1)
    assert (plan.personas, plan.ticks, plan.slope_sd) == (9, 2, 0.1)
    assert plan.rating_sd == pytest.approx(2 * np.sqrt(1.5 / 2))
    even = minimum_detectable_effect(Plan(10, 6, icc=0.0))
    assert minimum_detectable_effect(coin_plan([6] * 10, spread=1.0, slope_sd=0.3)) > even
    with pytest.raises(InvalidInputError, match="1 of 3 personas would rate both"):
        coin_plan([1, 2, 2], spread=1.0, slope_sd=0.3)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("design", ["within", "between"])
def test_the_minimum_detectable_effect_has_the_power_that_was_wanted(design, alternative):
    plan = Plan(12, 14, design, alternative=alternative)
    effect = minimum_detectable_effect(plan, target=0.9)
    sign = -1 if alternative == "less" else 1
    assert power(plan, sign * effect) == pytest.approx(0.9)


def test_no_effect_is_found_as_often_as_the_level_says():
    for plan in (WITHIN, BETWEEN, replace(WITHIN, alternative="greater")):
        assert power(plan, 0.0) == pytest.approx(0.05)


def test_a_large_effect_is_found_for_certain():
    for effect in (10, 1e3, 1e6):
        assert power(Plan(50, 30), effect) == pytest.approx(1)
        assert power(Plan(50, 30, alternative="less"), effect) == 0
        assert power(Plan(50, 30), -effect) == pytest.approx(1)


def test_more_ticks_help_within_personas_and_hardly_between():
    few, many = (power(Plan(100, ticks, "between", slope_sd=0), 0.3) for ticks in (6, 30))
    assert many - few < 0.1
    few, many = (power(Plan(20, ticks, "within"), 0.2) for ticks in (6, 30))
    assert many - few > 0.3


def test_the_personas_needed_are_the_fewest():
    plan = Plan(2, 10)
    n = personas_needed(plan, 0.25)
    enough, fewer = (power(replace(plan, personas=count), 0.25) for count in (n, n - 1))
    assert enough >= 0.8 > fewer
    with pytest.raises(InvalidInputError, match="more than 50"):
        personas_needed(plan, 0.01, most=50)


def test_without_variance_any_effect_is_found():
    plan = Plan(5, 4, rating_sd=0, slope_sd=0)
    assert (power(plan, 0.1), power(plan, 0), minimum_detectable_effect(plan)) == (1, 0.05, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"personas": 1},
        {"ticks": 1},
        {"icc": 1.2},
        {"icc": -0.1},
        {"alpha": 0},
        {"rating_sd": -1},
        {"slope_sd": float("nan")},
        {"design": "between", "personas": 3},
    ],
)
def test_a_plan_that_cannot_be_is_refused(change):
    for compute in (power, lambda plan, effect: minimum_detectable_effect(plan, target=effect)):
        with pytest.raises(InvalidInputError):
            compute(replace(Plan(10, 10), **change), 0.5)


@pytest.mark.parametrize("target", [0.01, 1, 2])
def test_a_power_lies_between_alpha_and_1(target):
    with pytest.raises(InvalidInputError, match="power"):
        minimum_detectable_effect(Plan(10, 10), target=target)


HUMAN = np.array([3.2, 4.1, 2.8, 3.9, 3.5, 4.4, 2.5, 3.0])
SIMULATED = np.array([3.9, 4.0, 3.4, 3.6, 4.3, 4.2, 3.7, 2.9])
OTHERS = np.array([3.9, 4.2, 3.3, 3.7, 4.4, 4.0, 3.5, 4.1, 3.8, 3.6])
OTHERS = np.append(OTHERS, [4.5, 3.2, 4.0, 3.9, 3.4, 4.2, 3.7, 4.1, 3.6, 4.3])


def calibrated(human, simulated, others, **options):
    ids = {"people": range(len(human)), "personas": range(len(others))}
    return calibrated_mean(human, simulated, others, **ids, **options)


def test_the_corrected_mean_is_that_of_another_library():
    # ppi-python 0.2.3: ppi_mean_pointestimate(…, lam=1) and ppi_mean_ci, whose standard errors
    # divide by n where these divide by n - 1.
    found = calibrated(HUMAN, SIMULATED, OTHERS, tuned=False)
    assert found.mean == pytest.approx(3.545)
    plain = np.sqrt((HUMAN - SIMULATED).var(ddof=1) / 8 * 7 / 8 + OTHERS.var(ddof=1) / 20 * 19 / 20)
    assert plain * stats.norm.isf(0.025) == pytest.approx((3.94344132 - 3.14655868) / 2)
    exact = np.sqrt((HUMAN - SIMULATED).var(ddof=1) / 8 + OTHERS.var(ddof=1) / 20)
    assert found.std_error == pytest.approx(exact)
    assert found.rectifier == pytest.approx(-0.325)
    assert (found.weight, found.n_humans, found.n_simulated) == (1, 8, 20)


def test_the_tuned_mean_is_near_that_of_another_library():
    # ppi-python 0.2.3 with lam=None: 3.50746606; its covariance divides by 8, this one by 7.
    found = calibrated(HUMAN, SIMULATED, OTHERS)
    gap = OTHERS.mean() - SIMULATED.mean()
    assert found.mean == pytest.approx(HUMAN.mean() + found.weight * gap)
    assert HUMAN.mean() + found.weight * 7 / 8 * gap == pytest.approx(3.50746606, abs=1e-3)


def test_personas_who_follow_people_are_worth_many_of_them():
    rng = np.random.default_rng(1)
    people = rng.normal(3, 1, 530)
    alike = people + 0.5 + rng.normal(0, 0.1, 530)
    found = calibrated(people[:30], alike[:30], alike[30:])
    assert found.effective_n > 150
    assert -0.5 in found.rectifier_interval
    assert found.rectifier == pytest.approx(-0.5, abs=0.1)
    noise = rng.normal(3, 1, 530)
    useless = calibrated(people[:30], noise[:30], noise[30:])
    assert useless.effective_n == pytest.approx(30, rel=0.25)
    assert useless.weight < 0.35


def test_personas_who_all_say_the_same_do_not_count():
    found = calibrated(HUMAN, np.full(8, 4.0), np.full(20, 4.0))
    assert (found.weight, found.mean) == (0, pytest.approx(HUMAN.mean()))
    assert found.effective_n == pytest.approx(8)


@pytest.mark.parametrize(
    "parts",
    [
        (HUMAN, SIMULATED[:7], OTHERS),
        (HUMAN[:1], SIMULATED[:1], OTHERS),
        (HUMAN, SIMULATED, OTHERS[:1]),
        (HUMAN * np.nan, SIMULATED, OTHERS),
    ],
)
def test_too_few_people_or_personas_are_refused(parts):
    with pytest.raises(InvalidInputError):
        calibrated(*parts)


@pytest.mark.parametrize(
    "ids",
    [
        {},
        {"people": range(8)},
        {"people": range(8), "personas": [1] * 20},
        {"people": [1] * 8, "personas": range(20)},
    ],
)
def test_answers_that_do_not_say_whose_they_are_are_refused(ids):
    with pytest.raises(PseudoReplicationError, match="persona_means"):
        calibrated_mean(HUMAN, SIMULATED, OTHERS, **ids)


@pytest.mark.parametrize("effect", [np.nan, np.inf, -np.inf])
def test_an_effect_is_a_number(effect):
    with pytest.raises(InvalidInputError, match="rating points"):
        power(Plan(10, 14), effect)
    with pytest.raises(InvalidInputError, match="rating points"):
        personas_needed(Plan(10, 14), effect)
