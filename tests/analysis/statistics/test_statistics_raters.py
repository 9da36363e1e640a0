import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulation_house import rater

from mana_lab.analysis.statistics import d_prime, dose_response, rater_profiles
from mana_lab.errors import InvalidInputError

FLAGS = ["constant", "central", "sycophantic", "random", "straight_lining"]
KINDS = ["responsive", *FLAGS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_rater_of_a_kind_gets_its_flag(kind):
    found = rater_profiles(rater(kind, np.random.default_rng(1))).iloc[0]
    raised = [flag for flag in FLAGS if found[flag]]
    assert raised == ([] if kind == "responsive" else [kind])


def test_a_profile_says_how_somebody_rates():
    rows = pd.DataFrame(
        {
            "persona_id": "anna",
            "brain": "model",
            "tick": [1, 1, 2, 2, 3, 3] * 4,
            "module": ["todo", "notes"] * 12,
            "rating": [3, 3, 1, 5, 3, 2] * 4,
            "errors": [0, 0, 1, 0, 0, 1] * 4,
        }
    )
    rows["tick"] = np.repeat(np.arange(12), 2)
    found = rater_profiles(rows).iloc[0]
    shares = np.array([4, 4, 12, 0, 4]) / 24
    assert found["ratings"] == 24
    assert found["modal_share"] == found["mid"] == 0.5
    assert found["entropy"] == pytest.approx(stats.entropy(shares, base=5))
    assert found["sd"] == pytest.approx(rows["rating"].std())
    assert found["extremes"] == pytest.approx(1 / 3)
    assert found["straight_line"] == pytest.approx(1 / 3)
    assert found["shared_ticks"] == 12
    assert found["straight_by_chance"] == pytest.approx((shares**2).sum())
    assert found["lag_1_same"] == pytest.approx(3 / 22)  # only todo, when the round begins again
    assert found["friction_rho"] == pytest.approx(
        stats.spearmanr(rows["rating"], rows["errors"]).statistic
    )


def test_raters_are_told_apart_by_brain_and_model():
    rng = np.random.default_rng(1)
    rows = pd.concat(
        [rater("constant", rng).assign(model="small"), rater("random", rng).assign(model="large")]
    ).assign(persona_id="anna")
    found = rater_profiles(rows, by=("persona_id", "brain", "model"))
    assert found["model"].tolist() == ["large", "small"]
    assert found["constant"].tolist() == [False, True]


def test_without_friction_it_is_not_judged_how_ratings_go_with_it():
    rows = rater("sycophantic", np.random.default_rng(1))
    for found in (
        rater_profiles(rows, friction=None).iloc[0],
        rater_profiles(rows.assign(errors=0)).iloc[0],
    ):
        assert np.isnan(found["friction_rho"])
        assert found["sycophantic"] is pd.NA
        assert found["random"] is pd.NA
        assert not found["central"]


def test_too_few_ratings_are_not_judged():
    rows = rater("constant", np.random.default_rng(1))[:19]
    found = rater_profiles(rows).iloc[0]
    assert all(found[flag] is pd.NA for flag in FLAGS)
    assert found["modal_share"] == 1


def straight(pairs, *alone):
    """Return somebody who rates two modules alike in some ticks, and one in others."""
    told = [(tick, rating) for tick, pair in enumerate(pairs) for rating in pair]
    told += [(tick, rating) for tick, rating in enumerate(alone, start=len(pairs))]
    rows = pd.DataFrame(told, columns=["tick", "rating"])
    rows["module"] = ["todo" if n % 2 else "notes" for n in range(len(rows))]
    return rows.assign(persona_id="anna", brain="model")


def flag_of(rows):
    return rater_profiles(rows, friction=None).iloc[0]["straight_lining"]


def test_one_tick_with_equal_ratings_makes_no_straight_liner():
    varied = [1, 2, 3, 4, 5] * 6
    assert flag_of(straight([(3, 3)], *varied)) is pd.NA
    assert flag_of(straight([(n, n) for n in (1, 2, 3, 4)], *varied)) is pd.NA
    assert flag_of(straight([(n, n) for n in (1, 2, 3, 4, 5)], *varied))
    assert not flag_of(straight([(1, 2), (2, 3), (3, 3), (4, 5), (5, 1)], *varied))


def test_who_gives_one_number_nearly_always_is_alike_by_chance():
    often_five = straight([(5, 5)] * 17 + [(5, 4), (4, 5), (4, 5)])
    found = rater_profiles(often_five, friction=None).iloc[0]
    assert found["straight_line"] == 0.85
    assert found["straight_by_chance"] == pytest.approx(0.925**2 + 0.075**2)
    assert not found["straight_lining"]
    assert flag_of(straight([(5, 5)] * 9 + [(4, 4)] * 8 + [(5, 4), (4, 5), (4, 5)]))


def test_nothing_is_dropped():
    rng = np.random.default_rng(1)
    rows = pd.concat([rater(kind, rng) for kind in KINDS])
    assert sorted(rater_profiles(rows)["persona_id"]) == sorted(KINDS)


def test_missing_ratings_do_not_count():
    rows = rater("constant", np.random.default_rng(1)).astype({"rating": "Int64"})
    rows.loc[rows.index[:10], "rating"] = pd.NA
    assert rater_profiles(rows).iloc[0]["ratings"] == 110


def test_what_is_no_rating_is_refused():
    rows = rater("constant", np.random.default_rng(1))
    with pytest.raises(InvalidInputError, match="whole numbers"):
        rater_profiles(rows.assign(rating=9))
    with pytest.raises(InvalidInputError, match="no column 'errors'"):
        rater_profiles(rows.drop(columns="errors"))
    with pytest.raises(InvalidInputError, match="no rating"):
        rater_profiles(rows[:0])


def test_sensitivity_is_the_distance_of_the_corrected_rates():
    # Hautus (1995): add 0.5 to both counts and 1 to both totals.
    found = d_prime(8, 10, 2, 10)
    h, f = 8.5 / 11, 2.5 / 11
    assert (found.hit_rate, found.false_alarm_rate) == (h, f)
    assert found.d_prime == pytest.approx(2 * stats.norm.ppf(h))
    assert found.criterion == pytest.approx(0)


def test_with_many_ticks_it_is_the_textbook_value():
    # Macmillan and Creelman (2005), Detection Theory, chapter 1: H 0.8 and F 0.4 give 1.095.
    found = d_prime(80_000, 100_000, 40_000, 100_000)
    assert found.d_prime == pytest.approx(1.095, abs=5e-4)
    assert found.interval.high - found.interval.low < 0.03


def test_a_rater_who_notices_everything_has_a_finite_sensitivity():
    best, worst = d_prime(10, 10, 0, 10), d_prime(0, 10, 10, 10)
    assert 3 < best.d_prime < 4
    assert worst.d_prime == pytest.approx(-best.d_prime)
    assert 0 in d_prime(5, 10, 5, 10).interval


@pytest.mark.parametrize("counts", [(1, 0, 1, 1), (2, 1, 0, 1), (-1, 3, 0, 3), (1, 1, 0, 0)])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(InvalidInputError):
        d_prime(*counts)


def doses(slopes):
    return pd.DataFrame(
        [
            {"persona_id": f"p{n}", "rating": 4 + slope * errors, "errors": errors}
            for n, slope in enumerate(slopes)
            for errors in (0, 1, 2)
        ]
    )


def test_the_slope_is_the_mean_of_the_personas_slopes():
    found = dose_response(doses([-1, -1, 0, -1, -1, 0, -1, 0]), dose="errors", seed=1)
    assert found.effect == pytest.approx(-5 / 8)
    assert found.p == 2 / 2**5
    assert (found.n_personas, found.n_rows, found.effect_name) == (8, 24, "mean slope")


def test_who_never_had_an_error_has_no_slope():
    rows = doses([-1, -1, 0])
    rows.loc[rows["persona_id"] == "p0", "errors"] = 1
    assert dose_response(rows, dose="errors", seed=1).n_personas == 2
    with pytest.raises(InvalidInputError, match="0 personas with a varying 'errors'"):
        dose_response(rows.assign(errors=0), dose="errors", seed=1)


def test_slopes_are_within_modules_where_rows_say_the_module():
    apart = doses([0, 0, -1]).assign(module="todo")
    apart["rating"] -= 2
    others = doses([0, 0, -1]).assign(module="notes", errors=0)
    rows = pd.concat([apart, others])
    rows = rows[rows["rating"].between(1, 5)]
    found = dose_response(rows, dose="errors", seed=1)
    assert found.effect == pytest.approx(-1 / 3)
    assert (found.n_personas, found.n_rows) == (3, int((rows["module"] == "todo").sum()))


def test_a_happy_rater_who_notices_errors_is_no_sycophant():
    happy = [(5, 0)] * 24 + [(4, 0)] * 6 + [(5, 1)] * 3 + [(4, 1)] * 7
    rows = pd.DataFrame(happy, columns=["rating", "errors"]).sample(frac=1, random_state=1)
    rows = rows.assign(persona_id="anna", brain="model", module="todo", tick=range(40))
    found = rater_profiles(rows).iloc[0]
    assert -0.6 < found["friction_rho"] < -0.3
    assert not found["sycophantic"]
    unmoved = rows.sort_values("rating").assign(errors=[0, 1] * 20)
    assert rater_profiles(unmoved).iloc[0]["sycophantic"]
