import pytest
from friction_house import friction_of, rows, tick

PAIR = ("tried", "worked", "times", "failures", "returned")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a! b", [("a", "b", 1, 1, 0)]),
        ("a!not-found b", [("a", "b", 1, 1, 0)]),
        ("a!unknown-tool b", [("a", "b", 1, 1, 0)]),
        ("a! c! b", [("a", "b", 1, 1, 0), ("c", "b", 1, 1, 0)]),
        ("a! a! b", [("a", "b", 2, 2, 0)]),
        ("a! b c", [("a", "b", 1, 1, 0)]),
        ("a! b a", []),
        ("a! a", []),
        ("a!", []),
        ("a! c! d! b", [("c", "b", 1, 1, 0), ("d", "b", 1, 1, 0)]),
        ("a!forbidden b", []),
        ("a!conflict b", []),
        ("a!infrastructure b", []),
    ],
)
def test_a_pair_is_a_confused_failure_and_the_other_tool_that_worked_instead(text, expected):
    assert rows(friction_of(tick(text)).confusion(), *PAIR) == expected


def test_a_tool_that_works_later_was_not_the_wrong_one():
    of = friction_of(tick("a! b a"), tick("a! b", number=2), tick("a!", number=3))
    assert rows(of.confusion(), *PAIR, "share") == [("a", "b", 1, 3, 1, 1 / 3)]


def test_the_surest_pair_comes_first():
    seldom = [tick("a! b", "Ben")]
    often = [tick("c! d", number=number) for number in range(1, 9)]
    table = friction_of(*seldom, *often, tick("c!", number=9)).confusion()
    assert rows(table, "tried", "worked", "share", "personas") == [
        ("c", "d", 8 / 9, 1),
        ("a", "b", 1.0, 1),
    ]


def test_names_that_do_not_exist_have_the_nearest_that_does():
    of = friction_of(
        tick("todo.ad!unknown-tool notes.add"), tick("todo.add", "Ben"), tick("a! b", "Zoe")
    )
    table = of.confusion().set_index("tried")
    assert rows(table.loc[["todo.ad"]], "worked", "nearest", "distance") == [
        ("notes.add", "todo.add", 1)
    ]
    assert rows(table.loc[["a"]], "nearest", "distance") == [(None, None)]


def test_an_error_whose_kind_nobody_noted_is_known_by_its_code():
    calls = tick("a!unknown-tool b")
    calls[0]["error_kind"] = None
    assert rows(friction_of(calls).confusion(), "tried", "worked") == [("a", "b")]


def test_a_share_stands_beside_what_is_usual_among_calls_that_worked():
    of = friction_of(tick("a! b"), tick("a b c c", "Ben"), tick("d d! d", "Ben", 2, run=2))
    assert rows(of.confusion(1), "tried", "worked", "usual") == [("a", "b", 2 / 4)]
    assert rows(of.confusion(), "tried", "worked", "usual") == [("a", "b", 2 / 6)]
    by_run = of._warehouse.sql("SELECT run, tried, usual FROM friction_confusion")
    assert rows(by_run, "run", "tried", "usual") == [(1, "a", 0.5)]
