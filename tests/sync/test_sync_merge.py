"""Properties of the merge; P-numbers are those of the list the sync tests were drawn up from."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from sync_oracle import known, settled, view

from mana_lab.sync import Change, FieldChange, fold

RECORDS = ["a", "b"]
STAMPS = [
    "2026-01-05T08:00:00Z",
    "2026-01-05T08:00:00.000Z",
    "2026-01-05T09:00:00.000+01:00",
    "2026-01-05T08:00:00.500Z",
    "2026-01-05T08:00:01Z",
    "2026-01-05T08:00:02.000001Z",
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([1.0, "x", "y", "enc:1:AAAA.BBBB", "enc:1:garbage", "\ud800", [], {"k": [1]}]),
)
NAMES = st.sampled_from(["title", "done", "unheard-of"])
REGISTER = st.sampled_from([None, "2026-01-05T08:00:00Z"])


@st.composite
def change(draw):
    op = draw(st.sampled_from(["insert", "update", "update", "delete"]))
    stamp = st.sampled_from(STAMPS)
    content = {}
    if op == "insert":
        content["data"] = draw(st.dictionaries(NAMES, VALUES))
        if draw(st.booleans()):
            content["data"]["updatedAt"] = draw(stamp)
        if draw(st.booleans()):
            content["data"]["deletedAt"] = draw(REGISTER)
    elif op == "update":
        values = draw(st.dictionaries(NAMES, VALUES))
        if draw(st.booleans()):
            values["deletedAt"] = draw(REGISTER)
        content["fields"] = {
            name: FieldChange(value=value, updated_at=draw(stamp)) for name, value in values.items()
        }
    else:
        content["deleted_at"] = draw(st.one_of(st.none(), stamp))
    return Change(
        table="tasks",
        id=draw(st.sampled_from(RECORDS)),
        op=op,
        client_id=draw(st.sampled_from(["phone", "laptop"])),
        seq=draw(st.integers(1, 9)),
        **content,
    )


CHANGES = st.lists(change(), max_size=8)


def folded(*batches):
    records = {}
    for batch in batches:
        fold(batch, records)
    return records


@given(CHANGES, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_records(changes, chance):
    """Property: convergence for any permutation."""
    shuffled = chance.sample(changes, len(changes))
    assert view(folded(shuffled)) == view(folded(changes))


@given(CHANGES, st.lists(st.integers(0, 8), max_size=4))
def test_any_grouping_gives_the_same_records(changes, cuts):
    """Property: convergence for any partition."""
    edges = [0, *sorted(cut for cut in cuts if cut <= len(changes)), len(changes)]
    batches = [changes[start:stop] for start, stop in pairwise(edges)]
    assert view(folded(*batches)) == view(folded(changes))


@given(CHANGES, st.randoms(use_true_random=False))
def test_a_change_that_comes_again_changes_nothing(changes, chance):
    """Property: idempotence, for any duplication at any later point."""
    again = [change for change in changes for _ in range(chance.randint(1, 3))]
    chance.shuffle(again)
    assert view(folded(changes, again)) == view(folded(changes))


@given(CHANGES)
def test_every_field_has_the_greatest_write_ever_made_to_it(changes):
    """Property: no write to one field hides one to another; ties have one total order."""
    assert known(folded(changes).values()) == settled(changes)


@given(CHANGES)
def test_a_record_is_deleted_iff_its_winning_tombstone_is_not_null(changes):
    for record in folded(changes).values():
        assert record.deleted == (record.fields.get("deletedAt") is not None)


@given(CHANGES)
def test_a_record_is_shown_iff_it_was_inserted_and_is_not_deleted(changes):
    inserted = {item.id for item in changes if item.op == "insert"}
    for record in folded(changes).values():
        assert record.inserted == (record.id in inserted)
        assert record.current == (record.inserted and not record.deleted)


@given(CHANGES)
def test_the_place_of_a_record_is_that_of_its_first_insert(changes):
    for record in folded(changes).values():
        places = [item.seq for item in changes if item.op == "insert" and item.id == record.id]
        assert record.seq == min(places, default=0)


def update(stamp, client="phone", **values):
    made = Change.to_update("tasks", "a", values, stamp)
    return made.model_copy(update={"client_id": client})


def insert(stamp="2026-01-05T08:00:00Z", **data):
    return Change.to_insert("tasks", "a", {"createdAt": stamp, **data})


def delete(stamp):
    return Change.to_delete("tasks", "a", stamp)


def test_a_delete_that_comes_before_its_insert_is_kept():
    """The original ignores the delete of a record it does not have."""
    records = folded([delete("2026-01-05T09:00:00Z")], [insert(title="x")])
    assert not records["a"].current


def test_a_later_edit_of_another_field_does_not_bring_a_record_back():
    records = folded([insert(), delete("2026-01-05T09:00:00Z")])
    fold([update("2026-01-05T10:00:00Z", title="still here?")], records)
    assert records["a"].deleted
    assert records["a"].fields["title"] == "still here?"


def test_a_later_null_tombstone_brings_a_record_back():
    records = folded([insert(), delete("2026-01-05T09:00:00Z")])
    fold([update("2026-01-05T10:00:00Z", deletedAt=None)], records)
    assert records["a"].current


def test_of_a_delete_and_its_undoing_at_one_instant_by_one_client_the_delete_wins():
    moment = "2026-01-05T09:00:00Z"
    both = [delete(moment), update(moment, client="", deletedAt=None)]
    assert folded([insert()], both)["a"].deleted
    assert folded([insert()], both[::-1])["a"].deleted


def test_a_tombstone_outlives_older_edits_that_come_late():
    records = folded([insert(), delete("2026-01-05T09:00:00Z")])
    fold([insert(), update("2026-01-05T08:30:00Z", deletedAt=None)], records)
    assert records["a"].deleted


def test_an_update_of_an_unknown_record_is_a_fragment_until_the_insert_comes():
    records = folded([update("2026-01-05T09:00:00Z", title="new")])
    assert not records["a"].current
    fold([insert(title="old", notes="n")], records)
    assert records["a"].current
    assert (records["a"].fields["title"], records["a"].fields["notes"]) == ("new", "n")


def test_two_clients_that_write_at_one_instant_end_with_one_value():
    """The original's rule, "a tie goes to the incoming one", swaps the values for ever."""
    moment = "2026-01-05T09:00:00Z"
    one, other = update(moment, "laptop", title="z"), update(moment, "phone", title="a")
    assert folded([one, other])["a"].fields["title"] == "a"
    assert folded([other, one])["a"].fields["title"] == "a"


