from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from identity_house import SERVICE_KEY, action

from mana_lab.clock import ManualClock
from mana_lab.identity.cadence import is_due

BERLIN = "Europe/Berlin"


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2026-01-05T03:00", True),
        ("2026-01-05T03:00", "2026-01-05T03:59", False),
        ("2026-01-05T03:00", "2026-01-05T04:00", True),
        ("2026-01-03T23:30", "2026-01-04T00:30", True),
    ],
)
def test_hourly_is_due_when_an_hour_has_passed(last, now, due):
    assert is_due("hourly", BERLIN, at(last) if last else None, at(now)) is due


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../UTC", "/etc/localtime", "\0", " "])
def test_a_zone_that_nobody_knows_counts_as_berlin(zone):
    assert is_due("daily", zone, None, at("2026-01-05T07:59")) is False
    assert is_due("daily", zone, None, at("2026-01-05T08:00")) is True


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2026-01-05T07:59", False),
        (None, "2026-01-05T08:00", True),
        ("2026-01-05T08:00", "2026-01-05T23:59", False),
        ("2026-01-05T08:00", "2026-01-06T07:59", False),
        ("2026-01-05T23:30", "2026-01-06T08:00", True),
        ("2026-01-05T08:00", "2026-01-10T12:00", True),
    ],
)
def test_daily_is_due_from_eight_in_the_morning_once_a_day(last, now, due):
    assert is_due("daily", BERLIN, at(last) if last else None, at(now)) is due


@pytest.mark.parametrize(
    ("day", "due"),
    [
        ("2026-01-09", True),
        ("2026-01-10", False),
        ("2026-01-11", False),
        ("2026-01-12", True),
    ],
    ids=["Friday", "Saturday", "Sunday", "Monday"],
)
def test_weekdays_are_monday_to_friday(day, due):
    assert is_due("weekdays", BERLIN, None, at(f"{day}T09:00")) is due


def test_the_morning_and_the_week_are_those_of_the_persona():
    friday_evening = at("2026-01-09T23:30", "UTC")
    assert not is_due("weekdays", "Asia/Tokyo", None, friday_evening)
    assert is_due("daily", "Asia/Tokyo", None, friday_evening)
    assert is_due("weekdays", "America/New_York", None, friday_evening)
    assert not is_due("daily", "Pacific/Kiritimati", at("2026-01-09T22:00", "UTC"), friday_evening)


def test_berlin_is_where_a_persona_lives_who_does_not_say():
    assert is_due("daily", None, None, at("2026-07-01T08:00"))
    assert not is_due("daily", None, None, at("2026-07-01T07:59"))


@pytest.mark.parametrize(
    ("night", "eight_in_utc"),
    [("2026-03-29", "2026-03-29T06:00"), ("2026-10-25", "2026-10-25T07:00")],
    ids=["spring forward", "fall back"],
)
def test_eight_in_the_morning_moves_with_the_clocks(night, eight_in_utc):
    eight = at(eight_in_utc, "UTC")
    yesterday = at(f"{night}T08:00") - timedelta(days=1)
    assert not is_due("daily", BERLIN, yesterday, eight - timedelta(minutes=1))
    assert is_due("daily", BERLIN, yesterday, eight)


def test_the_hour_that_comes_twice_is_two_hours():
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert not is_due("hourly", BERLIN, first, first + timedelta(minutes=59))
    assert is_due("hourly", BERLIN, first, first + timedelta(minutes=60))


def test_two_weeks_of_hours_make_fourteen_days_and_ten_weekdays():
    clock = ManualClock(datetime(2026, 3, 20, tzinfo=UTC))
    ticks = {"daily": [], "weekdays": [], "hourly": []}
    for _ in range(14 * 24):
        for cadence, done in ticks.items():
            if is_due(cadence, BERLIN, done[-1] if done else None, clock.now()):
                done.append(clock.now())
        clock.advance(timedelta(hours=1))
    assert {cadence: len(done) for cadence, done in ticks.items()} == {
        "daily": 14,
        "weekdays": 10,
        "hourly": 336,
    }


async def test_who_is_due_comes_by_address_with_all_that_a_tick_needs(house):
    for name in ("cleo", "ben", "zoe"):
        await house.persona(name)
    await house.persona("maya", tick_cadence="hourly", timezone=None, language=None)
    await house.person("anna@a.test")
    assert await house.due() == ["maya"]
    house.clock.advance(timedelta(hours=7))
    assert await house.due() == ["ben", "cleo", "maya", "zoe"]
    found = await house.identity.due_personas(SERVICE_KEY)
    assert found.server_time == house.clock.now()
    ben = found.personas[0]
    assert (ben.name, ben.archetype, ben.system_prompt) == ("Ben", "student", "You are ben.")
    assert (ben.module_mix, ben.tick_cadence) == ({"todo": 0.7, "notes": 0.3}, "daily")
    assert (ben.timezone, ben.language, ben.last_active_at) == (BERLIN, "de", None)


async def test_all_personas_are_told_whether_due_or_not(house):
    for name in ("zoe", "ben"):
        await house.persona(name)
    await house.person("anna@a.test")
    assert await house.due() == []
    found = await house.identity.all_personas(SERVICE_KEY)
    assert [each.name for each in found.personas] == ["Ben", "Zoe"]
    house.clock.advance(timedelta(hours=7))
    assert await house.identity.due_personas(SERVICE_KEY) == found.model_copy(
        update={"server_time": house.clock.now()}
    )


async def test_a_tick_without_calls_is_not_due_again(house):
    """The original failed here: a persona without calls was due again every minute."""
    ben = await house.persona("ben", tick_cadence="hourly")
    assert await house.due() == ["ben"]
    await house.identity.record_tick(SERVICE_KEY, ben.user_id, "tick-1", house.clock.now())
    assert await house.due() == []
    house.clock.advance(timedelta(minutes=59))
    assert await house.due() == []
    house.clock.advance(timedelta(minutes=1))
    assert await house.due() == ["ben"]


async def test_a_tick_with_calls_is_not_due_again(house):
    ben = await house.persona("ben", tick_cadence="hourly")
    await house.identity.record_actions(SERVICE_KEY, ben.user_id, [action()])
    assert await house.due() == []


async def test_a_late_report_of_an_old_tick_makes_nobody_due_again(house):
    ben = await house.persona("ben", tick_cadence="hourly")
    now = house.clock.now()
    await house.identity.record_tick(SERVICE_KEY, ben.user_id, "tick-2", now)
    await house.identity.record_tick(SERVICE_KEY, ben.user_id, "tick-1", now - timedelta(hours=5))
    assert await house.due() == []


async def test_the_end_of_a_tick_may_leave_out_its_time(house):
    ben = await house.persona("ben", tick_cadence="hourly")
    answer = await house.http.post(
        f"/api/v1/internal/personas/{ben.user_id}/ticks",
        json={"tickId": "tick-1"},
        headers={"X-Service-Key": SERVICE_KEY},
    )
    assert answer.json() == {"ok": True}
    assert await house.due() == []
