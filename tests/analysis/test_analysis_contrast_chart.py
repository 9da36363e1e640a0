"""The chart of what a treatment changed, of labs of short texts."""

from dataclasses import replace

import matplotlib as mpl
import pytest
from living_house import lab_of, lived
from tried_house import DESIGN, PEOPLE, tried

from mana_lab.analysis import charts, render_report
from mana_lab.analysis.charts.differences import TOLD
from mana_lab.analysis.contrast import CONTROL, TREATMENT, Contrast
from mana_lab.analysis.contrast.measures import MEASURES
from mana_lab.analysis.statistics.intervals import t_interval
from mana_lab.errors import InvalidInputError, NotFoundError


def texts(chart):
    chart.draw_without_rendering()
    shown = chart.findobj(mpl.text.Text)
    return [" ".join(text.get_text().split()) for text in shown if text.get_text()]


@pytest.fixture(scope="module")
def failing():
    return tried("todo.create! mood.log")


@pytest.fixture(scope="module")
def same():
    return tried("todo.create mood.log")


@pytest.fixture(scope="module")
def failed(failing):
    return failing.charts.contrast(1)


def test_every_measure_can_be_told():
    assert set(TOLD) == set(MEASURES)


def test_the_title_names_what_changed_and_by_how_much(failed):
    assert failed.finding == (
        "todo changed, in todo.create: under treatment 100 percentage points more of its calls "
        "failed (10 personas; p = 0.002)"
    )
    said = texts(failed)
    assert {"todo", "mood", "todo.create", "failed (% points)", "changed"} <= set(said)
    assert "+100" in said
    assert "mood.log" not in said  # of modules that did not change no tool is shown
    assert any(
        "differed for one persona at most: repeated, took over 5 s, calls" in text for text in said
    )
    assert failed.trust is not None
    assert any("exploratory" in text for text in said)


def test_what_changed_has_another_mark_and_bold_letters(failed):
    weights = {label.get_text(): label.get_weight() for label in failed.axes[0].get_yticklabels()}
    assert weights == {"todo": "bold", "todo.create": "bold", "mood": "normal"}
    markers = [
        line.get_marker() for axes in failed.axes for line in axes.lines if len(line.get_xdata())
    ]
    assert markers.count("D") == 1  # both in one panel


def test_the_noise_floor_is_a_band_around_no_difference(same):
    chart = same.charts.contrast(1)
    table = same.charts.contrast_table(1)
    floors = table["noise"].dropna()
    assert list(floors.index) == [("mood", "", "rating"), ("todo", "", "rating")]
    rating = next(axes for axes in chart.axes if axes.get_title("left").startswith("rating"))
    bands = [(patch.get_x(), patch.get_width()) for patch in rating.patches]
    assert bands == pytest.approx([(-floor, 2 * floor) for floor in floors if floor >= 0])
    assert floors["mood", "", "rating"] == same.contrast(1).noise_floor("mood").mean
    assert "noise floor of the blind A/A" in texts(chart)


def test_where_nothing_changed_the_title_says_so(same):
    chart = same.charts.contrast(1)
    assert chart.finding == (
        "Nothing changed that holds up: 18 measures of 2 modules and their tools, within "
        "10 personas"
    )
    assert "changed" not in texts(chart)
    assert not same.charts.contrast_table(1)["changed"].any()


def test_the_table_has_the_differences_with_their_intervals(failing):
    table = failing.charts.contrast_table(1)
    contrast = failing.contrast(1)
    row = table.loc["todo", "todo.create", "failures"]
    test = contrast.test("todo.create", "failures")
    assert row["difference"] == test.effect == 1
    assert (row["low"], row["high"]) == (test.interval.low, test.interval.high)
    assert row["unit"] == MEASURES["failures"]
    assert row["personas"] == 10
    changed = [("todo", "", "failures"), ("todo", "todo.create", "failures")]
    assert list(table.index[table["changed"]]) == changed
    assert list(dict.fromkeys(table.index.droplevel("measure"))) == [
        ("todo", ""),
        ("todo", "todo.create"),
        ("mood", ""),
    ]


def test_level_and_seed_are_those_of_the_experiment(failing):
    strict = tried("todo.create! mood.log", design={**DESIGN, "alpha": 1e-4})
    assert strict.contrast(1).alpha == 1e-4
    assert strict.contrast(1, alpha=0.5).alpha == 0.5
    assert strict.charts.contrast(1).finding.startswith("Nothing changed")
    assert (failing.contrast(1).alpha, failing.contrast(1).seed) == (0.05, 7)
    assert failing.contrast(1, seed=3).seed == 3


@pytest.mark.parametrize(
    ("measure", "difference", "words"),
    [
        ("rating", -0.5, "it is rated 0.50 points lower"),
        ("rating", 0.5, "it is rated 0.50 points higher"),
        ("repeats", -0.256, "26 percentage points fewer of its calls repeated an earlier one"),
        ("slow", 1, "100 percentage points more of its calls took over 5 s"),
        ("calls", -1.25, "it gets 1.25 calls a tick fewer"),
        ("shown", 3, "its answers list 3.00 things more"),
        ("gained", -2, "its lists gain 2.00 things less each time"),
    ],
)
def test_a_difference_is_told_in_words(measure, difference, words):
    assert TOLD[measure].words(difference) == words


def test_the_same_data_give_the_same_bytes(failing, failed):
    first = failed.png()
    with mpl.rc_context({"font.size": 20}):
        assert failing.charts.contrast(1).png() == first
    assert failed.png() == first
    assert first.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["<img/src=x>", "$x^2$ {", "小明", "x" * 300])
