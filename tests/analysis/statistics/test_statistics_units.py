import numpy as np
import pandas as pd
import pytest
from rows_house import rows_of

from mana_lab.analysis.statistics import (
    compare_between,
    compare_independent,
    compare_models,
    compare_modules,
    compare_paired,
    compare_runs,
    compare_within,
    dose_response,
    fit_clmm,
    journey_reliability,
    kaplan_meier,
    last_activity,
    log_rank,
    mean_ratings,
    noise_floor,
    persona_agreement,
    persona_means,
    proportional_odds,
    rater_profiles,
    repeat_agreement,
)
from mana_lab.analysis.statistics.screening import screen
from mana_lab.errors import InvalidInputError, MixedBrainsError, PseudoReplicationError

PERSONAS = ["anna"] * 10 + ["ben"] * 10 + ["cem"] * 10
RATINGS = [5] * 9 + [4] + [1] * 9 + [2] + [3] * 9 + [2]


def test_the_ratings_of_a_persona_become_one_mean():
    units = persona_means(
        rows_of(("ben", "todo", 1), ("anna", "todo", 4), ("anna", "todo", 5), ("anna", "notes", 2)),
        "module",
    )
    expected = pd.DataFrame({"notes": [2.0, np.nan], "todo": [4.5, 1.0]}, index=["anna", "ben"])
    pd.testing.assert_frame_equal(units.means, expected, check_names=False)
    assert (units.n_rows, units.n_missing) == (4, 0)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_rating_is_counted_and_left_out(missing):
    units = persona_means(rows_of(("anna", "todo", 4), ("anna", "todo", missing)), "module")
    assert units.means.loc["anna", "todo"] == 4
    assert (units.n_rows, units.n_missing) == (1, 1)


@pytest.mark.parametrize("rating", [0, 6, -1, 3.5, np.inf, "very good", "5 stars"])
def test_a_rating_that_is_none_is_refused(rating):
    with pytest.raises(InvalidInputError, match=r"whole numbers from 1 to 5|not a number"):
        persona_means(rows_of(("anna", "todo", rating)), "module")


def test_no_rating_at_all_is_refused():
    with pytest.raises(InvalidInputError, match="there is no rating"):
        persona_means(rows_of(), "module")


def test_a_missing_column_is_named():
    with pytest.raises(InvalidInputError, match="no column 'variant'; there are: persona_id"):
        persona_means(rows_of(("anna", "todo", 4)), "variant")


def test_flat_ratings_with_repeated_personas_are_refused_with_the_design_effect():
    with pytest.raises(PseudoReplicationError) as refused:
        compare_paired(RATINGS, RATINGS[::-1], personas=PERSONAS, seed=1)
    error = refused.value
    assert (error.rows, error.personas, error.code) == (30, 3, "pseudo-replication")
    assert error.design_effect == pytest.approx(9.76, abs=0.05)
    for part in ("30 ratings of 3 personas", "1+(n-1)·ICC is 9.8", "compare_within(feedback"):
        assert part in error.message


@pytest.mark.parametrize("ratings", [[3, 3, 3, 3], [1, 2, 3, 4]], ids=["equal", "one persona"])
def test_ratings_that_cannot_tell_the_icc_are_refused_as_if_it_were_1(ratings):
    personas = ["anna", "anna", "ben", "ben"] if ratings[0] == ratings[1] else ["anna"] * 4
    with pytest.raises(PseudoReplicationError, match="up to 1") as refused:
        compare_paired(ratings, ratings, personas=personas, seed=1)
    assert refused.value.design_effect == 4 / len(set(personas))


def test_flat_ratings_without_personas_are_refused_with_the_right_call():
    with pytest.raises(PseudoReplicationError) as refused:
        compare_independent(RATINGS, RATINGS, seed=1)
    assert (refused.value.rows, refused.value.personas) == (30, 0)
    for part in ("30 ratings of an unknown number", "design effect", "compare_between(feedback"):
        assert part in refused.value.message


def test_repeated_personas_in_either_group_are_refused():
    once = {"first_personas": ["x", "y"], "second_personas": ["anna", "anna"]}
    with pytest.raises(PseudoReplicationError):
        compare_independent([1, 2], [3, 4], seed=1, **once)


