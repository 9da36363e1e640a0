import pytest

from mana_lab.analysis.friction import failed_calls, frequent_errors, tool_friction


def tick(text, *, persona="Anna", tick_id="1"):
    """Make a tick of a text such as ``"a! b a"``: tools in order, ``!`` marks an error."""
    return [
        {
            "persona": persona,
            "tick_id": tick_id,
            "seq": seq,
            "tool_name": word.rstrip("!"),
            "result": "error" if word.endswith("!") else "ok",
        }
        for seq, word in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("calls", "retried", "recovered"),
    [
        ("a!", [False], [False]),
        ("a! a", [True], [True]),
        ("a! b a", [True], [True]),
        ("a! b c a", [False], [True]),
        ("a! a!", [True, False], [False, False]),
        ("a! a! a", [True, True], [True, True]),
        ("a a!", [False], [False]),
        ("a a! b", [False], [False]),
        ("a! b!", [False, False], [False, False]),
        ("a! b! a b", [True, True], [True, True]),
    ],
)
def test_a_retry_is_within_two_calls_and_a_recovery_later_in_the_tick(
    actions_of, calls, retried, recovered
):
    failed = failed_calls(actions_of(*tick(calls)))
    assert failed["retried"].tolist() == retried
    assert failed["recovered"].tolist() == recovered


def test_another_tick_or_persona_is_neither_retry_nor_recovery(actions_of):
    failed = failed_calls(
        actions_of(*tick("a!"), *tick("a", tick_id="2"), *tick("a", persona="Ben"))
    )
    assert failed[["retried", "recovered"]].to_numpy().tolist() == [[False, False]]


def test_the_place_within_the_tick_decides_and_not_the_order_of_the_rows(actions_of):
    rows = tick("a! b c a")
    assert failed_calls(actions_of(*reversed(rows)))["retried"].tolist() == [False]


def test_tools_are_counted_with_rates_the_worst_first(actions_of):
    table = tool_friction(
        actions_of(*tick("a! a b c"), *tick("a! b b!", persona="Ben"), *tick("b", tick_id="2"))
    )
    assert table.to_dict("list") == {
        "tool_name": ["a", "b", "c"],
        "calls": [3, 4, 1],
        "errors": [2, 1, 0],
        "retries": [1, 0, 0],
        "recoveries": [1, 0, 0],
        "personas": [2, 2, 1],
        "error_rate": [2 / 3, 0.25, 0.0],
        "retry_rate": [0.5, 0.0, pytest.approx(float("nan"), nan_ok=True)],
        "recovery_rate": [0.5, 0.0, pytest.approx(float("nan"), nan_ok=True)],
    }


def test_errors_are_counted_by_kind_with_the_earliest_message(actions_of):
    def failure(seq, code, message):
        return {
            "seq": seq,
            "result": "error",
            "error_kind": "invalid-input",
            "error_code": code,
            "error_message": message,
        }

    errors = frequent_errors(
        actions_of(
            failure(2, "invalid-arguments", "later"),
            failure(1, "invalid-arguments", "earlier"),
            failure(3, "not-found", "other"),
            {"seq": 4},
        )
    )
    shown = errors[["error_code", "errors", "personas", "example"]].to_numpy().tolist()
    assert shown == [["invalid-arguments", 2, 1, "earlier"], ["not-found", 1, 1, "other"]]


def test_an_error_without_kind_or_message_is_counted_too(actions_of):
    errors = frequent_errors(actions_of({"result": "error"}))
    assert errors[["error_kind", "error_code", "errors", "example"]].to_numpy().tolist() == [
        ["", "", 1, ""]
    ]


def test_nothing_gives_nothing(actions_of):
    assert failed_calls(actions_of()).empty
    assert tool_friction(actions_of()).empty
    assert frequent_errors(actions_of()).empty
