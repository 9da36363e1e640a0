from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mana_lab.errors import InvalidInputError
from mana_lab.sync.stamps import NEVER, canonical_stamp, instant_of, parse_stamp, stamp_after

FIRST = datetime(1970, 1, 2, tzinfo=UTC)
MOMENTS = st.integers(0, 10**16).map(lambda number: FIRST + timedelta(microseconds=number))


def test_stamps_compare_as_instants_where_their_texts_sort_the_other_way():
    earlier, later = "2026-01-05T08:00:00Z", "2026-01-05T08:00:00.500Z"
    assert earlier > later
    assert parse_stamp(earlier) < parse_stamp(later)


def test_one_instant_in_two_zones_is_one_stamp():
    berlin = parse_stamp("2026-01-05T09:00:00.250+01:00")
    assert berlin == parse_stamp("2026-01-05T08:00:00.250Z")
    assert canonical_stamp(berlin) == "2026-01-05T08:00:00.250Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-01-05",
        "2026-01-05T08:00:00",
        "2026-01-05 08:00:00Z",
        "2026-01-05T08:00Z",
        "20260105T080000Z",
        "2026-W02-1T08:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-01-05T24:00:01Z",
        "2026-01-05T08:00:00.Z",
        "2026-01-05T08:00:00.1234567890Z",
        "2026-01-05T08:00:00Z\n",
        "٢٠٢٦-01-05T08:00:00Z",
        "0000-01-05T08:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_not_a_time_with_a_zone_is_no_stamp(text):
    with pytest.raises(InvalidInputError, match="is not an ISO-8601 time"):
        parse_stamp(text)
    assert instant_of(text) == NEVER


def test_nanoseconds_of_other_services_are_read():
    assert canonical_stamp(parse_stamp("2026-01-05T08:00:00.123456789Z")) == (
        "2026-01-05T08:00:00.123456Z"
    )


@given(MOMENTS)
def test_the_canonical_text_of_an_instant_reads_back(moment):
    assert parse_stamp(canonical_stamp(moment)) == moment


def test_a_write_without_a_time_has_the_empty_stamp():
    assert canonical_stamp(NEVER) == ""
    assert instant_of("") == instant_of(None) == instant_of(12) == NEVER


@given(latest=MOMENTS, now=MOMENTS)
def test_the_next_stamp_is_later_than_the_latest_and_in_whole_milliseconds(latest, now):
    following = stamp_after(latest, now)
    assert following > latest
    assert following.microsecond % 1000 == 0
    assert following >= now - timedelta(milliseconds=1)
