import pytest
from friction_house import friction_of, rows, tick


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a#1! a#1", [("a", 1, 0, 0)]),
        ("a#1! a#1! a#1", [("a", 2, 1, 0)]),
        ("a#1! b#1 a#1!", [("a", 1, 1, 0)]),
        ("a#1 a#1", [("a", 0, 0, 1)]),
        ("a#1! a#1 a#1 b#1 a#1", [("a", 1, 0, 2)]),
        ("a#1! a#2", []),
        ("a#1! b#1", []),
        ("a! a", []),
    ],
)
def test_an_identical_call_after_a_failure_is_a_loop_and_after_a_success_harmless(text, expected):
    table = friction_of(tick(text)).repeats()
    assert rows(table, "tool_name", "loops", "loops_failed", "harmless") == expected


def test_another_tick_is_no_repeat():
    assert friction_of(tick("a#1!"), tick("a#1!", number=2), tick("a#1", "Ben")).repeats().empty


def test_who_is_caught_in_loops_comes_first():
    table = friction_of(tick("a#1 a#1"), tick("b#1! b#1!", "Ben")).repeats()
    assert rows(table, "persona", "tool_name") == [("Ben", "b"), ("Anna", "a")]


@pytest.mark.parametrize(
    ("text", "errors", "repeated"),
    [
        ("a b c", 0, 0),
        ("a! b", 1, 0),
        ("m.list#0 m.list#0", 0, 1),
        ("m.list#0 m.add#1 m.list#0", 0, 0),
        ("m.list#0 n.add#1 m.list#0", 0, 1),
        ("m.list#0 m.add#1! m.list#0", 1, 1),
        ("m.list#0 m.list#1", 0, 0),
        ("m.list m.list", 0, 0),
        ("m.list#0! m.list#0", 1, 0),
        ("m.list#0 m.list#0 m.list#0", 0, 2),
    ],
)
def test_detours_are_failures_and_what_tells_nothing_new(text, errors, repeated):
    (row,) = rows(friction_of(tick(text)).detours(), "errors", "repeated", "detours", "calls")
    assert row == (errors, repeated, errors + repeated, len(text.split()))


def test_a_repeated_call_that_changes_something_is_no_detour_where_the_reads_are_known():
    of = friction_of(tick("m.add#1 m.add#1 m.list#0 m.list#0"))
    assert of.detours()["repeated"].tolist() == [2]
    assert of.detours(reads=["m.list"])["repeated"].tolist() == [1]
    assert of.detours(reads=[])["repeated"].tolist() == [0]


def test_a_module_that_nobody_noted_is_that_of_the_tool():
    calls = tick("m.list#0 n.add#1 m.list#0", module=None)
    assert friction_of(calls).detours()["repeated"].tolist() == [1]
    assert friction_of(tick("m.list#0 n.add#1 m.list#0", module="all")).detours()[
        "repeated"
    ].tolist() == [0]


def test_each_persona_has_their_share_the_largest_first():
    table = friction_of(tick("a! a"), tick("a", number=2), tick("a! a!", "Ben")).detours()
    assert rows(table, "persona", "ticks", "calls", "detours", "share") == [
        ("Ben", 1, 2, 2, 1.0),
        ("Anna", 2, 3, 1, 1 / 3),
    ]
