"""The control chart of labs of short texts."""

import pandas as pd
import pytest
from living_house import lab_of, lived

from mana_lab.analysis.charts import control
from mana_lab.analysis.statistics import control_limits
from mana_lab.errors import MixedBrainsError

NAMES = ("Anna", "Ben", "Cem", "Dora")


def living(worse=0, runs=3, modules=("todo",)):
    """Return a lab of some runs, in the last of which todo is rated worse."""

    def rated(place, run):
        less = {"todo": worse if run == runs else 0}
        return {name: 4 + (place + run) % 2 - less.get(name, 0) for name in modules}

    return lab_of(
        *(
            lived("todo.create", who, run, run=run, **rated(place, run))
            for place, who in enumerate(NAMES)
            for run in range(1, runs + 1)
        )
    )


def test_the_title_says_what_drifted_and_by_how_much():
    lab = living(worse=3, modules=("todo", "journal"))
    chart = lab.charts.control()
    assert chart.finding == (
        "todo in run 3 is rated 2.00 points below its mean of 3 runs, which is beyond chance; "
        "no other module drifted"
    )
    assert [axes.get_title("left") for axes in chart.axes] == ["todo (n = 4)", "journal (n = 4)"]
    assert {axes.get_xlabel() for axes in chart.axes} == {"run"}
    assert chart.axes[0].get_ylabel() == "rating, 1 to 5"
    assert chart.trust is not None
    table = lab.charts.control_table()
    pd.testing.assert_frame_equal(table, control_limits(lab.feedback_df()))


def test_where_nothing_drifted_it_says_so():
    finding = living(modules=("todo", "journal")).charts.control().finding
    assert finding == "No module drifted beyond chance over 3 runs (2 modules judged)"


def test_modules_beyond_the_panels_are_told():
    names = [f"module{n:02}" for n in range(18)]
    chart = living(modules=("todo", *names)).charts.control()
    assert len([axes for axes in chart.axes if axes.get_visible()]) == 16
    assert "3 modules that stayed within not shown" in chart.note


def test_one_run_cannot_drift_and_one_persona_cannot_tell():
    assert living(runs=1).charts.control().finding == "Drift takes two runs with ratings"
    assert control(control_limits(lab_of().feedback_df())).finding.startswith("Drift takes")
    alone = lab_of(*(lived("todo.create", run=run, number=run, todo=4) for run in (1, 2)))
    assert alone.charts.control().finding.startswith("Too few personas rated a module")


def test_runs_of_different_brains_are_refused():
    lab = lab_of(
        *(
            lived("todo.create", who, run, run=run, todo=4, more={"brain": brain})
            for who in NAMES
            for run, brain in ((1, "scripted"), (2, "model"))
        )
    )
    with pytest.raises(MixedBrainsError):
        lab.charts.control()
