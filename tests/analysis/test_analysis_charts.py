import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from mana_lab.analysis import Charts, charts
from mana_lab.analysis.statistics import clustered_share
from mana_lab.errors import NotFoundError

DAY = "2026-01-{:02} 09:00Z"


def calls(persona, number, *, tool="todo.create", day=5, failed=0):
    return [
        {
            "persona": persona,
            "tool_name": tool,
            "seq": seq,
            "tick_id": f"{day}-{tool}",
            "result": "error" if seq < failed else "ok",
            "occurred_at": pd.Timestamp(DAY.format(day)).to_pydatetime(),
        }
        for seq in range(number)
    ]


def rated(module, *ratings, persona="Anna"):
    return [{"module": module, "rating": rating, "persona": persona} for rating in ratings]


def texts(chart):
    chart.draw_without_rendering()
    return {text.get_text() for text in chart.findobj(mpl.text.Text) if text.get_text()}


class TestActivity:
    def test_counts_calls_by_persona_and_day_the_most_active_first(self, actions_of, personas_of):
        table = charts.activity_table(
            actions_of(*calls("Anna", 2), *calls("Ben", 1), *calls("Ben", 4, day=7)),
            personas_of(Anna={}, Ben={}, Paul={}),
        )
        assert table.index.tolist() == ["Ben", "Anna", "Paul"]
        assert table.columns.tolist() == ["2026-01-05", "2026-01-06", "2026-01-07"]
        assert table.to_numpy().tolist() == [[1, 0, 4], [2, 0, 0], [0, 0, 0]]

    def test_names_the_most_active_and_the_idle(self, actions_of, personas_of):
        chart = charts.activity(
            actions_of(*calls("Anna", 3), *calls("Ben", 1)), personas_of(Anna={}, Ben={}, Paul={})
        )
        assert chart.finding == (
            "Anna was the most active: 3 of 4 calls (75 %) in 1 day; Paul did nothing"
        )

    def test_shares_the_first_place(self, actions_of):
        chart = charts.activity(actions_of(*calls("Anna", 2), *calls("Ben", 2)))
        assert chart.finding == (
            "Anna and Ben were the most active: 2 of 4 calls each (50 %) in 1 day"
        )

    def test_shows_weeks_above_three_weeks(self, actions_of):
        days = [row for day in range(5, 31) for row in calls("Anna", 1, day=day)]
        shown = texts(charts.activity(actions_of(*days)))
        assert {"5\nJan", "12\nJan", "19\nJan", "26\nJan", "7", "5"} <= shown
        assert "week from Monday (UTC), 5 Jan to 30 Jan 2026" in shown

    def test_tells_personas_of_one_name_apart(self, actions_of):
        other = [{**row, "email": "anna@else.test"} for row in calls("Anna", 1)]
        table = charts.activity_table(actions_of(*calls("Anna", 2), *other))
        assert table.index.tolist() == ["Anna (persona.anna@mana.test)", "Anna (anna@else.test)"]


