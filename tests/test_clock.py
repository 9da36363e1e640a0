from datetime import UTC, datetime, timedelta

from mana_lab.clock import SIMULATION_EPOCH, ManualClock, SimulatedClock, SystemClock, iso_millis


def test_simulated_time_stands_still_until_it_is_moved():
    clock = SimulatedClock()
    assert clock.now() == clock.now() == SIMULATION_EPOCH
    clock.move_to(SIMULATION_EPOCH + timedelta(days=1))
    assert clock.now() == SIMULATION_EPOCH + timedelta(days=1)


def test_simulated_time_never_goes_back():
    clock = SimulatedClock()
    clock.move_to(SIMULATION_EPOCH - timedelta(days=1))
    assert clock.now() == SIMULATION_EPOCH


def test_a_manual_clock_moves_both_kinds_of_time():
    clock = ManualClock()
    clock.advance(90)
    clock.advance(timedelta(seconds=10))
    assert clock.now() == SIMULATION_EPOCH + timedelta(seconds=100)
    assert clock.monotonic() == 100.0


def test_the_system_clock_is_in_utc_and_its_monotonic_time_does_not_go_back():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_iso_millis_writes_what_javascript_writes():
    moment = datetime(2026, 1, 5, 8, 0, 0, 123_999, tzinfo=UTC)
    assert iso_millis(moment) == "2026-01-05T08:00:00.123Z"
    assert iso_millis(moment.replace(microsecond=0)) == "2026-01-05T08:00:00.000Z"
