from datetime import timedelta

import pytest

from mana_lab.clock import iso_millis
from mana_lab.crypto import is_encrypted
from mana_lab.errors import ToolInputError


async def test_a_new_entry_has_the_original_record_with_its_defaults(anna, house):
    made = await anna.call("journal.add", content="A quiet  day,\nI read.")
    now = iso_millis(house.clock.now())
    plain = {
        "id": made["entry"]["id"],
        "title": None,
        "entryDate": "2026-01-05",
        "mood": None,
        "tags": [],
        "wordCount": 5,
        "isPinned": False,
        "isFavorite": False,
        "isArchived": False,
        "createdAt": now,
        "updatedAt": now,
    }
    assert made == {"entry": plain | {"content": "A quiet  day,\nI read."}}
    [change] = await anna.log("journal", "journalEntries")
    assert is_encrypted(change.data.pop("content"))
    assert change.data == plain | {"spaceId": anna.space.id}


async def test_an_entry_keeps_its_day_its_mood_and_its_tags(anna):
    made = await anna.call(
        "journal.add",
        title="Prüfung",
        content="geschafft",
        entryDate="2025-12-31",
        mood="glücklich",
        tags=["uni", "uni"],
    )
    entry = made["entry"]
    assert (
        entry["title"],
        entry["entryDate"],
        entry["mood"],
        entry["tags"],
        entry["wordCount"],
    ) == (
        "Prüfung",
        "2025-12-31",
        "glücklich",
        ["uni", "uni"],
        1,
    )
    [change] = await anna.log("journal", "journalEntries")
    assert is_encrypted(change.data["title"])


async def test_today_is_the_labs_day(house):
    house.clock.advance(24 * 3600)
    anna = await house.user("anna")
    made = await anna.call("journal.add", content="x")
    assert made["entry"]["entryDate"] == "2026-01-06"


async def test_a_mood_is_one_of_the_apps(anna):
    with pytest.raises(ToolInputError, match='"mood" must be one of "dankbar"'):
        await anna.call("journal.add", content="x", mood="happy")


async def test_an_entry_is_about_the_day_where_its_writer_lives(anna, house):
    house.clock.advance(timedelta(hours=23, minutes=30))
    for zone, day in (
        ("UTC", "2026-01-05"),
        ("Europe/Berlin", "2026-01-06"),
        ("Pacific/Pago_Pago", "2026-01-05"),
    ):
        writer = await house.sign_in(anna.principal.email, zone)
        made = await writer.call("journal.add", content="late")
        assert made["entry"]["entryDate"] == day
