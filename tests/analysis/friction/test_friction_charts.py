import matplotlib as mpl
import pytest
from friction_house import errors_of, pairs_of

from mana_lab.analysis import charts

LONG = "x" * 300


def texts(chart):
    chart.draw_without_rendering()
    return [" ".join(text.get_text().split()) for text in chart.findobj(mpl.text.Text)]


def assert_fits(chart):
    chart.draw_without_rendering()
    width, height = (size * chart.dpi for size in chart.get_size_inches())
    for text in chart.findobj(mpl.text.Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert -1 <= box.x0 <= box.x1 <= width + 1, text.get_text()
            assert -1 <= box.y0 <= box.y1 <= height + 1, text.get_text()


@pytest.mark.parametrize(
    ("pairs", "finding"),
    [
        (
            [("todo.add", "todo.create", 6, 8)],
            (
                "todo.add was tried where todo.create worked: after 6 of its 8 confused calls "
                "(75 %; 5 % are usual), by 3 personas"
            ),
        ),
        (
            [("a", "b", 1, 1), ("c", "d", 5, 10), ("e", "f", 1, 10)],
            (
                "c was tried where d worked: after 5 of its 10 confused calls "
                "(50 %; 5 % are usual), by 3 personas"
            ),
        ),
        (
            [("c", "d", 5, 10), ("e", "f", 4, 10)],
            (
                "c was tried where d worked: after 5 of its 10 confused calls "
                "(50 %; 5 % are usual), by 3 personas; 1 more pair above what is usual"
            ),
        ),
        (
            [("c", "d", 1, 40), ("e", "f", 1, 50)],
            (
                "No tool stands out as taken for another: 2 pairs, and none above what is usual "
                "for more than one persona"
            ),
        ),
        (
            [("a", "b", 2, 2)],
            (
                "a was tried where b worked: after 2 of its 2 confused calls (100 %; 5 % are "
                "usual), by 2 personas"
            ),
        ),
        (
            [("a", "b", 1, 1)],
            (
                "No tool stands out as taken for another: 1 pair, and none above what is usual "
                "for more than one persona"
            ),
        ),
    ],
    ids=["one", "too few to name", "several", "none above", "few at all", "one person"],
)
def test_confusion_names_the_surest_pair(pairs, finding):
    chart = charts.confusion(pairs_of(*pairs))
    assert chart.finding == finding
    assert_fits(chart)


def test_confusion_shows_pairs_counts_and_names_that_do_not_exist():
    shown = texts(charts.confusion(pairs_of(("a", "b", 3, 8), ("x", "c", 1, 4, "y"))))
    assert {"a → b", "x → c", "3/8", "1/4", "there is no such tool"} <= set(shown)
    shown = texts(charts.confusion(pairs_of(("a", "b", 3, 8))))
    assert "there is no such tool" not in shown


def test_confusion_says_what_it_leaves_out():
    many = [(f"tool{number}", LONG, 5, 10 + number) for number in range(60)]
    chart = charts.confusion(pairs_of(*many))
    assert any("40 less sure pairs not shown" in text for text in texts(chart))
    assert_fits(chart)
    assert len(charts.confusion_table(pairs_of(*many))) == 60


@pytest.mark.parametrize(
    ("errors", "finding"),
    [
        (
            [("not-found", 0, 3, 12), ("conflict", 6, 0, 8)],
            (
                "not-found is recovered least often: 0 % of 12 times within two calls; "
                "30 % of all 20 failed calls"
            ),
        ),
        (
            [("a", 1, 0, 10), ("b", 1, 0, 10), ("c", 9, 0, 10)],
            (
                "a and b are recovered least often: 10 % each within two calls; "
                "37 % of all 30 failed calls"
            ),
        ),
        (
            [("a", 5, 0, 10), ("b", 5, 0, 10)],
            "All errors are recovered alike within two calls: 50 % of all 20 failed calls",
        ),
        (
            [("a", 1, 0, 1)],
            (
                "a is recovered least often: 100 % of 1 time within two calls; "
                "100 % of all 1 failed call"
            ),
        ),
        (
            [("", 0, 0, 1), ("b", 2, 0, 8)],
            (
                "b is recovered least often: 25 % of 8 times within two calls; "
                "22 % of all 9 failed calls"
            ),
        ),
    ],
    ids=["worst", "shared", "alike", "one", "too few to name"],
)
def test_error_recovery_names_the_worst(errors, finding):
    chart = charts.error_recovery(errors_of(*errors))
    assert chart.finding == finding
    assert_fits(chart)


@pytest.mark.parametrize(
    ("errors", "finding", "left_out"),
    [
        (
            [("unknown-tool", 0, 9, 12), ("not-found", 2, 0, 8), ("conflict", 6, 0, 8)],
            (
                "not-found is recovered least often: 25 % of 8 times within two calls; "
                "50 % of all 16 failed calls of tools that exist"
            ),
            True,
        ),
        (
            [("unknown-tool", 0, 9, 12)],
            (
                "Only calls of tools that do not exist failed: after 9 of 12 calls (75 %) another "
                "tool worked within two calls"
            ),
            False,
        ),
    ],
    ids=["others", "alone"],
)
def test_a_tool_that_does_not_exist_is_not_named_as_one_that_is_not_recovered(
    errors, finding, left_out
):
    chart = charts.error_recovery(errors_of(*errors))
    assert chart.finding == finding
    assert ("the title leaves these calls out" in chart.note) == left_out
    assert "unknown-tool" in texts(chart)
    assert_fits(chart)


def test_error_recovery_shows_counts_and_where_another_tool_worked():
    shown = texts(charts.error_recovery(errors_of(("unknown-tool", 0, 3, 12), ("", 1, 0, 2))))
    assert {"0/12", "1/2", "unknown-tool", "an error without a code"} <= set(shown)
    assert "that or another tool worked" in shown


def test_many_errors_with_long_names_fit():
    many = errors_of(*((f"{number}-{LONG}", number, 0, 100) for number in range(45)))
    chart = charts.error_recovery(many)
    assert any("25 errors that are recovered more often not shown" in text for text in texts(chart))
    assert_fits(chart)
    assert len(charts.error_recovery_table(many)) == 45


def test_nothing_is_said_to_be_nothing():
    assert charts.confusion(pairs_of()).finding == "No tool was tried where another was right"
    assert charts.error_recovery(errors_of()).finding == "No call failed"
    assert charts.confusion_table(pairs_of()).empty
    assert charts.error_recovery_table(errors_of()).empty


@pytest.mark.parametrize(
    "name",
    [
        "$x^2$ {",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("小明", "A\nB", "<img src=x onerror=alert(1)>", LONG)
        ),
    ],
)
def test_any_name_can_be_drawn_and_the_same_data_give_the_same_bytes(name):
    for draw in (
        lambda: charts.confusion(pairs_of((name, name, 3, 8, name))),
        lambda: charts.error_recovery(errors_of((name, 3, 1, 8))),
    ):
        assert draw().png() == draw().png()
        assert_fits(draw())
