from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import InvalidInputError
from mana_lab.runner.schedule import check_seed, end_of, instants, run_id, scene_seed, tick_id


def test_a_run_visits_its_start_and_every_full_hour_before_its_end():
    start = datetime(2026, 1, 5, 7, 20, tzinfo=UTC)
    moments = list(instants(start, end_of(start, 0.125)))
    assert [f"{moment:%H:%M}" for moment in moments] == ["07:20", "08:00", "09:00", "10:00"]


def test_a_day_has_24_instants_and_two_runs_share_none():
    middle = end_of(SIMULATION_EPOCH, 1)
    first = list(instants(SIMULATION_EPOCH, middle))
    second = list(instants(middle, end_of(middle, 1)))
    assert len(first) == len(second) == 24
    assert {b - a for a, b in pairwise(first + second)} == {timedelta(hours=1)}


@pytest.mark.parametrize("days", [0, -1, float("nan")])
def test_a_run_of_no_time_is_refused(days):
    with pytest.raises(InvalidInputError, match="more than 0 days"):
        end_of(SIMULATION_EPOCH, days)


@pytest.mark.parametrize("days", [1e9, float("inf")])
def test_a_run_beyond_the_calendar_is_refused(days):
    with pytest.raises(InvalidInputError, match="calendar"):
        end_of(SIMULATION_EPOCH, days)


@pytest.mark.parametrize("seed", [7.0, "7", True, None, 2**63, -(2**63) - 1], ids=repr)
def test_a_seed_is_a_whole_number_of_64_bits(seed):
    check_seed(7)
    with pytest.raises(InvalidInputError, match="64 bits"):
        check_seed(seed)


def test_ids_follow_from_what_they_name():
    run = run_id(1, 7, SIMULATION_EPOCH)
    assert run == run_id(1, 7, SIMULATION_EPOCH)
    assert run not in {run_id(2, 7, SIMULATION_EPOCH), run_id(1, 8, SIMULATION_EPOCH)}
    tick = tick_id(run, "persona.anna@mana.test", 1)
    assert tick == tick_id(run, "persona.anna@mana.test", 1)
    assert tick != tick_id(run, "persona.anna@mana.test", 2)
    assert scene_seed(7, "persona.anna@mana.test", 3) == "7/persona.anna@mana.test/3"