class TestRatings:
    def test_counts_each_answer_the_lowest_mean_first(self, feedback_of):
        table = charts.ratings_table(
            feedback_of(*rated("todo", 1, 2, 2), *rated("notes", 5, persona="Ben"))
        )
        assert table.index.tolist() == ["todo", "notes"]
        assert table[["1", "2", "3", "4", "5"]].to_numpy().tolist() == [
            [1, 2, 0, 0, 0],
            [0, 0, 0, 0, 1],
        ]
        assert table["ratings"].tolist() == [3, 1]
        assert table["personas"].tolist() == [1, 1]
        assert table["mean"].tolist() == [5 / 3, 5.0]

    def test_means_are_those_of_personas_with_an_interval_within_the_scale(self, feedback_of):
        rows = rated("todo", 1, 1, 1, 1) + rated("todo", 5, persona="Ben") + rated("notes", 2)
        table = charts.ratings_table(feedback_of(*rows))
        assert table["mean"].to_dict() == {"notes": 2.0, "todo": 3.0}
        assert table["personas"].to_dict() == {"notes": 1, "todo": 2}
        assert table.loc["todo", ["low", "high"]].tolist() == [1.0, 5.0]
        assert table.loc["notes", ["low", "high"]].isna().all()
        alike = rated("todo", 4) + rated("todo", 4, persona="Ben")
        assert charts.ratings_table(feedback_of(*alike))[["low", "high"]].isna().all(axis=None)

    @pytest.mark.parametrize(
        ("rows", "finding"),
        [
            (
                rated("todo", 2, 2, 3, 2, 2) + rated("notes", 4, 4, 5, 4, 4),
                (
                    "No two of 2 modules can be told apart by their ratings: means from 2.20 to "
                    "4.20 of 5"
                ),
            ),
            (rated("todo", 4), "todo is rated 4.00 of 5 on average (1 persona, 1 rating)"),
            (
                [
                    row
                    for name in "ABCDEFG"
                    for row in rated("todo", 2, persona=name) + rated("notes", 4, 5, persona=name)
                ],
                "todo is rated 2.50 points below notes by the same 7 personas",
            ),
            (
                [
                    row
                    for place, name in enumerate("ABCDEFGHIJ")
                    for row in rated("todo", 1, persona=name)
                    + rated("mood", 2 + place % 2, persona=name)
                    + rated("notes", 5, persona=name)
                ],
                (
                    "todo is rated 4.00 points below notes by the same 10 personas; "
                    "2 more pairs of modules apart"
                ),
            ),
            (
                [{**row, "brain": "model"} for row in rated("todo", 2)] + rated("notes", 4),
                (
                    "Ratings of different brains do not mean the same, so that modules are not "
                    "compared"
                ),
            ),
        ],
        ids=["one persona", "one", "apart", "several pairs", "brains"],
    )
    def test_names_modules_as_apart_only_where_that_holds_up(self, feedback_of, rows, finding):
        assert charts.ratings(feedback_of(*rows)).finding == finding

    def test_says_which_brain_rated(self, feedback_of):
        rows = rated("spaces", 1) + rated("todo", 3, 3, 3, 3, 3)
        (note,) = [text for text in texts(charts.ratings(feedback_of(*rows))) if "brain" in text]
        assert "no opinions of people" in " ".join(note.split())

    def test_shows_means_intervals_and_numbers_beside_the_bars(self, feedback_of):
        rows = rated("todo", 1, 2, 2) + rated("todo", 2, persona="Ben") + rated("notes", 5)
        shown = texts(charts.ratings(feedback_of(*rows)))
        assert {"mean", "95 %", "personas", "ratings", "1.83", "5.00", "1.0 to 4.0"} <= shown
        assert {"\N{EN DASH}", "4", "25", "75", "100"} <= shown


