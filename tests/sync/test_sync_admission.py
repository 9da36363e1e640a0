import json
import tracemalloc
from contextlib import suppress

import pytest
from sync_house import insertion

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import InvalidInputError
from mana_lab.sync.server.admission import read_changeset

STAMP = "2026-01-05T00:00:00.000Z"


def update(**fields):
    return {"table": "tasks", "id": "1", "op": "update", "fields": fields}


def delete(**other):
    return {"table": "tasks", "id": "1", "op": "delete"} | other


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


async def stored(house):
    return await house.pull_ids("anna")


MALFORMED = {
    "no table": ({"id": "1", "op": "insert", "data": {}}, "changes[0].table: field required"),
    "no id": ({"table": "t", "op": "insert", "data": {}}, "changes[0].id: field required"),
    "empty table": (insertion(table=""), "changes[0].table: '' is not a name"),
    "empty id": (insertion(""), "changes[0].id: empty"),
    "a path as table": (insertion(table="../users"), "changes[0].table: '../users' is not a name"),
    "SQL as table": (insertion(table="t'; DROP TABLE x"), "changes[0].table: "),
    "a long table": (insertion(table="t" * 201), "changes[0].table: "),
    "a long id": (insertion("1" * 201), "changes[0].id: has 201 characters, at most 200"),
    "NUL in the id": (insertion("a\0b"), "changes[0].id: only printable"),
    "half a character as id": (insertion("\ud83d"), "changes[0].id: only printable"),
    "a number as id": (insertion(7), "changes[0].id: input should be a valid string"),
    "an unknown op": (
        insertion(op="drop"),
        "changes[0].op: input should be 'insert', 'update' or 'delete'",
    ),
    "no op": ({"table": "t", "id": "1"}, "changes[0].op: field required"),
    "an insert without data": (insertion(data=None), "changes[0].data: missing"),
    "an update without fields": (update() | {"fields": None}, "changes[0].fields: missing"),
    "text as data": (insertion(data="x"), "changes[0].data: input should be a valid dict"),
    "a bare value as field": (update(title="x"), "changes[0].fields.title: "),
    "a field without a stamp": (
        update(title={"value": "x"}),
        "changes[0].fields.title.updatedAt: missing",
    ),
    "a field's stamp without a zone": (
        update(title={"value": 1, "updatedAt": "2026-01-05T00:00:00"}),
        "changes[0].fields.title.updatedAt: '2026-01-05T00:00:00' is not an ISO-8601 time",
    ),
    "a number as stamp": (
        update(title={"value": 1, "updatedAt": 1767571200}),
        "changes[0].fields.title.updatedAt: ",
    ),
    "a record's malformed stamp": (
        insertion(data={"updatedAt": "yesterday"}),
        "changes[0].data.updatedAt: 'yesterday' is not an ISO-8601 time",
    ),
    "a record's empty stamp": (
        insertion(data={"createdAt": ""}),
        "changes[0].data.createdAt: missing",
    ),
    "a record's number as stamp": (
        insertion(data={"createdAt": 5}),
        "changes[0].data.createdAt: an ISO-8601 time is text, got int",
    ),
    "a malformed deletedAt": (delete(deletedAt="now"), "changes[0].deletedAt: 'now' is not"),
    "a deletedAt in an insert": (
        insertion(deletedAt=STAMP),
        "changes[0].deletedAt: belongs to a delete, got it in an insert",
    ),
    "a long field name": (update(**{"x" * 201: {"value": 1, "updatedAt": STAMP}}), "changes[0]: "),
    "a long name in a record": (insertion(data={"x" * 201: 1}), "changes[0]: a field's name"),
    "a newer schema": (
        insertion(schemaVersion=999),
        "changes[0].schemaVersion: got 999, the newest that is understood is 1",
    ),
    "a text as schema version": (insertion(schemaVersion="1"), "changes[0].schemaVersion: input"),
    "a truth as schema version": (insertion(schemaVersion=True), "changes[0].schemaVersion: input"),
    "a text as place in the log": (insertion(seq="1"), "changes[0].seq: input should be a valid"),
    "an event id that is no UUID": (
        insertion(eventId="first"),
        "changes[0].eventId: 'first' is not a UUID",
    ),
    "a bare text as change": ("x", "changes[0]: "),
}


