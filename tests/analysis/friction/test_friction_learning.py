import pytest
from friction_house import MONDAY, friction_of, rows, tick

NAMES = ("succeeded", "tries", "ticks", "hours", "calls_in_tick")


def of_a(*ticks):
    table = friction_of(*ticks).first_success()
    (row,) = rows(table[table["tool_name"] == "a"], *NAMES)
    return row


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a"], (True, 1, 1, 0.0, 1)),
        (["a! a"], (True, 2, 1, 0.0, 2)),
        (["a! b a a!"], (True, 2, 1, 0.0, 3)),
        (["b a! b a"], (True, 2, 1, 0.0, 3)),
        (["a! a!", "b", "b a! b a"], (True, 4, 2, 48.0, 3)),
        (["a!", "a a!"], (True, 2, 2, 24.0, 1)),
        (["a!"], (False, 1, 1, 0.0, None)),
        (["a! a!", "b", "a!"], (False, 3, 2, 48.0, None)),
    ],
)
def test_tries_count_up_to_the_first_success_and_are_censored_without_one(texts, expected):
    assert of_a(*(tick(text, number=n) for n, text in enumerate(texts, 1))) == expected


def test_the_ticks_count_in_the_order_of_the_labs_time_whatever_the_order_of_the_rows():
    assert of_a(tick("a", number=3), tick("a!", number=1), tick("a! a!", number=2)) == (
        (True, 4, 3, 48.0, 1)
    )


def test_two_ticks_of_one_moment_are_not_mixed():
    second = [call | {"occurred_at": MONDAY} for call in tick("a! a", number=2)]
    assert of_a(tick("a! b a!"), second) == (True, 4, 2, 0.0, 2)


def test_personas_learn_for_themselves_and_the_slowest_tools_come_first():
    table = friction_of(tick("a! a b c!"), tick("a", "Ben")).first_success()
    assert rows(table, "persona", "tool_name", "calls", "succeeded", "tries") == [
        ("Anna", "c", 1, False, 1),
        ("Anna", "a", 2, True, 2),
        ("Anna", "b", 1, True, 1),
        ("Ben", "a", 1, True, 1),
    ]


def test_a_first_success_is_that_of_the_run_or_of_all_runs():
    of = friction_of(tick("a! a"), tick("a! b a", number=2, run=2), tick("a", number=3, run=None))
    assert of.first_success(2).query("tool_name == 'a'")["tries"].tolist() == [2]
    assert of.first_success().query("tool_name == 'a'")["calls"].tolist() == [5]
