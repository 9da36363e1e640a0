"""How often the statistics are wrong, by simulation.

What is allowed is computed from the binomial distribution: a right method is outside it once in
10,000 times.
"""

import numpy as np
import pytest
import simulation_house as house

pytestmark = pytest.mark.slow

BY_PERSONA = (house.by_persona_t, house.by_persona_permutation)
POOLED = (house.pooled_t, house.pooled_mann_whitney)
BETWEEN = (house.BETWEEN_2, house.BETWEEN_5)


@pytest.mark.parametrize("scenario", house.SCENARIOS.values(), ids=house.SCENARIOS)
@pytest.mark.parametrize("test", BY_PERSONA, ids=lambda test: test.__name__)
def test_tests_of_personas_find_what_is_not_there_as_often_as_they_say(test, scenario):
    rate = house.false_positives(test, scenario)
    assert rate.holds, rate


@pytest.mark.parametrize("scenario", BETWEEN, ids=["ICC 0.2", "ICC 0.5"])
@pytest.mark.parametrize("test", POOLED, ids=lambda test: test.__name__)
def test_pooled_tests_find_what_is_not_there_far_too_often(test, scenario):
    assert house.false_positives(test, scenario).measured > 0.35


@pytest.mark.parametrize(
    "simulate",
    [
        house.friedman_false_positives,
        house.holm_family_errors,
        house.log_rank_false_positives,
        house.odds_false_alarms,
        house.dose_false_positives,
        house.module_dose_false_positives,
        house.noise_floor_exceeded,
    ],
    ids=lambda simulate: simulate.__name__,
)
def test_false_alarms_are_as_rare_as_the_level_says(simulate):
    rate = simulate()
    assert rate.holds, rate


def test_unchanged_runs_do_not_drift():
    for rate in house.drift_false_alarms():
        assert rate.holds, rate


def test_benjamini_hochberg_holds_the_false_discovery_rate():
    measured, error, nominal = house.false_discoveries()
    assert measured == pytest.approx(nominal, abs=4 * error)


@pytest.mark.parametrize("personas", [10, 17])
def test_studentised_intervals_hold_the_mean_and_percentile_ones_are_short(personas):
    good = house.mean_coverage(house.studentised, "studentised", personas=personas, slack=0.015)
    assert good.holds, good
    student = house.mean_coverage(house.student, "student", personas=personas, slack=0.01)
    assert student.holds, student
    short = house.mean_coverage(house.percentile, "percentile", personas=personas)
    assert short.measured < good.measured


@pytest.mark.parametrize(
    "simulate",
    [
        house.welch_coverage,
        house.icc_coverage,
        house.agreement_coverage,
        house.wilson_coverage,
        house.calibration_coverage,
        house.survival_coverage,
        house.median_coverage,
        house.sensitivity_coverage,
    ],
    ids=lambda simulate: simulate.__name__,
)
def test_intervals_hold_the_truth_as_often_as_they_say(simulate):
    rate = simulate()
    assert rate.holds, rate


@pytest.mark.parametrize("personas", [4, 8, 20])
@pytest.mark.parametrize("truth", [0.8, 0.95])
def test_the_interval_of_a_journey_holds_its_rate_at_least_as_often_as_it_says(personas, truth):
    rate = house.journey_coverage(personas=personas, truth=truth)
    assert rate.holds, rate


@pytest.mark.parametrize("personas", [10, 17])
def test_intervals_of_the_model_hold_where_personas_react_alike(personas):
    for rate in house.clmm_coverage(personas=personas, slope_sd=0.0):
        assert rate.holds, rate


@pytest.mark.parametrize("personas", [10, 17])
def test_only_robust_intervals_of_the_model_hold_where_personas_react_differently(personas):
    plain, robust = house.clmm_coverage(personas=personas, slope_sd=0.8)
    assert robust.holds, robust
    assert plain.measured < 0.9


@pytest.mark.parametrize("slope_sd", [0.0, 0.8])
def test_a_module_that_few_personas_rated_is_named_no_more_often_than_promised(slope_sd):
    rate = house.rare_modules_named(personas=10, modules=10, slope_sd=slope_sd, n=100)
    assert rate.holds, rate


@pytest.mark.parametrize("personas", [6, 8, 10])
def test_intervals_hold_where_most_personas_have_the_same_value(personas):
    rate = house.tied_coverage(personas=personas)
    assert rate.holds, rate


def test_pass_all_is_not_biased():
    measured, error, truth = house.pass_all_bias()
    assert measured == pytest.approx(truth, abs=4 * error)


@pytest.mark.parametrize("coin_of", ["persona", "tick"])
def test_looking_after_every_tick_does_not_stop_too_often(coin_of):
    rate = house.false_stops(coin_of, n=1000)
    assert rate.holds, rate


def test_looking_at_a_p_value_after_every_tick_stops_far_too_often():
    assert house.peeked_mann_whitney_stops().measured > 0.2


def test_an_effect_is_noticed_early():
    for coin_of, latest in (("persona", 30), ("tick", 45)):
        stops = house.stops(coin_of=coin_of, effect=0.7, n=200)
        assert sum(stop is not None for stop in stops) >= 180
        assert np.median([stop or 60 for stop in stops]) <= latest


@pytest.mark.parametrize("plan", house.PLANS, ids=["within", "within, few", "between"])
def test_the_computed_power_is_what_happens(plan):
    rate = house.simulated_power(*plan)
    assert rate.holds, rate


def test_honest_raters_are_hardly_ever_flagged():
    assert house.flagged("responsive", "any", n=600).measured <= 0.02


@pytest.mark.parametrize("kind", house.DEGENERATE)
def test_raters_that_do_not_rate_are_nearly_always_flagged(kind):
    assert house.flagged(kind, kind).measured >= 0.95
