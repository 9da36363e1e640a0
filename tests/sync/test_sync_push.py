import asyncio
import json
from uuid import uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sync_house import FLAT, insertion

from mana_lab.sync.server.tables import sync_changes

STAMP = "2026-01-05T00:00:01.000Z"
LATER = "2026-01-05T00:00:02.000Z"
TRAPS = {
    "sqlite": [
        """
        CREATE TRIGGER trap BEFORE INSERT ON sync_changes WHEN NEW.record_id = '3'
        BEGIN SELECT RAISE(ABORT, 'disk on fire'); END
    """
    ],
    "postgres": [
        """
        CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'disk on fire'; END $$
        """,
        """
        CREATE TRIGGER trap BEFORE INSERT ON sync_changes FOR EACH ROW
        WHEN (NEW.record_id = '3') EXECUTE FUNCTION trap()
        """,
    ],
}


async def rows(house):
    return [row._asdict() for row in house.rows()]


async def test_a_pushed_change_comes_back_with_what_the_service_knows_about_it(house):
    event = str(uuid4())
    change = insertion(actor={"kind": "user"}, origin="agent", eventId=event, spaceId=FLAT)
    answer = await house.push(change, headers={"x-client-id": "laptop"})
    assert answer.status_code == 200
    assert answer.json() == {
        "serverChanges": [
            change | {"schemaVersion": 1, "clientId": "laptop", "userId": "anna", "seq": 1}
        ],
        "conflicts": [],
        "syncedUntil": answer.json()["syncedUntil"],
        "hasMore": False,
    }


async def test_the_log_has_the_columns_of_the_original(house):
    stamp = "2026-01-05T00:00:01.000Z"
    update = {
        "table": "tasks",
        "id": "1",
        "op": "update",
        "fields": {"title": {"value": None, "updatedAt": stamp}},
        "data": {"title": "discarded"},
    }
    delete = {"table": "tasks", "id": "1", "op": "delete", "deletedAt": stamp}
    await house.push(update, delete)
    first, second = await rows(house)
    assert first == {
        "seq": 1,
        "id": first["id"],
        "app_id": "todo",
        "table_name": "tasks",
        "record_id": "1",
        "user_id": "anna",
        "op": "update",
        "data": {"title": None},
        "field_timestamps": {"title": stamp},
        "client_id": "phone",
        "created_at": house.clock.now(),
        "schema_version": 1,
        "actor": None,
        "origin": None,
        "space_id": "_personal:anna",
    }
    assert second["data"] == {"deletedAt": stamp}
    assert first["id"] != second["id"]


async def test_the_user_of_a_change_is_the_tokens_whatever_the_body_says(house):
    await house.push(insertion(userId="ben"), userId="ben", user_id="ben")
    assert [row["user_id"] for row in await rows(house)] == ["anna"]


async def test_a_push_is_stored_whole_or_not_at_all(house):
    good, bad = insertion("1"), insertion("2", op="drop")
    answer = await house.push(good, bad)
    assert answer.status_code == 400
    assert await rows(house) == []


async def test_a_store_that_fails_halfway_keeps_nothing_of_the_push(house):
    for statement in TRAPS[house.home.kind]:
        house.tamper(text(statement))
    answer = await house.push(*(insertion(str(number)) for number in range(5)))
    assert (answer.status_code, answer.json()["error"]) == (503, "service-unavailable")
    assert "fire" not in answer.text
    assert await rows(house) == []
    assert (await house.push(insertion("4"))).status_code == 200


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
async def test_a_push_onto_a_full_disk_may_be_sent_again_once_there_is_room(house):
    async def room(pages):
        limit = f"PRAGMA max_page_count = {pages}"
        await house.store.write(lambda connection: connection.exec_driver_sql(limit))

    data = {"title": "x" * 50_000}
    changes = [insertion(str(number), eventId=str(uuid4()), data=data) for number in range(3)]
    await room(1)  # as many as there are
    answer = await house.push(*changes)
    assert (answer.status_code, answer.json()["error"]) == (503, "store-unavailable")
    assert await rows(house) == []
    await room(2**30)
    assert (await house.push(*changes)).status_code == 200
    assert [row["record_id"] for row in await rows(house)] == ["0", "1", "2"]


