"""The thresholds of a model of ratings, as a chart of labs of short texts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from living_house import lab_of, lived

from mana_lab.analysis.charts import thresholds, thresholds_table
from mana_lab.analysis.statistics import fit_clmm
from mana_lab.errors import MixedBrainsError

NAMES = ("Anna", "Ben", "Cem", "Dora", "Emil", "Finn")


def living(gap=0, **more):
    """Return a lab in which todo is rated so much higher than journal."""
    return lab_of(
        *(
            lived(
                "todo.create journal.add",
                who,
                tick,
                journal=1 + (place + tick) % 3,
                todo=1 + (place + 2 * tick) % 3 + gap,
                **more,
            )
            for place, who in enumerate(NAMES)
            for tick in (1, 2, 3, 4)
        )
    )


def names(chart):
    return [label.get_text() for label in chart.axes[0].get_yticklabels()]


def test_the_title_says_what_is_rated_higher_and_the_rows_what_stands_where():
    lab = living(gap=2)
    effect = fit_clmm(lab.feedback_df(), "module").effects[0]
    around = effect.robust_interval
    chart = lab.charts.thresholds()
    assert chart.finding == (
        f"todo is rated higher than journal: log-odds {effect.log_odds:+.2f} "
        f"[{around.low:.2f}, {around.high:.2f}] (6 personas)"
    )
    lines = [f"threshold {n}|{n + 1}" for n in range(1, 5)]
    assert names(chart) == ["todo", "journal (baseline)", *lines]
    assert chart.axes[0].get_xlabel().startswith("log-odds")
    assert chart.trust is not None
    assert chart.png() == lab.charts.thresholds(1).png()


def test_the_table_has_what_the_model_says():
    lab = living(gap=1)
    fit = fit_clmm(lab.feedback_df(), "module")
    table = lab.charts.thresholds_table()
    pd.testing.assert_frame_equal(table, thresholds_table(fit))
    assert table["kind"].tolist() == ["threshold"] * 3 + ["effect"]
    assert table["log_odds"].tolist() == [*fit.thresholds.values(), fit.effects[0].log_odds]
    first = table.iloc[0]
    assert (first["high"] - first["low"]) / 2 == pytest.approx(
        1.959963984540054 * fit.threshold_errors["1|2"]
    )
    assert table.iloc[-1]["low"] == fit.effects[0].robust_interval.low


def test_what_few_personas_rated_is_not_named_and_what_some_did_says_how_many():
    rated = {"journal": 1, "todo": 3}
    ticks = [
        lived("x.y", who, tick, **{m: said + (place + tick) % 3 for m, said in rated.items()})
        for place, who in enumerate(NAMES)
        for tick in (1, 2, 3, 4)
    ]
    alone = thresholds(
        fit_clmm(lab_of(*ticks, lived("x.y", "Anna", 9, mood=5)).feedback_df(), "module")
    )
    assert alone.finding.startswith("todo is rated higher")
    rows = lab_of(
        *ticks, *(lived("x.y", f"P{n}", 1, journal=2 + n % 2) for n in range(3))
    ).feedback_df()
    chart = thresholds(fit_clmm(rows, "module"), "journal")
    assert chart.finding.endswith("(6 of 9 personas)")


def test_where_nothing_is_told_apart_it_says_so():
    assert living().charts.thresholds().finding == (
        "Nothing is told apart from journal on the scale of the ratings (6 personas)"
    )


def test_one_of_many_effects_is_named_after_holms_correction_alone():
    fit = fit_clmm(living(gap=2).feedback_df(), "module")
    (effect,) = fit.effects
    some = [replace(effect, name=f"module[{name}]", robust_p=0.02) for name in ("a", "b", "c")]
    assert thresholds(replace(fit, effects=tuple(some)), "journal").finding.startswith("Nothing is")
    sure = replace(some[0], robust_p=0.004)
    found = thresholds(replace(fit, effects=(sure, *some[1:])), "journal")
    assert "p = 0.012 after Holm" in found.finding
    table = thresholds_table(replace(fit, effects=tuple(some)))
    assert table["p_adjusted"].dropna().round(3).tolist() == [0.06, 0.06, 0.06]


def test_an_effect_without_bound_is_drawn_at_the_edge():
    rows = living().feedback_df()
    rows["rating"] = rows["rating"].where(rows["module"] == "journal", 4)
    fit = fit_clmm(rows, "module")
    assert np.isinf(fit.effects[0].log_odds)
    chart = thresholds(fit, "journal")
    assert chart.finding == "todo is rated higher than journal without exception (6 personas)"
    assert np.isfinite(chart.axes[0].get_xlim()).all()
    assert max(np.abs(chart.axes[0].get_xlim())) < 15


def test_effects_of_several_columns_keep_their_names():
    rows = living(gap=1).feedback_df()
    rows["half"] = np.where(rows["tick"] > 2, "late", "early")
    chart = thresholds(fit_clmm(rows, "module", "half"), "early journal")
    assert set(names(chart)[:3]) == {"module[todo]", "half[late]", "early journal (baseline)"}


def test_too_little_for_a_model_is_no_chart_but_advice():
    for lab in (lab_of(), lab_of(lived("todo.create", todo=4))):
        assert lab.charts.thresholds().finding == "No model of the ratings yet"
        assert lab.charts.thresholds_table().empty


def test_ratings_of_different_brains_are_refused():
    lab = lab_of(
        *(
            lived("todo.create", who, n, todo=3 + n % 2, journal=n, more={"brain": brain})
            for who in NAMES
            for n, brain in ((1, "scripted"), (2, "model"))
        )
    )
    with pytest.raises(MixedBrainsError):
        lab.charts.thresholds()
