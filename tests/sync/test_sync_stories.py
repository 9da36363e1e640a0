"""Why a record is as it is."""

from itertools import permutations

import pytest

from mana_lab.sync import Change, explain, fold

ONE, TWO, THREE = (f"2026-01-05T08:00:0{n}.000Z" for n in (1, 2, 3))


def logged(*changes):
    """Return changes as they come out of the log."""
    return [
        change.model_copy(
            update={"seq": seq, "event_id": f"e{seq}", "client_id": client, "user_id": user}
        )
        for seq, (change, client, user) in enumerate(changes, start=1)
    ]


LOG = logged(
    (Change.to_insert("t", "1", {"title": "a", "done": False, "createdAt": ONE}), "phone", "anna"),
    (Change.to_update("t", "1", {"title": "b"}, THREE), "laptop", "ben"),
    (Change.to_update("t", "1", {"title": "c", "done": True}, TWO), "phone", "anna"),
    (Change.to_update("t", "1", {"title": "d"}, TWO), "tablet", "anna"),
    (Change.to_delete("t", "1", TWO), "phone", "anna"),
    (Change.to_update("t", "2", {"title": "another"}, THREE), "phone", "anna"),
)


def test_the_winner_and_the_losers_are_in_the_order_of_the_merge():
    story = explain(LOG, "1")
    fields = {field.name: field for field in story.fields}
    assert list(fields) == ["createdAt", "deletedAt", "done", "title"]
    title = fields["title"]
    assert (title.winner.value, title.winner.user_id, title.winner.client_id) == (
        "b",
        "ben",
        "laptop",
    )
    assert (title.winner.stamp, title.winner.op, title.winner.event_id) == (THREE, "update", "e2")
    assert [(write.value, write.stamp) for write in title.losers] == [
        ("d", TWO),
        ("c", TWO),
        ("a", ONE),
    ]
    assert (story.inserted, story.deleted) == (True, True)


@pytest.mark.parametrize("order", list(permutations(range(5))), ids=str)
def test_the_story_is_the_same_in_every_order_and_tells_what_the_merge_shows(order):
    changes = [LOG[place] for place in order]
    story = explain([*changes, *changes], "1")
    assert story == explain(LOG, "1")
    records = {}
    fold(changes, records)
    assert {field.name: field.winner.value for field in story.fields} == records["1"].fields


def test_a_record_that_was_never_inserted_is_a_fragment():
    story = explain(LOG, "2")
    assert (story.inserted, story.deleted, len(story.fields)) == (False, False, 1)


def test_where_nothing_happened_there_is_no_story():
    assert explain(LOG, "3") is None
    assert explain([], "1") is None


def test_changes_of_a_service_that_names_neither_writer_nor_event_are_all_told():
    changes = [
        Change.to_insert("t", "1", {"title": "a"}).model_copy(update={"seq": 1}),
        Change.to_update("t", "1", {"title": "b"}, ONE).model_copy(update={"seq": 2}),
    ]
    (title,) = explain(changes, "1").fields
    assert (title.winner.value, title.winner.user_id) == ("b", "")
    assert [write.stamp for write in title.losers] == [""]