ROWS = rows_of(
    *[("anna", "todo", 4), ("anna", "notes", 2), ("ben", "todo", 5), ("ben", "notes", 1)] * 2,
    variant="A",
    tick=1,
    errors=0,
)
CALLS = {
    "compare_modules": lambda rows: compare_modules(rows, seed=1),
    "compare_within": lambda rows: compare_within(rows, variant="variant", seed=1),
    "compare_between": lambda rows: compare_between(rows, group="variant", seed=1),
    "mean_ratings": lambda rows: mean_ratings(rows, seed=1),
    "fit_clmm": lambda rows: fit_clmm(rows, "module"),
    "proportional_odds": lambda rows: proportional_odds(rows, "module"),
    "persona_agreement": lambda rows: persona_agreement(rows),
    "repeat_agreement": lambda rows: repeat_agreement(rows, repeat="variant"),
    "dose_response": lambda rows: dose_response(rows, dose="errors", seed=1),
    "compare_runs": lambda rows: compare_runs(rows, rows, seed=1),
    "noise_floor": lambda rows: noise_floor(rows, rows),
    "compare_models": lambda rows: compare_models(rows, rows, seed=1),
}


@pytest.mark.parametrize("rows", [[1, 2], None, np.ones((2, 2))], ids=["list", "None", "array"])
@pytest.mark.parametrize(
    "call",
    [*CALLS.values(), journey_reliability, last_activity, rater_profiles],
    ids=[*CALLS, "journey_reliability", "last_activity", "rater_profiles"],
)
def test_what_is_no_frame_is_refused(call, rows):
    with pytest.raises(InvalidInputError, match="a pandas DataFrame is needed"):
        call(rows)


@pytest.mark.parametrize("seed", [None, -1, 1.5, "7", [1, 2]])
def test_what_is_no_seed_is_refused(seed):
    calls = (
        lambda: compare_modules(ROWS, seed=seed),
        lambda: compare_runs(ROWS, ROWS, seed=seed),
        lambda: compare_paired([1, 2], [2, 3], personas=["anna", "ben"], seed=seed),
        lambda: mean_ratings(ROWS, seed=seed),
        lambda: screen(pd.DataFrame({"m": [1.0, 2.0]}), ["m"], seed=seed),
    )
    for call in calls:
        with pytest.raises(InvalidInputError, match="a whole number from 0"):
            call()


def test_numbers_and_generators_of_numpy_are_seeds():
    for seed in (np.int64(1), np.random.default_rng(1)):
        assert compare_modules(ROWS, seed=seed).n_personas == 2


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_rows_that_do_not_say_whose_they_are_are_refused(call):
    with pytest.raises(PseudoReplicationError, match="persona_id"):
        call(ROWS.drop(columns="persona_id"))
    with pytest.raises(PseudoReplicationError):
        call(ROWS.assign(persona_id=ROWS["persona_id"].where(ROWS.index > 0)))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("column", ["brain", "brain_kind"])
def test_the_ratings_of_different_brains_are_not_mixed(call, column):
    mixed = ROWS.assign(**{column: ["scripted", "model"] * 4})
    with pytest.raises(MixedBrainsError, match="model, scripted"):
        call(mixed)


def test_one_brain_among_rows_that_do_not_say_theirs_is_mixed_too():
    with pytest.raises(MixedBrainsError, match="scripted and unknown"):
        persona_means(ROWS.assign(brain=["scripted"] + [None] * 7), "module")


def test_one_kind_of_two_brains_is_mixed():
    rows = ROWS.assign(brain_kind="model", brain=["claude", "other"] * 4)
    with pytest.raises(MixedBrainsError, match="claude, other"):
        persona_means(rows, "module")


@pytest.mark.parametrize("personas", [None, ["anna", "anna", "ben"]])
def test_durations_need_one_persona_each(personas):
    with pytest.raises(PseudoReplicationError, match="last_activity"):
        kaplan_meier([1, 2, 3], [True, True, False], personas=personas)
    with pytest.raises(PseudoReplicationError, match="last_activity"):
        log_rank([1, 2, 3], [True, True, False], ["a", "b", "b"], personas=personas)


def test_tries_need_a_persona():
    with pytest.raises(PseudoReplicationError, match="journey_reliability"):
        journey_reliability(pd.DataFrame({"journey": ["a"], "success": [True]}))
