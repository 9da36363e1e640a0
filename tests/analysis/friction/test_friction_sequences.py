from datetime import timedelta

from friction_house import MONDAY, friction_of, rows, tick


def test_transitions_have_a_start_and_an_end_and_shares_of_their_row():
    table = friction_of(tick("a a! b"), tick("b", "Ben"), tick("a b", "Ben", 2)).transitions()
    assert rows(table, "tool_name", "next_tool", "times", "personas", "share") == [
        ("(start)", "a", 2, 2, 2 / 3),
        ("(start)", "b", 1, 1, 1 / 3),
        ("a", "b", 2, 2, 2 / 3),
        ("a", "a", 1, 1, 1 / 3),
        ("b", "(end)", 3, 2, 1.0),
    ]
    assert table["share_high"].between(table["share"], 1).all()
    assert table["share_low"].between(0, table["share"]).all()


def test_a_tick_of_one_call_starts_and_ends_with_it():
    table = friction_of(tick("a")).transitions()
    assert rows(table, "tool_name", "next_tool") == [("(start)", "a"), ("a", "(end)")]


def test_the_place_in_the_tick_decides_over_what_follows_and_not_the_order_of_the_rows():
    backwards = [
        call | {"occurred_at": MONDAY - timedelta(hours=call["seq"])} for call in tick("a b c")
    ]
    of = friction_of(backwards)
    assert of.calls()["tool_name"].tolist() == ["c", "b", "a"]
    pairs = rows(of.transitions(), "tool_name", "next_tool")
    assert pairs == [("(start)", "a"), ("a", "b"), ("b", "c"), ("c", "(end)")]
    assert of.variants()["variant"].tolist() == ["a → b → c"]


def test_variants_are_paths_with_their_ticks_personas_and_errors():
    of = friction_of(
        tick("a b"),
        tick("a! b", number=2),
        tick("a! b!", "Ben"),
        tick("b a", "Ben", 2),
    )
    names = ["variant", "calls", "ticks", "personas", "share", "errors", "ticks_with_errors"]
    assert rows(of.variants(), *names) == [
        ("a → b", 2, 3, 2, 0.75, 3, 2),
        ("b → a", 2, 1, 1, 0.25, 0, 0),
    ]


def test_shares_are_those_of_the_run():
    of = friction_of(tick("a"), tick("b", number=2), tick("a", number=3, run=2))
    assert rows(of.variants(2), "variant", "share") == [("a", 1.0)]
    assert rows(of.variants(1), "variant", "share") == [("a", 0.5), ("b", 0.5)]
    by_run = of._warehouse.sql("SELECT run, variant, share FROM friction_variants ORDER BY ALL")
    assert rows(by_run, *by_run.columns) == [(1, "a", 0.5), (1, "b", 0.5), (2, "a", 1.0)]
