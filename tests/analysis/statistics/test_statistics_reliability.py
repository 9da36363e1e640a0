import numpy as np
import pytest
from rows_house import rows_of

from mana_lab.analysis.statistics import design_effect, intraclass_correlation, noise_floor
from mana_lab.errors import InvalidInputError

# Four judges of six targets: Shrout and Fleiss (1979), table 2; ICC(1,1) is 0.17 (0.1657), the
# mean squares are 11.24 and 6.26, and pingouin 0.7.0 gives the interval (-0.13, 0.72).
JUDGED = [9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7]
TARGETS = np.repeat(list("abcdef"), 4)


def test_the_icc_is_that_of_a_published_example():
    found = intraclass_correlation(JUDGED, TARGETS)
    assert found.icc == pytest.approx(0.165742, abs=1e-6)
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.13, 0.72), abs=0.005)
    assert found.within == pytest.approx(6.26, abs=0.005)
    assert found.between == pytest.approx((11.24 - 6.26) / 4, abs=0.005)
    assert (found.n_personas, found.n_rows) == (6, 24)


def test_the_design_effect_is_what_thirty_ticks_cost():
    assert design_effect(30, 0.5) == 15.5
    assert design_effect(30, -0.02) == 1
    found = intraclass_correlation(JUDGED, TARGETS)
    assert found.design_effect == pytest.approx(1 + 3 * 0.165742, abs=1e-5)
    assert found.effective_n == pytest.approx(24 / found.design_effect)


def test_a_missing_rating_is_left_out_and_order_does_not_matter():
    order = np.random.default_rng(1).permutation(24)
    shuffled = intraclass_correlation(np.array(JUDGED)[order], TARGETS[order])
    assert shuffled.icc == pytest.approx(intraclass_correlation(JUDGED, TARGETS).icc)
    more = intraclass_correlation([*JUDGED, np.nan], [*TARGETS, "a"])
    assert more.icc == pytest.approx(shuffled.icc)


def test_personas_who_never_vary_are_fully_alike():
    found = intraclass_correlation([1, 1, 5, 5], ["a", "a", "b", "b"])
    assert (found.icc, found.within, found.effective_n) == (1, 0, 2)
    assert (found.interval.low, found.interval.high) == (1, 1)


def test_one_persona_is_one_value_however_often_they_rate():
    found = intraclass_correlation([1, 2, 3, 4], ["a"] * 4)
    assert np.isnan(found.icc)
    assert (found.design_effect, found.effective_n) == (4, 1)


@pytest.mark.parametrize("values", [[3, 3, 3, 3], [1, 2, 3, 4]], ids=["equal", "one each"])
def test_where_nothing_can_be_told_the_icc_is_missing(values):
    owners = list("aabb") if values[0] == values[1] else list("abcd")
    assert np.isnan(intraclass_correlation(values, owners).icc)


@pytest.mark.parametrize(("values", "owners"), [([], []), ([np.nan], ["a"]), ([1, 2], ["a"])])
def test_no_rating_or_no_owner_is_refused(values, owners):
    with pytest.raises(InvalidInputError):
        intraclass_correlation(values, owners)


def test_less_than_one_rating_has_no_design_effect():
    with pytest.raises(InvalidInputError):
        design_effect(0, 0.5)


def runs(*gaps):
    """Make two runs in which personas differ by these gaps, from 3."""
    first = rows_of(*[(f"p{n}", "todo", 3) for n in range(len(gaps))])
    return first, first.assign(rating=[3 + gap for gap in gaps])


def test_the_noise_floor_of_a_persona_is_a_quantile_of_the_differences():
    floor = noise_floor(*runs(0, 0, 1, -1, 2), alpha=0.2)
    assert (floor.persona, floor.n_personas) == (2, 5)
    assert noise_floor(*runs(0, 0, 1, -1, 2), alpha=0.6).persona == 1


def test_the_noise_floor_of_the_mean_is_students():
    floor = noise_floor(*runs(0, 0, 1, -1, 2))
    assert floor.mean == pytest.approx(2.776445 * np.std([0, 0, 1, -1, 2], ddof=1) / np.sqrt(5))


def test_only_personas_of_both_runs_count():
    first, second = runs(0, 1, 2)
    assert noise_floor(first[:2], second).n_personas == 2
    with pytest.raises(InvalidInputError, match="1 persona in both"):
        noise_floor(first[:1], second)
    with pytest.raises(InvalidInputError, match="0 personas in both"):
        noise_floor(first[:1], second[1:])


@pytest.mark.parametrize("alpha", [0, 1, -0.1])
def test_an_alpha_lies_between_0_and_1(alpha):
    with pytest.raises(InvalidInputError, match="alpha"):
        noise_floor(*runs(0, 1), alpha=alpha)
