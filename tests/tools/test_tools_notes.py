from mana_lab.clock import iso_millis
from mana_lab.crypto import is_encrypted
from mana_lab.sync.wire import Change


async def titles(caller, query="", **arguments):
    found = await caller.call("notes.search", query=query, **arguments)
    return [note["title"] for note in found["notes"]]


async def test_a_new_note_has_the_original_record_with_its_defaults(anna, house):
    made = await anna.call("notes.create", title="Garden")
    now = iso_millis(house.clock.now())
    plain = {
        "id": made["note"]["id"],
        "color": None,
        "isPinned": False,
        "isArchived": False,
        "createdAt": now,
        "updatedAt": now,
    }
    assert made == {"note": plain | {"title": "Garden", "content": ""}}
    [change] = await anna.log("notes", "notes")
    assert is_encrypted(change.data.pop("title"))
    assert is_encrypted(change.data.pop("content"))
    assert change.data == plain | {"spaceId": anna.space.id}


async def test_an_empty_query_gives_the_newest_notes(anna):
    """The original gave the oldest ones and called them most recent."""
    for n in range(4):
        await anna.call("notes.create", title=str(n))
    assert await titles(anna) == ["3", "2", "1", "0"]
    assert await titles(anna, limit=2) == ["3", "2"]


async def test_a_query_is_looked_for_in_title_and_content_whatever_the_case(anna):
    await anna.call("notes.create", title="Straße", content="Blumen")
    await anna.call("notes.create", title="Meeting", content="BUDGET agreed")
    await anna.call("notes.create", title="Budget", color="#00ff00", isPinned=True)
    assert await titles(anna, "budget") == ["Budget", "Meeting"]
    assert await titles(anna, "STRASSE") == ["Straße"]
    assert await titles(anna, "budget", limit=1) == ["Budget"]
    assert await titles(anna, "100%") == []


async def test_archived_notes_are_found_only_when_asked_for(anna, house):
    made = await anna.call("notes.create", title="Old")
    house.clock.advance(60)
    stamp = iso_millis(house.clock.now())
    archived = Change.to_update("notes", made["note"]["id"], {"isArchived": True}, stamp)
    await anna.push("notes", archived.model_copy(update={"space_id": anna.space.id}))
    assert await titles(anna) == []
    assert await titles(anna, includeArchived=True) == ["Old"]


async def test_the_text_of_an_edited_note_is_found_and_the_old_one_is_not(anna, house):
    flat = await house.share("Flat", anna)
    made = await anna.call("notes.create", space=flat, title="Wifi", content="secret1")
    house.clock.advance(60)
    stamp = iso_millis(house.clock.now())
    edit = Change.to_update("notes", made["note"]["id"], {"content": "secret2"}, stamp)
    await anna.push("notes", edit.model_copy(update={"space_id": flat.id}))
    assert await titles(anna, "secret2", space=flat) == ["Wifi"]
    assert await titles(anna, "secret1", space=flat) == []