class TestToolErrors:
    NONE = (
        "No tool fails more often than what else the same personas call, of those that 6 or more "
        "called"
    )
    FEW = "Too few personas to tell which tool fails more often: 6 have to call it, and others too"

    @pytest.mark.parametrize(
        ("rows", "finding"),
        [
            (calls("Anna", 3), "No call failed: 3 calls of 1 tool worked"),
            (
                calls("Anna", 7, failed=5)
                + calls("Anna", 20, tool="notes.create")
                + calls("Ben", 3),
                f"{FEW}; 17 % of all 30 calls failed",
            ),
            (
                [
                    row
                    for name in "ABCDEFGH"
                    for row in calls(name, 4, failed=3) + calls(name, 6, tool="notes.create")
                ],
                (
                    "todo.create fails more often than what else the same 8 personas call: 24 of "
                    "its 32 calls; 30 % of all 80 calls failed"
                ),
            ),
            (
                [
                    row
                    for name in "ABCDEFGH"
                    for row in calls(name, 4, tool="todo.eat", failed=4)
                    + calls(name, 6, tool="notes.create")
                ],
                f"{FEW}; 40 % of all 80 calls failed",
            ),
            (
                [
                    row
                    for name in "ABCDEFGH"
                    for row in calls(name, 4, failed=1)
                    + calls(name, 4, tool="notes.create", failed=1)
                ],
                f"{NONE}; 25 % of all 64 calls failed",
            ),
        ],
        ids=["none", "of one persona", "holds up", "no such tool", "alike"],
    )
    def test_names_a_tool_only_where_that_holds_up(self, actions_of, rows, finding):
        rows = [
            {**row, "error_code": "unknown-tool"}
            if row["tool_name"] == "todo.eat" and "fails" in finding
            else row
            for row in rows
        ]
        assert charts.tool_errors(actions_of(*rows)).finding == finding

    def test_intervals_know_whose_calls_they_are_and_order_the_tools(self, actions_of):
        surely = [row for name in "ABCDEFGH" for row in calls(name, 5, failed=3)]
        by_one = calls("A", 5, tool="notes.eat", failed=5) + calls("B", 1, tool="notes.eat")
        alone = calls("A", 5, tool="mood.log", failed=5)
        table = charts.tool_errors_table(actions_of(*surely, *by_one, *alone))
        assert table.index.tolist() == ["todo.create", "notes.eat", "mood.log"]
        rows = actions_of(*by_one)
        interval = clustered_share(rows["result"] == "error", rows["email"]).interval
        assert table.loc["notes.eat", "error_low"] == interval.low
        assert table.loc["notes.eat", "error_high"] == interval.high
        assert table.loc["mood.log", ["error_low", "error_high"]].isna().all()

    def test_no_line_of_an_interval_runs_through_a_number(self, actions_of):
        rows = [row for name in "ABCD" for row in calls(name, 5, failed=2)]
        chart = charts.tool_errors(actions_of(*rows, *calls("A", 5, tool="notes.create")))
        chart.draw_without_rendering()
        axes = chart.axes[0]
        (line,) = axes.collections
        end = axes.transData.transform(line.get_segments()[0][1])[0]
        (text,) = [text for text in axes.texts if "8/20" in text.get_text()]
        assert text.get_window_extent().x0 > end

    def test_shows_rates_with_their_counts(self, actions_of):
        rows = calls("Anna", 4, failed=1) + calls("Ben", 2, tool="notes.create")
        shown = texts(charts.tool_errors(actions_of(*rows)))
        assert {"25 %  (1/4)", "100 %  (1/1)", "0 %  (0/2)", "no errors"} <= shown


class TestModuleMix:
    def test_sets_planned_against_lived(self, actions_of, personas_of):
        table = charts.module_mix_table(
            personas_of(Anna={"todo": 3, "mood": 1}, Paul={"invoices": 1.0}),
            actions_of(*calls("Anna", 3), *calls("Anna", 1, tool="notes.create")),
        )
        assert table.index.tolist() == [
            ("Anna", "mood"),
            ("Anna", "notes"),
            ("Anna", "todo"),
            ("Paul", "invoices"),
        ]
        assert table["planned"].tolist() == [0.25, 0.0, 0.75, 1.0]
        assert table["lived"].tolist()[:3] == [0.0, 0.25, 0.75]
        assert table["lived"].isna().tolist() == [False, False, False, True]
        assert table["gap"].tolist()[:3] == [-0.25, 0.25, 0.0]

    @pytest.mark.parametrize(
        ("mix", "finding"),
        [
            (
                {"todo": 0.4, "calendar": 0.6},
                (
                    "1 of 2 planned modules was never used: calendar; "
                    "widest gap: Anna planned 60 % calendar, lived 0 %"
                ),
            ),
            (
                {"todo": 0.5, "notes": 0.5, "mood": 0.0},
                "Every planned module was used; widest gap: Anna planned 50 % notes, lived 33 %",
            ),
            ({"todo": 2.0, "notes": 1.0}, "Every persona used the modules as planned"),
            (
                {"calendar": 1.0},
                (
                    "None of the planned modules was used; "
                    "widest gap: Anna planned 100 % calendar, lived 0 %"
                ),
            ),
        ],
    )
    def test_states_the_finding(self, actions_of, personas_of, mix, finding):
        lived = actions_of(*calls("Anna", 2), *calls("Anna", 1, tool="notes.create"))
        chart = charts.module_mix(personas_of(Anna=mix), lived)
        assert chart.finding == finding

    def test_a_persona_of_a_few_calls_makes_no_finding(self, actions_of, personas_of):
        lived = actions_of(
            *calls("Anna", 4), *calls("Anna", 1, tool="notes.create"), *calls("Ben", 1)
        )
        personas = personas_of(Anna={"todo": 1.0}, Ben={"notes": 1.0})
        chart = charts.module_mix(personas, lived)
        assert chart.finding.endswith("Anna planned 0 % notes, lived 20 %")
        assert any("personas with fewer than 5 calls" in text for text in texts(chart))


