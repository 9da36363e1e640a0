from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mana_lab.analysis.statistics import EProcess, ticks_saved
from mana_lab.errors import InvalidInputError


def wealth(ratings, coins, **options):
    """Return the e-value after ticks of one rating per persona and a coin for each."""
    process = EProcess(**{"coin_of": "persona", **options})
    for tick, (said, faces) in enumerate(zip(ratings, coins, strict=True), start=1):
        last = process.add(tick, dict(enumerate(said)), dict(enumerate(faces)))
    return last


def test_the_first_bet_is_on_the_distance_from_the_middle():
    found = wealth([[5]], [[1]], alternative="greater", stakes=(0.5,))
    assert found.e_value == pytest.approx(1.5)
    assert wealth([[5]], [[-1]], alternative="greater", stakes=(0.5,)).e_value == pytest.approx(0.5)
    assert wealth([[5]], [[1]], alternative="less", stakes=(0.5,)).e_value == pytest.approx(0.5)
    assert wealth([[5]], [[1]], stakes=(0.5,)).e_value == pytest.approx(1.0)


def test_later_bets_are_on_the_distance_from_what_the_persona_said_before():
    found = wealth([[5], [4]], [[1], [-1]], alternative="greater", stakes=(0.5,))
    center = 5.0
    assert found.e_value == pytest.approx(1.5 * (1 - 0.5 * (4 - center) / (center - 1)))


RATINGS = st.lists(st.lists(st.integers(1, 5), min_size=2, max_size=2), min_size=1, max_size=4)


@given(RATINGS)
def test_over_all_coins_the_mean_wealth_is_one_with_a_coin_for_each_persona(ratings):
    faces = list(product([1, -1], repeat=2))
    found = [wealth(ratings, coins).e_value for coins in product(faces, repeat=len(ratings))]
    assert np.mean(found) == pytest.approx(1)
    assert min(found) > 0


@given(RATINGS)
def test_over_all_coins_the_mean_wealth_is_one_with_a_coin_for_the_tick(ratings):
    faces = [(1, 1), (-1, -1)]
    found = [
        wealth(ratings, coins, coin_of="tick").e_value
        for coins in product(faces, repeat=len(ratings))
    ]
    assert np.mean(found) == pytest.approx(1)
    assert min(found) > 0


def test_a_coin_for_the_tick_is_one_bet():
    found = wealth([[5, 5, 5]], [[1, 1, 1]], coin_of="tick")
    assert (found.n_bets, found.n_personas) == (1, 3)
    assert wealth([[5, 5, 5]], [[1, 1, 1]]).n_bets == 3


def test_the_bet_of_a_tick_is_scaled_by_earlier_ticks():
    options = {"coin_of": "tick", "alternative": "greater", "stakes": (0.8,)}
    first = (0.5 + 0.0) / 2
    found = wealth([[4, 3]], [[1, 1]], **options)
    assert found.e_value == pytest.approx(1 + 0.8 * first / (2 * 0.25))
    later = wealth([[4, 3], [4, 4]], [[1, 1], [1, 1]], **options)
    scale = 2 * np.sqrt((0.25**2 + first**2) / 2)
    assert later.e_value == pytest.approx(found.e_value * (1 + 0.8 * (0.0 + 0.5) / 2 / scale))


def play(effect, ticks=40, **options):
    rng = np.random.default_rng(3)
    process = EProcess(**{"coin_of": "persona", **options})
    shown = []
    for tick in range(1, ticks + 1):
        coins = rng.choice([-1, 1], 10)
        said = np.clip(np.round(3 + effect * coins / 2 + rng.normal(0, 0.8, 10)), 1, 5)
        shown.append(
            process.add(tick, dict(enumerate(said.tolist())), dict(enumerate(coins.tolist())))
        )
    return shown


def test_a_large_effect_stops_the_run_and_stays_stopped():
    shown = play(1.0)
    first = next(evidence for evidence in shown if evidence.should_stop)
    assert first.e_value >= 20
    assert first.tick == first.stopped_at
    assert {evidence.stopped_at for evidence in shown[first.tick - 1 :]} == {first.tick}
    assert ticks_saved(shown[-1], 40) == pytest.approx(1 - first.tick / 40)
    assert first.p == pytest.approx(1 / first.largest)


def test_a_stricter_level_stops_later():
    first, later = play(1.0)[-1].stopped_at, play(1.0, alpha=0.0001)[-1].stopped_at
    assert first < later


def test_the_p_value_never_rises():
    p = [evidence.p for evidence in play(0.0)]
    assert p == sorted(p, reverse=True)
    assert max(p) <= 1


def test_without_an_effect_nothing_is_saved():
    assert ticks_saved(play(0.0)[-1], 40) == 0
    with pytest.raises(InvalidInputError):
        ticks_saved(play(0.0)[-1], 0)


def test_wealth_does_not_overflow():
    process = EProcess(coin_of="persona")
    for tick in range(1, 3000):
        rating, coin = (5, 1) if tick % 2 else (1, -1)
        last = process.add(tick, {"anna": rating}, {"anna": coin})
    assert np.isfinite(last.e_value)
    assert last.e_value > 1e200


def test_a_tick_without_ratings_changes_nothing():
    found = EProcess(coin_of="tick").add(1, {}, {})
    assert (found.e_value, found.n_bets, found.should_stop) == (1, 0, False)


@pytest.mark.parametrize(
    ("tick", "ratings", "coins", "match"),
    [
        (1, {"a": 3}, {"a": 1}, "ticks come in order"),
        (2, {"a": 6}, {"a": 1}, "ratings are from 1 to 5"),
        (2, {"a": float("nan")}, {"a": 1}, "ratings are from 1 to 5"),
        (2, {"a": 3}, {}, "it is \\+1 or -1"),
        (2, {"a": 3}, {"a": 0}, "it is \\+1 or -1"),
        (2, {"a": 3, "b": 3}, {"a": 1, "b": -1}, "one coin for all"),
    ],
)
def test_what_is_no_tick_is_refused_and_leaves_the_wealth_as_it_was(tick, ratings, coins, match):
    process = EProcess(coin_of="tick")
    before = process.add(1, {"a": 5}, {"a": 1})
    with pytest.raises(InvalidInputError, match=match):
        process.add(tick, ratings, coins)
    assert process.add(2, {}, {}).e_value == before.e_value


@pytest.mark.parametrize(
    "options", [{"alpha": 0}, {"alpha": 1}, {"stakes": (1.0,)}, {"stakes": ()}]
)
def test_alpha_and_stakes_are_shares(options):
    with pytest.raises(InvalidInputError):
        EProcess(coin_of="tick", **options)


def test_the_bet_of_a_tick_is_cut_off_so_that_nobody_loses_everything():
    calm = [[3, 3]] * 20
    coins = [[1, 1]] * 20
    process = {"coin_of": "tick", "alternative": "greater", "stakes": (0.8,)}
    found = wealth([*calm, [5, 5]], [*coins, [-1, -1]], **process)
    assert found.e_value == pytest.approx(0.2)