async def test_a_push_that_is_sent_again_is_stored_once(house):
    changes = [insertion(str(number), eventId=str(uuid4())) for number in range(3)]
    first, second = await house.push(*changes), await house.push(*changes)
    assert first.json() == second.json()
    assert len(await rows(house)) == 3


async def test_a_push_sent_fifty_times_at_once_is_stored_once(house):
    changes = [insertion("1", eventId=str(uuid4())), insertion("2", eventId=str(uuid4()))]
    answers = await asyncio.gather(*(house.push(*changes) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert [row["record_id"] for row in await rows(house)] == ["1", "2"]


async def test_an_event_twice_in_one_push_is_stored_once(house):
    change = insertion(eventId=str(uuid4()))
    await house.push(change, change)
    assert len(await rows(house)) == 1


async def test_an_event_id_is_the_same_in_every_spelling(house):
    event = uuid4()
    for spelling in (str(event), str(event).upper(), f"{{{event}}}"):
        assert (await house.push(insertion(eventId=spelling))).status_code == 200
    assert [row["id"] for row in await rows(house)] == [str(event)]


async def test_a_delete_without_a_time_can_be_sent_again_later(house):
    delete = {"table": "tasks", "id": "1", "op": "delete", "eventId": str(uuid4())}
    await house.push(delete)
    house.clock.advance(60)
    assert (await house.push(delete)).status_code == 200
    assert [row["data"] for row in await rows(house)] == [{"deletedAt": "2026-01-05T00:00:00.000Z"}]


@pytest.mark.parametrize(
    "other",
    [
        {"id": "2"},
        {"table": "projects"},
        {"data": {"title": "Bread"}},
        {"spaceId": FLAT},
        {"op": "delete"},
    ],
    ids=["record", "table", "content", "space", "operation"],
)
async def test_an_event_id_cannot_be_used_for_another_change(house, other):
    event = str(uuid4())
    await house.push(insertion(eventId=event))
    answer = await house.push(insertion("9"), insertion(eventId=event) | other)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert len(await rows(house)) == 1


async def test_two_users_may_draw_the_same_event_id(house):
    event = str(uuid4())
    for user in ("anna", "ben"):
        assert (await house.push(insertion(eventId=event), user=user)).status_code == 200
    assert [row["user_id"] for row in await rows(house)] == ["anna", "ben"]


async def test_fields_and_tables_nobody_here_knows_survive_the_round_trip(house):
    data = {
        "id": "1",
        "$ref": {"deep": [1, 2.5, -0.0, True, None, "\x00", {"": []}]},
        "big": 2**70,
        "secret": "enc:1:AAAAAAAAAAAAAAAA.AAAA",
        "cut emoji": "\ud83d",
        "__proto__": {"x": 1},
        "z": 1,
        "a": 2,
    }
    change = {"table": "auguries_v2", "id": "ä/../1", "op": "insert", "data": data}
    answer = await house.push(change, app="augur")
    (back,) = answer.json()["serverChanges"]
    assert json.dumps(back["data"]) == json.dumps(data)
    assert (back["table"], back["id"]) == ("auguries_v2", "ä/../1")


async def test_unknown_members_of_the_envelope_are_ignored(house):
    answer = await house.push(insertion(place="here", at="now"), appId="other", hurry=True)
    assert answer.status_code == 200
    assert "place" not in answer.json()["serverChanges"][0]


def updating(field):
    return {"table": "tasks", "id": "1", "op": "update", "fields": {"title": field}}


@pytest.mark.parametrize(
    "field",
    [
        {"value": "a", "updatedAt": STAMP},
        {"value": "a", "at": STAMP},
        {"value": "a", "updatedAt": STAMP, "at": STAMP},
    ],
    ids=["first wire", "later wire", "both"],
)
async def test_clients_of_both_wires_read_the_stamp_by_the_name_that_they_know(house, field):
    """The original's later service dropped the stamps of earlier clients, so all of them lost."""
    answer = await house.push(insertion(), updating(field))
    assert answer.status_code == 200
    update = answer.json()["serverChanges"][1]
    assert update["fields"] == {"title": {"value": "a", "updatedAt": STAMP, "at": STAMP}}
    assert [row["field_timestamps"] for row in await rows(house)] == [{}, {"title": STAMP}]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"value": "a", "updatedAt": STAMP, "at": LATER}, "two different ones"),
        ({"value": "a", "updatedAt": STAMP, "at": None}, "two different ones"),
        ({"value": "a", "at": None}, "changes[0].fields.title"),
        ({"value": "a", "at": 7}, "changes[0].fields.title"),
        ({"value": "a", "at": ""}, "changes[0].fields.title"),
        ({"value": "a", "at": "yesterday"}, "changes[0].fields.title"),
        ({"value": "a"}, "changes[0].fields.title"),
    ],
    ids=str,
)
async def test_a_stamp_that_is_none_is_refused_under_either_name(house, field, said):
    answer = await house.push(updating(field))
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert await rows(house) == []


