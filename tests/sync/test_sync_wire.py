import json

import pytest
from pydantic import ValidationError

from mana_lab.errors import UnserializableValueError
from mana_lab.sync import Change, Changeset, FieldChange, SyncAnswer, personal_space
from mana_lab.sync.wire import to_json

STAMP = "2026-01-05T08:00:00.000Z"


def members(message):
    return json.loads(to_json(message))


def test_an_insert_has_the_wire_form_of_the_original():
    assert members(Change.to_insert("tasks", "1", {"title": None}, event_id="e")) == {
        "table": "tasks",
        "id": "1",
        "op": "insert",
        "data": {"title": None},
        "eventId": "e",
    }


def test_an_update_has_the_wire_form_of_the_original():
    """``updatedAt`` for the first services, ``at`` for the later ones, which read no other."""
    assert members(Change.to_update("tasks", "1", {"done": True, "note": None}, STAMP))[
        "fields"
    ] == {
        "done": {"value": True, "updatedAt": STAMP, "at": STAMP},
        "note": {"value": None, "updatedAt": STAMP, "at": STAMP},
    }


def test_a_delete_has_the_wire_form_of_the_original():
    delete = members(Change.to_delete("tasks", "1", STAMP))
    assert (delete["op"], delete["deletedAt"]) == ("delete", STAMP)


def test_what_was_never_set_is_not_sent():
    change = Change(table="tasks", id="1", op="insert", data={})
    assert members(Changeset(client_id="lab", changes=[change])) == {
        "clientId": "lab",
        "changes": [{"table": "tasks", "id": "1", "op": "insert", "data": {}}],
    }


def test_half_a_character_goes_through():
    change = Change.to_insert("tasks", "1", {"title": "\ud83d"})
    assert members(change)["data"] == {"title": "\ud83d"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x", {1j: 1}])
def test_a_value_without_a_json_form_is_refused(value):
    with pytest.raises(UnserializableValueError, match="cannot be sent as JSON"):
        to_json(Change.to_insert("tasks", "1", {"x": value}))


def test_a_value_that_contains_itself_is_refused():
    knot = []
    knot.append(knot)
    with pytest.raises(UnserializableValueError):
        to_json(Change.to_insert("tasks", "1", {"x": knot}))


def test_an_answer_of_the_original_service_is_understood():
    answer = SyncAnswer.model_validate(
        {
            "serverChanges": [
                {"table": "t", "id": "1", "op": "insert", "data": {"a": 1}, "schemaVersion": 1},
                {"table": "t", "id": "1", "op": "update", "fields": {"a": {"value": 2}}},
                {"table": "t", "id": "1", "op": "delete", "origin": "user"},
            ],
            "conflicts": [],
            "syncedUntil": "2026-01-05T08:00:00.123456789Z",
        }
    )
    assert answer.server_changes[1].fields == {"a": FieldChange(value=2, updated_at="")}
    assert not answer.has_more


def test_messages_do_not_change_and_their_errors_do_not_show_values():
    change = Change.to_delete("tasks", "1", STAMP)
    with pytest.raises(ValidationError):
        change.id = "2"
    with pytest.raises(ValidationError) as caught:
        Change.model_validate({"table": "t", "id": "1", "op": "insert", "data": "my secret"})
    assert "my secret" not in str(caught.value)


def test_the_personal_sentinel_names_the_user():
    assert personal_space("anna") == "_personal:anna"
