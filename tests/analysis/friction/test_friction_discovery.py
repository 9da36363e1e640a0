import pytest
from friction_house import friction_of, rows, tick

from mana_lab.errors import InvalidInputError

MIXES = {"Anna": {"m": 0.7, "n": 0.3, "p": 0.0}, "Ben": {"n": 1.0}}
EVERYTHING = tick("m.add m.list n.add p.add", "Zoe")


def test_tools_of_the_mix_that_a_persona_never_called_are_undiscovered():
    table = friction_of(EVERYTHING, tick("m.add"), tick("n.add", "Ben"), mixes=MIXES).undiscovered()
    assert rows(table, "persona", "tool_name", "module", "planned") == [
        ("Anna", "m.list", "m", 0.7),
        ("Anna", "n.add", "n", 0.3),
    ]


def test_a_call_in_vain_is_a_discovery():
    of = friction_of(EVERYTHING, tick("m.add m.list! n.add"), mixes=MIXES)
    assert of.undiscovered().empty


def test_a_name_that_only_failed_was_not_on_offer():
    of = friction_of(EVERYTHING, tick("m.eat!unknown-tool", "Ben"), tick("m.add"), mixes=MIXES)
    assert "m.eat" not in set(of.undiscovered()["tool_name"])


def test_only_who_took_part_can_have_missed_something():
    lab = {"mixes": MIXES, "idle": ["Ben"]}
    assert set(friction_of(EVERYTHING, **lab).undiscovered()["persona"]) == {"Ben"}


def test_what_is_on_offer_can_be_said():
    of = friction_of(EVERYTHING, tick("m.add"), mixes=MIXES)
    table = of.undiscovered(offered=["m.add", "m.never", "n.never", "q.other", "n.never"])
    assert rows(table, "persona", "tool_name", "module") == [
        ("Anna", "m.never", "m"),
        ("Anna", "n.never", "n"),
    ]
    assert of.undiscovered(offered=[]).empty


def test_a_module_that_was_noted_counts_more_than_the_name():
    called = tick("strange", "Zoe", module="m")
    table = friction_of(called, tick("m.add"), mixes=MIXES).undiscovered(offered=["strange"])
    assert rows(table, "tool_name", "module") == [("strange", "m")]


def test_what_was_found_in_another_run_is_missing_in_this_one():
    of = friction_of(EVERYTHING, tick("m.add n.add"), tick("m.list", run=2), mixes=MIXES)
    assert of.undiscovered(1)["tool_name"].tolist() == ["m.list"]
    assert of.undiscovered(2)["tool_name"].tolist() == ["m.add", "n.add"]
    assert of.undiscovered().empty


@pytest.mark.parametrize(
    ("name", "nearest", "distance"),
    [("todo.ad", "todo.add", 1), ("tood.add", "todo.add", 1), ("note.list", "notes.list", 1)],
)
def test_a_name_that_no_tool_has_is_told_with_the_nearest(name, nearest, distance):
    table = friction_of(
        tick("todo.add notes.list"), tick(f"{name}!unknown-tool", "Ben")
    ).unknown_tools()
    assert rows(table, "tool_name", "calls", "nearest", "distance") == [
        (name, 1, nearest, distance)
    ]


def test_unknown_names_say_what_worked_afterwards_the_most_frequent_first():
    of = friction_of(
        tick("x!unknown-tool a b"),
        tick("x!unknown-tool b", "Ben"),
        tick("x!unknown-tool b", "Ben", 2),
        tick("y!unknown-tool", number=2),
        tick("a! b", number=3),
    )
    assert rows(of.unknown_tools(), "tool_name", "calls", "personas", "then_tool") == [
        ("x", 3, 2, "b"),
        ("y", 1, 1, None),
    ]


def test_where_no_tool_ever_worked_none_is_near():
    table = friction_of(tick("x!unknown-tool")).unknown_tools()
    assert rows(table, "tool_name", "nearest", "distance") == [("x", None, None)]


@pytest.mark.parametrize("wrong", ["todo.list", 5, [5]])
def test_tools_on_offer_are_a_collection_of_names(wrong):
    of = friction_of(EVERYTHING)
    with pytest.raises(InvalidInputError, match="allowed: a collection of texts"):
        of.undiscovered(offered=wrong)
    with pytest.raises(InvalidInputError, match="allowed: a collection of texts"):
        of.detours(reads=wrong)