@pytest.mark.parametrize("origin", ["", "x" * 300, "a\nb", 7])
async def test_an_origin_that_is_no_name_is_refused(house, origin):
    answer = await house.push(insertion(origin=origin))
    assert answer.status_code == 400
    assert "origin" in answer.json()["message"]


async def test_the_answer_to_a_push_has_every_table_of_the_app_since_the_cursor(house):
    first = (await house.push(insertion("1"), insertion("2", table="labels"))).json()
    answer = (await house.push(insertion("3"), since=first["syncedUntil"])).json()
    assert [change["id"] for change in first["serverChanges"]] == ["1", "2"]
    assert [change["id"] for change in answer["serverChanges"]] == ["3"]
    assert (await house.push(since=answer["syncedUntil"])).json()["serverChanges"] == []


async def test_the_answer_to_a_push_says_when_there_is_more(house):
    """The original caps the answer at 5,000 and moves the cursor to now: the rest is lost."""
    for start in range(0, 1200, 600):
        await house.push(*(insertion(str(number)) for number in range(start, start + 600)))
    answer = (await house.push()).json()
    assert (len(answer["serverChanges"]), answer["hasMore"]) == (1000, True)
    rest = (await house.push(since=answer["syncedUntil"])).json()
    assert (len(rest["serverChanges"]), rest["hasMore"]) == (200, False)


async def test_a_number_of_the_log_is_never_given_twice(house):
    await house.push(insertion("1"), insertion("2"))
    house.tamper(sync_changes.delete().where(sync_changes.c.seq == 2))
    await house.push(insertion("3"))
    assert [row["seq"] for row in await rows(house)] == [1, 3]


async def test_the_store_itself_refuses_an_unknown_operation(house):
    await house.push(insertion())
    with pytest.raises(IntegrityError, match="sync_changes_op"):
        house.tamper(sync_changes.update().values(op="drop"))


@pytest.mark.parametrize("actor", [0.0, 12345678901234567890123, True, ["user"]], ids=str)
async def test_an_actor_that_is_neither_an_object_nor_a_name_is_refused(house, actor):
    """A bare number would come back from SQLite as another number."""
    answer = await house.push(insertion(actor=actor))
    assert answer.status_code == 400
    assert "changes[0].actor" in answer.json()["message"]
    assert "an object or a name" in answer.json()["message"]
    assert await rows(house) == []


async def test_the_answer_to_a_push_is_found_without_a_look_at_all_that_was_pushed_before(house):
    """SQLite plans by the indexes alone; PostgreSQL would read so small a table as a whole."""
    if house.store.engine.dialect.name != "sqlite":
        pytest.skip("its plan follows from how much there is")
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    since = (await house.push(insertion("1", spaceId=FLAT))).json()["syncedUntil"]
    event.listen(house.store.engine, "before_cursor_execute", note)
    answer = await house.push(insertion("2", spaceId=FLAT), since=since)
    event.remove(house.store.engine, "before_cursor_execute", note)
    assert [change["id"] for change in answer.json()["serverChanges"]] == ["2"]
    [(statement, parameters)] = [one for one in asked if "FROM sync_changes" in one[0]]
    plan = await house.store.read(
        lambda connection: connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", parameters
        ).all()
    )
    assert "sync_changes_app (space_id=? AND app_id=? AND seq>?)" in plan[0].detail