@pytest.mark.parametrize(("change", "message"), MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_change_is_refused_with_its_place(house, change, message):
    answer = await house.push(change)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert answer.json()["message"].startswith(message)
    assert await stored(house) == []


BAD_FIELDS = {
    "stamps that are numbers": {"updatedAt": 1},
    "stamps that are numbers, by their other name": {"at": 1},
    "stamps that differ": {"updatedAt": STAMP, "at": ""},
}


@pytest.mark.parametrize("field", BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_ten_thousand_bad_fields_take_no_more_than_as_many_good_ones(field):
    def peak_of(field, count=10_000):
        """Return how many bytes reading takes at most."""
        fields = {f"{number}": field for number in range(count)}
        body = json.dumps({"clientId": "phone", "changes": [update(**fields)]}).encode()
        tracemalloc.start()
        try:
            with suppress(InvalidInputError):
                read_changeset(body, "", SIMULATION_EPOCH)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak_of(field) < peak_of({"value": 1, "updatedAt": STAMP})


async def test_the_first_of_many_bad_fields_is_named(house):
    good = {"value": 1, "updatedAt": STAMP}
    answer = await house.push(update(good=good), update(good=good, bad=1, worse=2), insertion(7))
    assert answer.json()["message"].startswith("changes[1].fields.bad: ")


async def test_the_place_of_a_complaint_is_the_changes(house):
    answer = await house.push(insertion("1"), insertion("2"), insertion("3", op="drop"))
    assert answer.json()["message"].startswith("changes[2].op: ")


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        ({"clientId": None}, "clientId: missing"),
        ({"clientId": ""}, "clientId: missing"),
        ({"clientId": "x" * 201}, "clientId: has 201 characters"),
        ({"clientId": 5}, "clientId: input should be a valid string"),
        ({"schemaVersion": 2}, "schemaVersion: got 2, the newest that is understood is 1"),
        ({"schemaVersion": "x"}, "schemaVersion: input should be a valid integer"),
        ({"schemaVersion": "1"}, "schemaVersion: input should be a valid integer"),
        ({"schemaVersion": False}, "schemaVersion: input should be a valid integer"),
        ({"since": 5}, "since: input should be a valid string"),
        ({"changes": None}, "changes: input should be a valid list"),
        ({"changes": {}}, "changes: input should be a valid list"),
    ],
)
async def test_a_malformed_envelope_is_refused(house, envelope, message):
    answer = await house.push(insertion(), **envelope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert answer.json()["message"].startswith(message)


async def test_a_client_id_is_looked_at_in_both_of_its_places(house):
    """The header's is the one that counts; the body's is no place for what no client is called."""
    phone = {"x-client-id": "phone"}
    answer = await house.push(insertion(), headers=phone, clientId="laptop")
    assert answer.json()["serverChanges"][0]["clientId"] == "phone"
    assert (await house.push(insertion(), headers=phone, clientId="")).status_code == 200
    assert (await house.push(insertion(), headers={"x-client-id": ""})).status_code == 200
    for headers, body, place in (
        (phone, "x" * 201, "clientId"),
        ({"x-client-id": "x" * 201}, "phone", "X-Client-Id"),
    ):
        answer = await house.push(insertion(), headers=headers, clientId=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
        assert answer.json()["message"].startswith(f"{place}: has 201 characters")


@pytest.mark.parametrize("version", [None, 0, -3, 1])
async def test_a_missing_or_old_schema_version_counts_as_the_first(house, version):
    answer = await house.push(insertion(schemaVersion=version), schemaVersion=version)
    assert answer.json()["serverChanges"][0]["schemaVersion"] == 1


def with_number(digits):
    change = b'{"table":"t","id":"1","op":"insert","data":{"n":' + digits + b"}}"
    return b'{"clientId":"x","changes":[' + change + b"]}"


NO_PUSH = {
    "nothing": b"",
    "null": b"null",
    "an array": b"[]",
    "a number": b"5",
    "a text": b'"x"',
    "half an object": b"{",
    "an empty object": b"{}",
    "UTF-16": '{"clientId":"x","changes":[]}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"clientId":"x","changes":[]}',
    "something after it": b'{"clientId":"x","changes":[]} trailing',
    "bytes that are no text": b'{"clientId":"\xff","changes":[]}',
    "a form": b"clientId=x&changes=",
    "NaN": with_number(b"NaN"),
    "an infinity": with_number(b"-Infinity"),
    "a number beyond a double": with_number(b"1e999"),
    "a number of 5,000 digits": with_number(b"9" * 5000),
    "a thousand arrays": b"[" * 1000,
    "200,000 arrays": b"[" * 200_000,
    "a thousand objects": b'{"changes":' + b'{"a":' * 1000 + b"1" + b"}" * 1001,
}


@pytest.mark.parametrize("body", NO_PUSH.values(), ids=NO_PUSH)
async def test_a_body_that_is_no_push_is_refused(house, body):
    answer = await house.push_raw(body)
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid-input", "invalid-json"}
    assert answer.json()["status"] == 400


async def test_values_nest_at_most_64_levels(house):
    deepest = 60
    assert (await house.push(insertion("1", data={"x": nested(deepest)}))).status_code == 200
    answer = await house.push(insertion("2", data={"x": nested(deepest + 1)}))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-json")
    assert answer.json()["message"] == "body: nests deeper than the 64 levels allowed"


async def test_brackets_inside_texts_are_no_levels(house):
    assert (await house.push(insertion(data={"x": "[" * 5000}))).status_code == 200


async def test_a_push_has_at_most_a_thousand_changes(house):
    changes = [insertion(str(number)) for number in range(1001)]
    answer = await house.push(*changes)
    assert (answer.status_code, answer.json()["error"]) == (413, "payload-too-large")
    assert answer.json()["message"].startswith("changes: got 1,001, at most 1,000 are allowed")
    assert await stored(house) == []
    assert (await house.push(*changes[:1000])).status_code == 200
    assert len(await stored(house)) == 1000


AHEAD = "2026-01-05T00:05:00.001Z"


@pytest.mark.parametrize(
    "change",
    [
        update(title={"value": 1, "updatedAt": AHEAD}),
        update(title={"value": 1, "updatedAt": "2026-01-05T02:05:00+01:00"}),
        insertion(data={"updatedAt": AHEAD}),
        insertion(data={"createdAt": "2099-01-01T00:00:00Z"}),
        insertion(data={"createdAt": AHEAD, "updatedAt": STAMP}),
        delete(deletedAt=AHEAD),
    ],
)
async def test_a_stamp_more_than_five_minutes_ahead_is_refused(house, change):
    answer = await house.push(insertion("9"), change)
    assert (answer.status_code, answer.json()["error"]) == (400, "future-stamp")
    assert "more than five minutes ahead" in answer.json()["message"]
    assert await stored(house) == []


async def test_a_stamp_five_minutes_ahead_is_taken(house):
    assert (await house.push(delete(deletedAt="2026-01-05T00:05:00.000Z"))).status_code == 200


async def test_a_stamp_of_long_ago_is_taken(house):
    """Somebody was offline for years."""
    assert (await house.push(delete(deletedAt="1999-12-31T23:59:59.999-05:00"))).status_code == 200


@pytest.mark.parametrize("app", ["..%2e", "%2e%2e", "a b", "x" * 201, "%00", "a;b"])
async def test_an_app_has_a_plain_name(house, app):
    for answer in (await house.push(insertion(), app=app), await house.pull(app=app)):
        assert answer.status_code in {400, 404}
        assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("collection", ["", "../tasks", "x" * 201, "a\x00", "tasks'--"])
async def test_a_collection_has_a_plain_name(house, collection):
    answer = await house.pull(collection=collection)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert answer.json()["message"].startswith("collection: ")


async def test_an_update_of_no_fields_is_taken(house):
    """A browser sends one when only fields of its own have changed."""
    assert (await house.push(update())).json()["serverChanges"][0]["fields"] == {}


async def test_a_message_repeats_little_of_what_was_sent(house):
    answer = await house.push_raw(
        json.dumps({"clientId": "x", "changes": [insertion(table="t" * 100_000)]})
    )
    assert len(answer.content) < 500
