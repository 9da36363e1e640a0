import pytest
from friction_house import friction_of, rows, tick
from scipy.stats import binomtest

from mana_lab.analysis.duck import open_duck
from mana_lab.analysis.friction.wilson import share_with_interval


def test_tools_are_counted_the_one_that_fails_most_often_first():
    tools = friction_of(
        tick("a! a b c"), tick("a! b b!", "Ben"), tick("b", number=2), tick("c!forbidden", "Ben", 2)
    ).tools()
    counts = ["calls", "errors", "retries", "recoveries", "abandonments", "personas"]
    assert rows(tools, "tool_name", *counts) == [
        ("a", 3, 2, 1, 1, 1, 2),
        ("c", 2, 1, 0, 0, 1, 2),
        ("b", 4, 1, 0, 0, 1, 2),
    ]
    rates = ["error_rate", "retry_rate", "recovery_rate", "abandonment_rate"]
    assert rows(tools, *rates)[0] == (2 / 3, 0.5, 0.5, 0.5)


def test_a_tool_that_never_failed_has_no_rates_of_its_errors():
    (row,) = rows(
        friction_of(tick("a a")).tools(), "error_rate", "error_rate_low", "retry_rate", "errors"
    )
    assert row == (0.0, 0.0, None, 0)


def test_errors_are_counted_by_their_kinds_and_two_of_them_by_their_codes():
    tools = friction_of(
        tick("a! a! a!not-found a!unknown-tool a!forbidden a!conflict a!infrastructure a!strange a")
    ).tools()
    names = ["invalid_input", "refused", "not_found", "conflict", "infrastructure"]
    assert rows(tools, "calls", "errors", *names) == [(9, 8, 2, 1, 2, 1, 1)]
    assert rows(tools, "unknown_tool", "bad_arguments") == [(1, 2)]


def test_each_persona_has_a_row_for_each_tool_they_called():
    personas = friction_of(tick("a! a b"), tick("a", "Ben"), tick("a!", "Ben", 2)).personas()
    assert rows(personas, "persona", "email", "tool_name", "calls", "errors", "recoveries") == [
        ("Anna", "anna@mana.test", "a", 2, 1, 1),
        ("Anna", "anna@mana.test", "b", 1, 0, 0),
        ("Ben", "ben@mana.test", "a", 2, 1, 0),
    ]


def test_errors_have_their_share_of_the_calls_of_the_tool_and_the_earliest_message():
    errors = friction_of(
        tick("a! a! a b!not-found"), tick("a!conflict b!strange b", "Ben", 2)
    ).errors()
    assert rows(errors, "tool_name", "error_kind", "error_code", "errors", "calls") == [
        ("a", "invalid-input", "invalid-arguments", 2, 4),
        ("a", "conflict", "conflict", 1, 4),
        ("b", "", "strange", 1, 3),
        ("b", "not-found", "not-found", 1, 3),
    ]
    assert errors["error_rate"].tolist() == [0.5, 0.25, 1 / 3, 1 / 3]
    assert errors["example"].iloc[0] == "a failed by invalid-arguments"


def test_an_error_without_kind_code_and_message_is_counted_too():
    call = tick("a!")[0] | {"error_kind": None, "error_code": None, "error_message": None}
    of = friction_of([call])
    assert rows(of.errors(), "error_kind", "error_code", "example") == [("", "", "")]
    assert rows(of.error_recovery(), "error_kind", "error_code", "errors") == [("", "", 1)]


def test_errors_are_ranked_by_how_few_are_recovered_within_two_calls():
    recovery = friction_of(
        tick("a! a"),
        tick("a! b c a", number=2),
        tick("b!not-found c b", number=3),
        tick("d!unknown-tool a", "Ben"),
        tick("d!unknown-tool", "Ben", 2),
    ).error_recovery()
    names = ["error_code", "errors", "recovered", "redirected", "tools", "personas", "share"]
    assert rows(recovery, *names) == [
        ("unknown-tool", 2, 0, 1, 1, 1, 0.0),
        ("invalid-arguments", 2, 1, 1, 1, 1, 0.5),
        ("not-found", 1, 1, 0, 1, 1, 1.0),
    ]


@pytest.mark.parametrize("whole", [1, 2, 5, 10, 97, 1_000, 250_000])
def test_intervals_are_those_of_scipy(whole):
    parts = sorted({0, 1, whole // 3, whole - 1, whole})
    with open_duck() as duck:
        query = (
            f"SELECT {share_with_interval('part', 'entire', 'share')} "
            f"FROM (SELECT unnest({parts}) AS part, {whole} AS entire)"
        )
        found = duck.execute(query).fetchall()
    for part, (share, low, high) in zip(parts, found, strict=True):
        expected = binomtest(part, whole).proportion_ci(method="wilson")
        assert share == part / whole
        assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-15)
        assert 0 <= low <= share <= high <= 1


def test_a_share_of_nothing_is_missing():
    with open_duck() as duck:
        share = share_with_interval("part", "entire", "share")
        query = f"SELECT {share} FROM (SELECT 0 AS part, 0 AS entire)"
        assert duck.execute(query).fetchall() == [(None, None, None)]
