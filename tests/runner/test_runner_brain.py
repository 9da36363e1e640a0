import pytest

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import InvalidInputError
from mana_lab.runner.brain import Rating, check_ratings
from mana_lab.runner.recorder import Action

ACTION = Action(
    id="t-0-todo.list",
    tick_id="t",
    run_id=None,
    seq=0,
    tool_name="todo.list",
    tool_hash=None,
    module="todo",
    input_hash=None,
    result="ok",
    error_kind=None,
    error_code=None,
    error_message=None,
    latency_ms=1.0,
    shown=None,
    occurred_at=SIMULATION_EPOCH,
)


@pytest.mark.parametrize("value", [0, 6, 3.5, 4.0, True, "4", None, float("nan")], ids=repr)
def test_a_rating_that_is_no_whole_number_from_1_to_5_is_refused(value):
    with pytest.raises(InvalidInputError, match="whole number from 1 to 5"):
        Rating("todo", value, "")


def test_notes_have_a_limit():
    Rating("todo", 3, "x" * 1000)
    with pytest.raises(InvalidInputError, match="1000 characters"):
        Rating("todo", 3, "x" * 1001)


def test_ratings_speak_about_the_tick():
    check_ratings([], [])
    check_ratings([Rating("todo", 3, "", (ACTION.id,))], [ACTION])


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([Rating("notes", 3, "")], "no call touched it"),
        ([Rating("todo", 3, ""), Rating("todo", 4, "")], "rated twice"),
        ([Rating("todo", 3, "", ("t-9-todo.list",))], "not of this tick"),
    ],
    ids=["an untouched module", "a module twice", "foreign evidence"],
)
def test_ratings_that_speak_of_something_else_are_refused(ratings, reason):
    with pytest.raises(InvalidInputError, match=reason):
        check_ratings(ratings, [ACTION])
