"""Tables and pictures of displays: escaped, readable as XML, the same for the same numbers."""

from xml.etree import ElementTree

import pytest

from mana_lab.display import (
    BLUE,
    MOST_COLUMNS,
    VERMILLION,
    Html,
    columns,
    facts_table,
    facts_text,
    share_bars,
    sparkline,
    visible,
)

HOSTILE = '<script>alert("1")</script>&\'"><svg onload=x>'


def rectangles(picture):
    tree = ElementTree.fromstring(picture)
    return [
        {name: float(value) if name != "fill" else value for name, value in each.attrib.items()}
        for each in tree.iter()
        if each.tag.endswith("rect")
    ]


def test_texts_are_escaped_and_markup_is_not():
    shown = facts_table({HOSTILE: HOSTILE, "bar": Html("<b>x</b>"), "calls": 3})
    assert "<script>" not in shown
    assert "<svg" not in shown
    assert "<td><b>x</b></td>" in shown
    assert "<th>calls</th><td>3</td>" in shown
    assert (Html("<b>") + HOSTILE).startswith("<b>&lt;script&gt;")


def test_parts_stand_on_one_another_and_the_highest_column_fills_the_picture():
    parts = rectangles(columns({VERMILLION: [1, 0, 2], BLUE: [3, 1, 6]}, "calls"))
    assert [each["fill"] for each in parts] == [VERMILLION] * 2 + [BLUE] * 3
    bottom = {each["x"]: each["y"] + each["height"] for each in parts if each["fill"] == VERMILLION}
    assert set(bottom.values()) == {28.0}
    tops = {each["x"]: each["y"] for each in parts if each["fill"] == BLUE}
    assert tops == pytest.approx({0.0: 14, 6.0: 24.5, 12.0: 0})


@pytest.mark.parametrize(("days", "shown"), [(0, 0), (1, 1), (60, 60), (61, 31), (3660, 60)])
def test_many_days_are_added_up(days, shown):
    parts = rectangles(columns({BLUE: [1] * days}, "calls"))
    assert len(parts) == shown <= MOST_COLUMNS


def test_nothing_is_drawn_for_nothing():
    assert rectangles(columns({BLUE: [0, 0]}, "calls")) == []


def test_what_it_shows_is_said_and_escaped():
    picture = columns({BLUE: [1]}, HOSTILE)
    assert ElementTree.fromstring(picture).get("aria-label") == HOSTILE
    assert picture == columns({BLUE: [1]}, HOSTILE)


def test_a_bar_is_as_long_as_its_share():
    shown = share_bars({"todo": 0.75, HOSTILE: 0.25})
    widths = [each["width"] for each in rectangles(f"<p>{shown}</p>")]
    assert widths == [90.0, 30.0]
    assert "<td>75%</td>" in shown
    assert "<script>" not in shown


def test_a_table_is_lined_up_as_text():
    assert facts_text({"seed": 7, "brain": "scripted"}) == "seed   7\nbrain  scripted"
    assert facts_text({}) == ""


@pytest.mark.parametrize(
    ("heights", "shown"),
    [
        ([], ""),
        ([0, 0], "  "),
        ([1], "\u2588"),
        ([8, 4, 1, 0], "\u2588\u2584\u2581 "),
        ([800, 101, 100, 1], "\u2588\u2582\u2581\u2581"),
    ],
)
def test_a_sparkline_shows_what_there_is(heights, shown):
    assert sparkline(heights) == shown


def test_a_sparkline_of_many_days_is_no_wider_than_its_picture():
    assert len(sparkline([1] * 3660)) == MOST_COLUMNS


UNSEEN = "\0\a\x1b[31m\x9b\u202e\u2066\ud800"
SEEN = r"\x00\x07\x1b[31m\x9b\u202e\u2066\ud800"


def test_what_acts_on_a_terminal_or_turns_what_is_read_is_shown_instead():
    assert visible(UNSEEN) == SEEN
    assert Html.of(UNSEEN) == SEEN
    assert facts_table({UNSEEN: UNSEEN}).count(SEEN) == 2
    assert facts_text({"a": UNSEEN}) == f"a  {SEEN}"


@pytest.mark.parametrize("text", ["שלם \u200fדרך", "👩‍👩‍👧 na\u0131ve", "one\n\ttwo", ""])
def test_letters_of_any_script_and_emoji_stay(text):
    assert visible(text) == text
