"""How evenly a population fills what people can be like, in numbers and as a chart."""

import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc

from mana_lab.analysis import Charts, charts, columns
from mana_lab.analysis.columns import TRAITS
from mana_lab.analysis.coverage import coverage_table, trait_discrepancy
from mana_lab.analysis.report import render_report
from mana_lab.personas import load_catalog, sample


def people(points, **more):
    """Make a personas frame of rows of trait values."""
    frame = pd.DataFrame(points, columns=list(TRAITS))
    fixed = {
        "tick_cadence": "daily",
        "archetype": "solo-dev",
        "timezone": "Asia/Tokyo",
        "language": "en",
    }
    frame = frame.assign(**(fixed | more))
    frame["module_mix"] = [{"todo": 3, "notes": 1}] * len(frame)
    frame["persona"] = [f"P{number}" for number in range(len(frame))]
    return frame


def drawn(n, seed, low=0.0, high=1.0):
    return people(np.random.default_rng(seed).uniform(low, high, (n, len(TRAITS))))


@pytest.fixture(scope="module")
def sampled():
    return sample(200, seed=7).personas_df()


def test_a_catalog_has_the_columns_of_a_lab_that_stand_before_seeding(sampled):
    ten = load_catalog().personas_df()
    later = {"last_active_at", "user_id", "created_at"}
    for frame in (sampled, ten):
        assert set(frame.columns) == set(columns.PERSONAS) - later
        assert set(frame[list(TRAITS)].dtypes.astype(str)) == {"float64"}
    assert ten[list(TRAITS)].isna().all(axis=None)
    assert ten["module_mix"].iloc[-1] == {"todo": 0.6, "journal": 0.4}


async def test_the_frame_of_a_lab_has_the_traits_that_are_stored(house):
    await house.persona("Anna")
    await house.persona("Ben", traits={"skill": 0.25, "honesty": 1, "courage": 0.5})
    await house.persona("Cleo", traits=dict.fromkeys(TRAITS, 0.75))
    frame = house.warehouse.personas_df().set_index("persona")[list(TRAITS)]
    assert frame.loc["Anna"].isna().all()
    assert frame.loc["Ben"].dropna().to_dict() == {"skill": 0.25, "honesty": 1.0}
    assert set(frame.loc["Cleo"]) == {0.75}
    found = house.warehouse.sql("SELECT avg(verbosity) AS mean FROM personas")
    assert found["mean"].tolist() == [0.75]


def test_a_sample_is_far_more_even_than_chance(sampled):
    covered = trait_discrepancy(sampled)
    assert (covered.personas, list(covered.spans)) == (200, list(TRAITS))
    assert covered.found < covered.by_chance / 10


def test_the_discrepancy_is_that_of_scipy_where_traits_have_their_whole_range():
    points = np.vstack([np.random.default_rng(3).random((30, 4)), np.zeros(4), np.ones(4)])
    assert trait_discrepancy(people(points)).found == pytest.approx(qmc.discrepancy(points))


@pytest.mark.parametrize(("n", "d"), [(20, 4), (50, 2), (200, 3)])
def test_what_chance_would_come_to_is_what_it_comes_to_on_average(n, d):
    generator = np.random.default_rng(1)
    found = [qmc.discrepancy(generator.random((n, d))) for _ in range(400)]
    traits = np.zeros((n, len(TRAITS)))
    traits[:, :d] = generator.random((n, d))
    assert trait_discrepancy(people(traits)).by_chance == pytest.approx(np.mean(found), rel=0.06)


def test_independent_personas_are_about_as_even_as_chance():
    ratios = [
        covered.found / covered.by_chance
        for covered in (trait_discrepancy(drawn(200, seed)) for seed in range(40))
    ]
    assert np.mean(ratios) == pytest.approx(1, abs=0.15)


def test_a_narrower_range_is_measured_within_itself():
    whole, narrow = sample(128, seed=7), sample(128, seed=7, traits={"skill": (0.4, 0.6)})
    found = [trait_discrepancy(each.personas_df()) for each in (whole, narrow)]
    assert found[1].found == pytest.approx(found[0].found, rel=0.2)
    assert found[1].spans["skill"] == pytest.approx((0.4, 0.6), abs=0.005)


def test_a_trait_in_which_nobody_differs_is_left_out():
    fixed = sample(64, seed=7, traits={"honesty": (1, 1)}).personas_df()
    assert list(trait_discrepancy(fixed).spans) == ["patience", "skill", "verbosity"]


@pytest.mark.parametrize("n", [0, 1, 5])
def test_where_nobody_differs_there_is_nothing_to_measure(n):
    covered = trait_discrepancy(people([[0.5] * 4] * n))
    assert (covered.personas, covered.spans) == (n, {})
    assert math.isnan(covered.found)
    assert math.isnan(covered.by_chance)