def test_any_name_can_be_drawn_as_it_is(name):
    tool = f"{name.replace(' ', '')}.create"
    lab = tried(f"{tool}!", tool)
    chart = lab.charts.contrast(1)
    assert chart.png()
    assert ": under treatment 100 percentage points more" in chart.finding
    assert chart.get_suptitle().replace("\n", " ") == chart.finding.replace("小明", "??")
    assert chart._suptitle.get_window_extent().x1 <= chart.get_size_inches()[0] * chart.dpi


def test_many_modules_make_it_higher_and_the_rest_is_counted():
    everything = " ".join(f"m{number}.do" for number in range(45))
    chart = tried(everything, everything).charts.contrast(1)
    assert chart.get_figheight() < 14
    assert any("less used rows not shown" in text for text in texts(chart))


def one_of(people):
    """A lab in which the first of some people rates todo higher under treatment."""
    ticks = []
    for place, person in enumerate(people):
        for number in range(8):
            arm = TREATMENT if number % 2 else CONTROL
            todo = 5 if arm == TREATMENT and place == 0 else 3
            more = {"variant": arm}
            ticks.append(lived("todo.create mood.log", person, number, more=more, todo=todo))
    return lab_of(*ticks, design=DESIGN)


def test_an_interval_that_leaves_its_panel_ends_in_an_arrow_and_the_note_says_so():
    lab = one_of(PEOPLE[:3])
    row = lab.charts.contrast_table(1).loc["todo", "", "rating"]
    assert (row["low"], row["high"]) == pytest.approx((0.667 - 2.868, 0.667 + 2.868), abs=0.01)
    chart = lab.charts.contrast(1)
    (axes,) = [axes for axes in chart.axes if axes.get_title("left").startswith("rating")]
    left, right = axes.get_xlim()
    arrows = {line.get_marker(): line.get_xdata() for line in axes.lines if len(line.get_xdata())}
    assert left < arrows["<"][0] < 0 < arrows[">"][0] < right
    assert any("none of one persona; arrow: it goes on" in text for text in texts(chart))


def test_an_interval_stays_within_what_is_possible():
    lab = one_of(PEOPLE[:2])
    found = lab.contrast(1)
    students = t_interval(found.gaps["module", "todo", "rating"])
    assert (students.low < -4, students.high > 4) == (True, True)
    interval = found.test("todo", "rating").interval
    assert (interval.low, interval.high) == (-4, 4)
    row = lab.charts.contrast_table(1).loc["todo", "", "rating"]
    assert (row["low"], row["high"]) == (-4, 4)


def test_several_changes_are_named():
    chart = tried("todo.create! mood.log! spaces.list", "todo.create mood.log spaces.list").charts
    assert chart.contrast(1).finding.endswith("todo changed too")


def test_one_call_that_was_held_up_makes_no_panel():
    lab = tried("todo.create! mood.log")
    calls = lab.warehouse.actions_df(1)
    found = lab.contrast(1)
    held = calls["latency_ms"].where(calls["id"] != calls["id"].iloc[-1], 9_000.0)
    late = replace(found.varied, calls=found.varied.calls.assign(latency_ms=held))
    contrast = Contrast(late, seed=7)
    assert contrast.gaps.xs("slow", axis="columns", level="measure").ne(0).any(axis=None)
    said = texts(charts.contrast(contrast))
    assert "took over 5 s (% points)" not in said
    assert any("one persona at most: repeated, took over 5 s" in text for text in said)


@pytest.mark.parametrize("people", [(), ("Ada",)])
def test_nothing_to_compare_is_said(people):
    lab = (
        tried("todo.create", people=people)
        if people
        else lab_of(lived("todo.create", more={"variant": CONTROL}), design=DESIGN)
    )
    chart = lab.charts.contrast(1)
    assert chart.finding == "There is nothing to compare yet"
    assert lab.charts.contrast_table(1).empty
    assert chart.png()


def test_a_run_in_which_nothing_was_varied_is_refused():
    lab = lab_of(lived("todo.create"))
    with pytest.raises(InvalidInputError, match="run 1 did not vary the app"):
        lab.charts.contrast(1)
    with pytest.raises(NotFoundError):
        lab.charts.contrast_table(2)


@pytest.mark.slow
def test_the_report_of_an_experiment_has_it(failing, failed):
    text = render_report(failing.warehouse, 1)
    assert "What did the treatment change?" in text
    assert failed.finding in text
    assert failing.charts.contrast(1).finding in text
    for other in (
        render_report(failing.warehouse),
        render_report(lab_of(lived("a.b")).warehouse, 1),
    ):
        assert "What did the treatment change?" not in other
    planted = lab_of(lived("a.b", more={"variant": "whole"}), design={"kind": "planted"})
    assert "What did the treatment change?" not in render_report(planted.warehouse, 1)


def test_ratings_of_different_brains_have_no_panel():
    ticks = [
        lived(
            "todo.create! todo.list" if number % 2 else "todo.create todo.list",
            person,
            number,
            more={"variant": TREATMENT if number % 2 else CONTROL, "brain": f"brain {number % 2}"},
            todo=3,
        )
        for person in PEOPLE
        for number in range(6)
    ]
    lab = lab_of(*ticks, design=DESIGN)
    assert "rating" not in set(lab.charts.contrast_table(1).index.get_level_values("measure"))
    assert not any(text.startswith("rating") for text in texts(charts.contrast(lab.contrast(1))))