@pytest.fixture
def every_chart(actions_of, feedback_of, personas_of):
    def draw(name="Anna"):
        actions = actions_of(*calls(name, 6, failed=2), *calls("Ben", 2, tool="notes.create"))
        feedback = feedback_of(*rated("todo", 1, 3, 5), *rated("notes", 4))
        personas = personas_of(**{name: {"todo": 1.0, "mood": 1.0}, "Ben": {"notes": 1.0}})
        return [
            charts.activity(actions, personas),
            charts.ratings(feedback),
            charts.tool_errors(actions),
            charts.module_mix(personas, actions),
        ]

    return draw


def test_every_title_is_the_finding_and_fits(every_chart):
    for chart in every_chart():
        assert chart.get_suptitle().replace("\n", " ") == chart.finding
        width, _ = chart.get_size_inches()
        chart.draw_without_rendering()
        assert chart._suptitle.get_window_extent().x1 <= width * chart.dpi


@pytest.mark.slow
def test_the_same_data_give_the_same_bytes_at_any_time_and_in_any_style(every_chart):
    first = [chart.png() for chart in every_chart()]
    with plt.style.context("dark_background"), mpl.rc_context({"font.size": 20}):
        second = [chart.png() for chart in every_chart()]
        again = [[chart.png(50), chart.png()][1] for chart in every_chart()]
    assert first == second == again
    assert all(png.startswith(b"\x89PNG") and b"Software" not in png for png in first)


def test_drawing_leaves_no_trace_in_pyplot_or_the_settings(every_chart):
    before = dict(mpl.rcParams)
    every_chart()
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_a_notebook_shows_the_picture_and_a_stable_text(every_chart):
    for chart in every_chart():
        assert chart._repr_png_() == chart.png()
        assert repr(chart).startswith("<Chart size 800x450 with ")


@pytest.mark.parametrize(
    "name",
    [
        "$x^2$ {",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("小明", "A\nB", "<img src=x onerror=alert(1)>", "x" * 300)
        ),
    ],
)
def test_any_name_can_be_drawn_as_it_is(every_chart, name):
    for chart in every_chart(name):
        assert chart.png()
    assert "$x^2$ {" not in name or name in texts(every_chart(name)[0])


def test_nothing_is_said_to_be_nothing(actions_of, feedback_of, personas_of):
    nothing, nobody = actions_of(), personas_of()
    assert charts.activity(nothing).finding == "No calls yet"
    assert charts.ratings(feedback_of()).finding == "No ratings yet"
    assert charts.tool_errors(nothing).finding == "No calls yet"
    assert charts.module_mix(personas_of(Anna={}), nothing).finding == "No calls yet"
    assert charts.module_mix(nobody, nothing).finding == "No personas yet"
    assert charts.activity(nothing).png()


def test_tables_of_nothing_are_empty(actions_of, feedback_of, personas_of):
    nothing = actions_of()
    assert charts.activity_table(nothing).empty
    assert charts.activity_table(nothing, personas_of(Anna={})).index.tolist() == ["Anna"]
    assert charts.ratings_table(feedback_of()).empty
    assert charts.tool_errors_table(nothing).empty
    assert charts.module_mix_table(personas_of(), nothing).empty


async def test_the_charts_of_a_lab_take_a_run(lived_in):
    of = Charts(lived_in.warehouse)
    assert of.activity(1).finding.startswith("Anna was the most active: 4 of 6 calls")
    assert of.ratings().finding.startswith("No two of 2 modules can be told apart")
    assert of.tool_errors(1).finding == (
        "Too few personas to tell which tool fails more often: 6 have to call it, and others too; "
        "17 % of all 6 calls failed"
    )
    assert of.module_mix().finding.startswith("Every planned module was used")
    with pytest.raises(NotFoundError):
        of.activity(2)
    assert of.confusion(1).finding == "No tool was tried where another was right"
    assert of.error_recovery(1).finding.startswith("invalid-arguments is recovered least often")
    assert of.error_recovery_table(1)["recovered"].tolist() == [1]
    assert repr(of) == (
        "<Charts: activity, confusion, contrast, control, coverage, error_recovery, module_mix, "
        "ratings, thresholds, timeline, tool_errors>"
    )