def test_the_table_counts_each_kind():
    frame = people([[0.0, 0.25, 0.9, 1.0], [0.1, 0.3, 0.95, 1.0]])
    frame.loc[1, ["tick_cadence", "archetype"]] = ["hourly", "ceo-busy"]
    without = frame.iloc[[1]].assign(**dict.fromkeys(TRAITS))
    table = coverage_table(pd.concat([frame, without.astype(dict.fromkeys(TRAITS, "float64"))]))
    assert table["personas"].to_dict() == {
        ("patience", "0 to 0.25"): 2,
        ("patience", "0.25 to 0.5"): 0,
        ("patience", "0.5 to 0.75"): 0,
        ("patience", "0.75 to 1"): 0,
        ("skill", "0 to 0.25"): 0,
        ("skill", "0.25 to 0.5"): 2,
        ("skill", "0.5 to 0.75"): 0,
        ("skill", "0.75 to 1"): 0,
        ("honesty", "0 to 0.25"): 0,
        ("honesty", "0.25 to 0.5"): 0,
        ("honesty", "0.5 to 0.75"): 0,
        ("honesty", "0.75 to 1"): 2,
        ("verbosity", "0 to 0.25"): 0,
        ("verbosity", "0.25 to 0.5"): 0,
        ("verbosity", "0.5 to 0.75"): 0,
        ("verbosity", "0.75 to 1"): 2,
        ("cadence", "hourly"): 2,
        ("cadence", "daily"): 1,
        ("archetype", "ceo-busy"): 2,
        ("archetype", "solo-dev"): 1,
        ("time zone", "Asia/Tokyo"): 3,
        ("module", "todo"): 3,
        ("module", "notes"): 3,
    }
    shares = table["share"]
    assert shares["patience", "0 to 0.25"] == 1.0
    assert shares["cadence", "hourly"] == pytest.approx(2 / 3)
    assert (shares["module", "todo"], shares["module", "notes"]) == (0.75, 0.25)


def texts(chart):
    chart.draw_without_rendering()
    return {text.get_text() for text in chart.findobj(mpl.text.Text) if text.get_text()}


def test_the_chart_says_how_even_a_sample_is_and_names_its_axes(sampled):
    chart = charts.coverage(sampled)
    assert chart.finding == (
        "200 personas cover 4 traits more evenly than chance: discrepancy 0.00025, expected 0.0053"
    )
    shown = texts(chart)
    assert {*TRAITS, "cadence", "archetype", "module", "personas", "mean planned share"} <= shown
    assert {str(count) for count in coverage_table(sampled).loc["cadence", "personas"]} <= shown
    assert sum(text.startswith("r = ") for text in shown) > 0


def test_the_chart_says_what_a_population_leaves_out():
    narrow = sample(40, seed=7, traits={"honesty": (0.7, 1.0), "skill": (0.5, 0.5)})
    frame = pd.concat([narrow.personas_df(), load_catalog().personas_df()])
    assert charts.coverage(frame).finding.endswith(
        "; honesty only from 0.70 to 0.99; all alike in skill; 10 more have none"
    )


@pytest.mark.parametrize(
    ("frame", "finding"),
    [
        (people(np.empty((0, 4))), "No persona has traits"),
        (load_catalog().personas_df(), "No persona has traits"),
    ],
    ids=["nobody", "the ten"],
)
def test_the_chart_is_there_also_where_there_is_little_to_show(frame, finding):
    chart = charts.coverage(frame)
    assert chart.finding == finding
    assert chart.png()


def test_the_chart_admits_what_is_no_better_than_chance_and_draws_some_of_many_kinds():
    frame = people(np.repeat([[0.0] * 4, [1.0] * 4], 15, axis=0))
    frame["archetype"] = [f"kind-{number}" for number in range(30)]
    chart = charts.coverage(frame)
    assert "no more evenly than chance" in chart.finding
    shown = texts(chart)
    assert "archetype; 16 archetypes more" in shown
    assert "kind-0" in shown


async def test_a_lab_offers_the_chart_and_its_report_shows_it(house):
    await house.persona("Anna")
    await house.persona("Ben", traits=dict.fromkeys(TRAITS, 0.5))
    offered = Charts(house.warehouse)
    assert repr(offered).startswith("<Charts: activity, confusion, contrast, control, coverage, ")
    assert offered.coverage_table().loc[("cadence", "daily"), "personas"] == 2
    page = render_report(house.warehouse)
    assert "Who are the personas?" in page
    assert "1 persona with traits: nothing to tell apart" in page


def active(n):
    when = pd.Timestamp("2026-01-05 09:00Z").to_pydatetime()
    return [
        {"persona": f"P{number}", "seq": seq, "occurred_at": when}
        for number in range(n)
        for seq in range(number + 1)
    ]


def test_charts_have_rows_for_forty_personas_and_say_so(actions_of, personas_of):
    actions = actions_of(*active(60))
    everybody = personas_of(**{f"P{number}": {"todo": 1.0, "notes": 1.0} for number in range(60)})
    by_day, mix = charts.activity(actions, everybody), charts.module_mix(everybody, actions)
    assert "tool calls; darker is more; the 40 most active of 60 personas" in texts(by_day)
    assert any("the 40 of 60 personas with the widest gaps" in text for text in texts(mix))
    assert {"P59", "P20"} <= texts(by_day)
    assert "P19" not in texts(by_day)
    assert max(by_day.get_figheight(), mix.get_figheight()) < 14
    assert "calls (3 %) in 1 day" in by_day.finding