def test_an_insert_without_any_time_loses_to_every_write_that_has_one():
    bare = Change.to_insert("tasks", "a", {"title": "replayed"})
    edit = update("1970-01-01T00:00:00Z", title="edited")
    for order in ([bare, edit], [edit, bare]):
        assert folded(order)["a"].fields["title"] == "edited"


def test_an_inserts_own_stamp_is_its_updated_at_before_its_created_at():
    made = insert("2026-01-05T08:00:00Z", updatedAt="2026-01-05T10:00:00Z", title="x")
    records = folded([made])
    assert set(records["a"].stamps.values()) == {"2026-01-05T10:00:00.000Z"}
    records = folded([insert("2026-01-05T08:00:00Z", updatedAt=None, title="x")])
    assert set(records["a"].stamps.values()) == {"2026-01-05T08:00:00.000Z"}


def test_an_edit_by_an_offset_zone_is_ordered_by_its_instant():
    """As text ``09:30+02:00`` sorts after ``08:00Z``; it is half an hour earlier."""
    berlin, utc = "2026-01-05T09:30:00.000+02:00", "2026-01-05T08:00:00.000Z"
    records = folded([update(utc, title="later")], [update(berlin, title="earlier")])
    assert records["a"].fields["title"] == "later"


def test_encrypted_values_are_text_like_any_other():
    """Property: neither a good ciphertext nor a broken one is looked into."""
    values = ["enc:1:AAAAAAAAAAAAAAAA.AAAA", "enc:1:not base64 at all", "enc:2:?"]
    stamps = [f"2026-01-05T09:00:0{second}Z" for second in range(3)]
    edits = [update(stamp, title=value) for stamp, value in zip(stamps, values, strict=True)]
    random.Random(3).shuffle(edits)
    assert folded(edits)["a"].fields["title"] == "enc:2:?"


def test_unknown_fields_survive():
    strange = {"$weird": {"deep": [1, {"er": None}]}, "": 0.1, "\ud800": "\udfff"}
    assert folded([insert(**strange)])["a"].fields.items() >= strange.items()


def test_fold_tells_which_records_the_changes_name():
    other = Change.to_delete("tasks", "b", "2026-01-05T09:00:00Z")
    assert fold([insert(), insert(), other], {}) == {"a", "b"}
    assert fold([], {}) == set()
