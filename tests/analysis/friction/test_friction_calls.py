from datetime import timedelta

import pytest
from friction_house import MONDAY, friction_of, rows, tick


@pytest.mark.parametrize(
    ("text", "retried", "recovered", "after", "then"),
    [
        ("a!", [False], [False], [None], [None]),
        ("a! a", [True], [True], [1], [None]),
        ("a! b a", [True], [True], [2], ["b"]),
        ("a! b c a", [False], [True], [3], ["b"]),
        ("a! b! c a", [False, False], [True, False], [3, None], ["c", "c"]),
        ("a! a!", [True, False], [False, False], [None, None], [None, None]),
        ("a! a! a", [True, True], [True, True], [2, 1], [None, None]),
        ("a a! b", [False], [False], [None], ["b"]),
        ("a! b! c! d", [False] * 3, [False] * 3, [None] * 3, [None, "d", "d"]),
        ("a! b! a b", [True, True], [True, True], [2, 2], [None, "a"]),
    ],
)
def test_a_failed_call_is_retried_recovered_or_left_for_another(
    text, retried, recovered, after, then
):
    failed = friction_of(tick(text)).calls().query("failed")
    assert failed["retried"].tolist() == retried
    assert failed["recovered"].tolist() == recovered
    assert failed["abandoned"].tolist() == [not each for each in recovered]
    assert [each[0] for each in rows(failed, "recovered_after")] == after
    assert [each[0] for each in rows(failed, "then_tool")] == then


def test_a_call_that_worked_is_none_of_that():
    calls = friction_of(tick("a b a")).calls()
    assert not calls[["failed", "retried", "recovered", "abandoned"]].any(axis=None)
    assert calls[["recovered_after", "then_tool"]].isna().all(axis=None)


def test_another_tick_or_persona_is_neither_retry_nor_recovery():
    calls = friction_of(tick("a!"), tick("a", number=2), tick("a", "Ben"), tick("a", run=2)).calls()
    assert not calls[["retried", "recovered"]].any(axis=None)


def test_the_place_within_the_tick_decides_and_not_the_order_of_the_rows():
    backwards = [
        call | {"occurred_at": MONDAY - timedelta(hours=call["seq"])} for call in tick("a! b c a")
    ]
    calls = friction_of(backwards).calls()
    assert rows(calls, "seq", "retried", "recovered")[-1] == (0, False, True)


def test_calls_come_by_run_and_time_those_by_hand_last():
    of = friction_of(tick("c", run=None), tick("b", number=3, run=2), tick("a! a", number=2))
    assert rows(of.calls(), "run", "tool_name") == [(1, "a"), (1, "a"), (2, "b"), (None, "c")]
