"""Every order in which six operations on a record can arrive: properties P1-P4 and P8-P11."""

from itertools import pairwise, permutations

import pytest
from sync_oracle import WRONG, known, settled, view

from mana_lab.sync import Change, fold

ONE, TWO, THREE, FOUR, FIVE = (f"2026-01-04T08:00:0{second}.000Z" for second in range(1, 6))


def by(writer, change, seq=0):
    return change.model_copy(update={"client_id": writer, "seq": seq})


def insert(stamp, **data):
    return Change.to_insert("tasks", "1", {"id": "1", **data, "createdAt": stamp})


def update(stamp, **values):
    return Change.to_update("tasks", "1", values, stamp)


def delete(stamp):
    return Change.to_delete("tasks", "1", stamp)


def revive(stamp):
    return update(stamp, deletedAt=None)


SETS = {
    "two writers of two fields at one instant, a delete and its undoing": (
        by("phone", insert(ONE, title="a", done=False), 1),
        by("phone", update(TWO, title="b")),
        by("laptop", update(TWO, title="c")),
        by("laptop", update(TWO, done=True)),
        by("phone", delete(THREE)),
        by("laptop", revive(FOUR)),
    ),
    "all at one instant": (
        by("phone", insert(ONE, title="x"), 1),
        by("phone", update(ONE, title="y")),
        by("laptop", update(ONE, title="z")),
        by("phone", delete(ONE)),
        by("phone", revive(ONE)),
        by("laptop", update(ONE, done=None)),
    ),
    "deleted, undone too early and edited, but never inserted": (
        by("phone", update(ONE, title="a")),
        by("laptop", update(TWO, title="b")),
        by("phone", update(TWO, done=True)),
        by("phone", delete(THREE)),
        by("laptop", revive(TWO)),
        by("phone", update(FIVE, title="c")),
    ),
    "inserted by two, one of them twice, and deleted between": (
        by("phone", insert(ONE, title="a"), 3),
        by("phone", insert(ONE, title="a"), 3),
        by("laptop", insert(THREE, title="b", deletedAt=None), 1),
        by("phone", delete(TWO)),
        by("phone", update(TWO, title="c")),
        by("phone", update(FOUR, done=True)),
    ),
    "instants in several spellings, microseconds apart": (
        by("phone", insert("2026-01-04T08:00:00Z", title="a"), 1),
        by("laptop", update("2026-01-04T09:00:00.000+01:00", title="b")),
        by("laptop", update("2026-01-04T08:00:00.500Z", title="c")),
        by("laptop", update("2026-01-04T08:00:00.500001Z", title="d")),
        by("phone", delete("2026-01-04T08:00:00.5Z")),
        by("laptop", revive("2026-01-04T03:00:00.50-05:00")),
    ),
    "deleted and brought back, again and again": (
        by("phone", insert(ONE, title="a"), 1),
        by("phone", delete(TWO)),
        by("laptop", revive(THREE)),
        by("phone", delete(FOUR)),
        by("laptop", revive(TWO)),
        by("phone", update(FIVE, title="b")),
    ),
    "each of three things twice": (
        by("phone", insert(ONE, title="a"), 1),
        by("phone", insert(ONE, title="a"), 1),
        by("laptop", update(TWO, title="b")),
        by("laptop", update(TWO, title="b")),
        by("phone", delete(THREE)),
        by("phone", delete(THREE)),
    ),
    "six values of one writer at one instant": tuple(
        by("phone", update(ONE, title=value))
        for value in (None, True, 1, 1.0, "enc:1:AAAA.BBBB", {"k": [1]})
    ),
}


def check_every_order(fold, changes):
    """Fold *changes* in every order, in all groupings by turns, and one of them once more."""
    due, first = settled(changes), None
    for number, order in enumerate(permutations(changes)):
        cuts = [place for place in range(1, len(order)) if number >> place - 1 & 1]
        records = {}
        for start, stop in pairwise([0, *cuts, len(order)]):
            fold(order[start:stop], records)
        fold([order[number % len(order)]], records)
        assert known(records.values()) == due
        first = first or view(records)
        assert view(records) == first


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_p1_p2_p3_p4_p8_p9_p10_every_order_grouping_and_repetition_ends_in_one_state(changes):
    check_every_order(fold, changes)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_merge_does_not_get_through_every_order(wrong):
    """The test of the test above: some set of operations tells each of them from the right one."""

    def is_caught(changes):
        try:
            check_every_order(wrong, changes)
        except AssertionError:
            return True
        return False

    assert any(is_caught(changes) for changes in SETS.values())


async def test_p1_p9_p10_every_order_of_a_log_is_read_as_one_state(house):
    """The service logs all orders, one a record; a replica pulls them in pages that cut across."""
    changes = SETS["inserted by two, one of them twice, and deleted between"]
    orders = [
        [change.model_copy(update={"id": f"{number}"}) for change in order]
        for number, order in enumerate(permutations(changes))
    ]
    for step in zip(*orders, strict=True):
        for writer, user in {"phone": "anna", "laptop": "ben"}.items():
            mine = [change for change in step if change.client_id == writer]
            await house.replica(client_id=writer).push(house.token(user), mine)
    replica = house.replica()
    await replica.refresh(house.token())
    assert len(orders) == 720
    states = [known([replica.get(f"{number}")]).popitem()[1] for number in range(720)]
    assert states == [settled(changes)["1"]] * 720
    assert len(replica) == 720
