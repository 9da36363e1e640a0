import math
import textwrap

import numpy as np
import pytest
from living_house import lab_of, lived

from mana_lab.analysis import charts
from mana_lab.analysis.statistics import intraclass_correlation, noise_floor
from mana_lab.analysis.statistics.noise import floor_of
from mana_lab.analysis.trust import Trust, noise_of_pair, trust_of
from mana_lab.errors import NotFoundError

MODEL = {"brain": "model", "model": "a-model"}
HOSTILE = "<script>alert(1)</script>"
TICKS = 24


def rater(name, rate, *, run=1, more=None):
    """Ticks of a persona who has an error in every second one and rates by *rate*."""
    return [
        lived(
            "todo.create! todo.create" if number % 2 else "todo.create",
            name,
            number,
            run=run,
            more=more,
            todo=rate(number),
        )
        for number in range(1, TICKS + 1)
    ]


def honest(number):
    return 3 + number % 3 - 2 * (number % 2)


@pytest.fixture(scope="module")
def lab():
    """Two honest raters and one who always says the same; and a run of a model."""
    return lab_of(
        *rater("Anna", honest),
        *rater("Ben", lambda number: min(5, honest(number) + 1)),
        *rater("Zoe", lambda _: 5),
        *rater("Anna", honest, run=2, more=MODEL),
        *rater("Ben", honest, run=2, more=MODEL),
    )


def test_it_says_what_a_run_rests_on(lab):
    trust = trust_of(lab.warehouse, 1)
    rows = lab.feedback_df(1)
    assert (trust.personas, trust.ratings) == (3, 3 * TICKS)
    assert trust.icc == intraclass_correlation(rows["rating"], rows["persona_id"])
    assert (trust.brains, trust.models, trust.fixture) == (("scripted",), (), True)
    assert trust.kind == "exploratory"


def test_without_a_blind_comparison_the_noise_floor_is_that_of_every_other_tick():
    lab = lab_of(*(tick for name in "ABCDE" for tick in rater(name, honest)))
    rows = lab.feedback_df(1)
    odd = rows["tick"] % 2 == 1
    noise = trust_of(lab.warehouse, 1).noise
    assert noise.source == "split halves"
    assert noise.floor == noise_floor(rows[odd], rows[~odd])


def test_the_same_app_under_two_names_gives_the_noise_floor():
    arms = ("control", "control again", "treatment")
    ticks = [
        lived(
            "todo.create",
            name,
            number,
            more={"variant": arms[number % 3]},
            todo=1 + (number + place) % 5,
        )
        for place, name in enumerate(("Anna", "Ben", "Cleo", "Dan", "Eve"))
        for number in range(1, 12 + place)
    ]
    lab = lab_of(*ticks)
    rows = lab.ratings_in_context(1)
    first, second = (rows[rows["variant"] == name] for name in arms[:2])
    trust = lab.trust(1)
    assert trust.noise.source == "blind A/A"
    assert trust.noise.floor == noise_floor(first, second)
    assert trust.variants == arms
    assert "; app varied, pooled here: control, control again, treatment; " in str(trust)


def test_flagged_raters_are_named_and_numbers_are_given_with_and_without_them(lab):
    trust = trust_of(lab.warehouse, 1)
    (zoe,) = trust.flagged
    assert (zoe.persona, zoe.flags, zoe.brain) == ("Zoe", ("constant",), "scripted")
    assert trust.flagged_ids == {"Zoe"}
    assert (trust.raters, trust.judged) == (3, 3)
    means = lab.feedback_df(1).groupby("persona_id")["rating"].mean()
    assert trust.mean == pytest.approx(means.mean())
    assert trust.mean_unflagged == pytest.approx(means.drop("Zoe").mean())
    assert "1 of 3 judged raters flagged: Zoe (constant); mean 3." in str(trust)


def test_models_are_named_and_no_fixtures(lab):
    trust = trust_of(lab.warehouse, 2)
    assert (trust.brains, trust.models, trust.fixture) == (("model",), ("a-model",), False)
    assert "model: a-model;" in str(trust)
    assert "fixtures" not in str(trust)


def test_the_ratings_of_several_brains_are_not_put_together(lab):
    trust = trust_of(lab.warehouse)
    assert trust.brains == ("model", "scripted")
    assert trust.icc is None
    assert trust.noise is None
    assert "ICC and noise floor not known (ratings of several brains)" in str(trust)
    assert math.isnan(trust.mean)
    assert trust.raters == 5


def test_few_ratings_judge_nobody():
    trust = trust_of(lab_of(lived("todo.create", todo=4)).warehouse)
    assert str(trust) == (
        "1 persona, 1 rating; scripted (fixtures), no model; ICC and noise floor not known (one "
        "persona); rater flags not known (too few ratings to judge a rater); exploratory"
    )


def test_without_ratings_it_says_who_played():
    trust = trust_of(lab_of(lived("todo.create", more=MODEL)).warehouse)
    unknown = "ICC and noise floor not known (no rating); rater flags not known (nobody rated)"
    assert str(trust) == f"1 persona, 0 ratings; model: a-model; {unknown}; exploratory"
    assert str(trust_of(lab_of().warehouse)) == (
        "0 personas, 0 ratings; brain and model not known (no tick says who played); "
        f"{unknown}; exploratory"
    )


def test_what_cannot_be_measured_is_said_with_the_reason():
    alike = [lived("todo.create", name, day, todo=4) for name in "ABCDE" for day in range(1, 5)]
    assert "; ICC not known (all ratings are alike, or one each); noise floor 0.00 " in str(
        trust_of(lab_of(*alike).warehouse)
    )
    once = [lived("todo.create", name, todo=mark) for name, mark in (("A", 1), ("B", 5))]
    said = str(trust_of(lab_of(*once).warehouse))
    assert "noise floor not known (fewer than 5 personas rated it in both parts)" in said
    assert "model, model not known; " in str(
        trust_of(lab_of(lived("a.b", more={"brain": "model"})).warehouse)
    )
    page = trust_of(lab_of(*once).warehouse)._repr_html_()
    for name in ("Played by", "Persona share", "Noise", "Raters", "Kind"):
        assert f"<dt>{name}</dt>" in page


def test_a_persona_of_a_hostile_name_is_shown_as_text():
    trust = trust_of(lab_of(*rater(HOSTILE, lambda _: 5), *rater("Ben", honest)).warehouse)
    assert HOSTILE in str(trust)
    assert HOSTILE not in trust._repr_html_()
    assert "&lt;script&gt;" in trust._repr_html_()


def test_an_unknown_run_is_named(lab):
    with pytest.raises(NotFoundError, match="has no run 9"):
        lab.trust(9)


def test_it_is_measured_once_until_the_rows_change(lab):
    assert lab.trust(1) is lab.trust("run-1")
    assert lab.trust(1) is not lab.trust(2)


async def test_it_is_measured_anew_when_rows_have_come(house):
    anna = await house.persona()
    await house.run()
    await house.feedback(anna, "todo", 1)
    assert trust_of(house.warehouse).ratings == 1
    await house.feedback(anna, "journal", 5)
    assert trust_of(house.warehouse).ratings == 2


NAMES = (
    "activity",
    "confusion",
    "error_recovery",
    "module_mix",
    "ratings",
    "tool_errors",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_chart_of_a_lab_says_at_its_foot_what_it_rests_on(name, lab):
    chart = getattr(lab.charts, name)(2)
    foot = " ".join(chart.get_supxlabel().split())
    assert foot.endswith(str(chart.trust))
    assert foot.startswith(" ".join(chart.note.split()))


def test_the_chart_of_the_population_says_it_too(lab):
    assert isinstance(lab.charts.coverage().trust, Trust)


def test_the_chart_of_one_persona_rests_on_them_alone(lab):
    trust = lab.charts.timeline("Anna", 1).trust
    assert str(trust).startswith("1 persona, 24 ratings, 36 calls; scripted (fixtures), no model")
    assert "ICC and noise floor not known (one persona)" in str(trust)
    assert trust.flagged == ()
    assert lab.charts.timeline("Zoe", 1).trust.flagged_ids == {"Zoe"}


def test_charts_of_calls_rest_on_calls_and_show_no_floor_of_ratings(lab):
    for name in ("activity", "module_mix", "tool_errors"):
        trust = getattr(lab.charts, name)(2).trust
        assert (trust.personas, trust.ratings, trust.calls) == (2, None, 72)
        assert "ICC and noise floor not known (measured of ratings alone)" in str(trust)
    for name in ("confusion", "error_recovery"):
        assert str(getattr(lab.charts, name)(2).trust).startswith("2 personas, 24 calls; model")
    assert lab.charts.coverage().trust.calls is None


def uneven():
    """Ticks of six who rate calendar as it comes and todo always alike."""
    return [
        lived("calendar.add todo.create", name, day, calendar=1 + (day * place) % 5, todo=3)
        for place, name in enumerate("ABCDEF", start=1)
        for day in range(1, 10)
    ]


def test_the_floor_of_several_modules_is_that_of_the_noisiest_in_rating_points():
    lab = lab_of(*uneven())
    rows = lab.feedback_df(1)
    rows = rows[rows["module"] == "calendar"]
    odd = rows["tick"] % 2 == 1
    noise = lab.charts.ratings(1).trust.noise
    assert noise.floor == noise_floor(rows[odd], rows[~odd])
    assert noise.floor.mean > trust_of(lab.warehouse, 1).noise.floor.mean
    assert str(noise) == (
        f"noise floor {noise.floor.mean:.2f} rating points (calendar, the largest of 2 modules, "
        "split halves of 6 personas: a second run of this length differs by less in at least 19 "
        "of 20 cases)"
    )


def test_the_floor_of_a_pair_is_that_of_their_difference_and_needs_both():
    rows = lab_of(*uneven()).ratings_in_context(1)
    means = rows.groupby(["persona_id", "module", rows["tick"] % 2])["rating"].mean().unstack()
    gaps = (means[0] - means[1]).unstack()
    pair = noise_of_pair(rows, "calendar", "todo")
    assert pair.floor.mean == pytest.approx(floor_of(gaps["todo"] - gaps["calendar"]).mean)
    assert pair.of == "todo less calendar"
    assert noise_of_pair(rows, "calendar", "notes") is None


@pytest.mark.parametrize("flagged", [0, 9])
def test_the_line_has_two_lines_at_most_whatever_there_is_to_say(flagged):
    names = [f"{'x' * 90} {number}" for number in range(flagged or 2)]
    more = {"brain": "b" * 90, "model": "m" * 300, "variant": "v" * 90}
    ticks = [tick for name in names for tick in rater(name, honest if not flagged else lambda _: 5)]
    models = [
        {**more, "model": f"{number}{more['model']}", "variant": f"{number}{more['variant']}"}
        for number in range(9)
    ]
    ticks += [
        lived("todo.create", names[0], 100 + number, more=each, todo=3)
        for number, each in enumerate(models)
    ]
    chart = lab_of(*ticks).charts.ratings(1)
    note = "\n".join(textwrap.wrap(chart.note, 140))
    foot = chart.get_supxlabel().removeprefix(note).strip()
    assert foot.count("\n") <= 1
    assert foot.endswith("exploratory")
    assert f"{flagged} of" in " ".join(foot.split())


@pytest.mark.parametrize("name", [*NAMES, "coverage", "timeline"])
def test_the_line_hides_nothing_and_is_within_the_picture(name, lab):
    chart = getattr(lab.charts, name)(*["Anna"] * (name == "timeline"))
    chart.draw_without_rendering()
    foot = chart._supxlabel.get_window_extent()
    assert foot.x0 >= 0
    assert foot.y0 >= 0
    assert foot.x1 <= chart.bbox.x1
    shown = [axes.get_tightbbox() for axes in chart.axes if axes.axison]
    legends = [*chart.legends, *(axes.get_legend() for axes in chart.axes)]
    shown += [legend.get_window_extent() for legend in legends if legend]
    assert all(foot.y1 <= box.y0 for box in shown)


def test_the_line_makes_the_picture_higher_and_nothing_smaller(lab):
    bare = charts.ratings(lab.feedback_df(1))
    chart = lab.charts.ratings(1)
    assert bare.trust is None
    assert chart.get_figheight() > bare.get_figheight()
    axes = [each.axes[0].get_position().bounds for each in (bare, chart)]
    inches = [box[3] * each.get_figheight() for box, each in zip(axes, (bare, chart), strict=True)]
    assert inches[1] == pytest.approx(inches[0], abs=0.12)


def test_a_chart_with_its_line_has_the_same_bytes_for_the_same_data(lab):
    pictures = [np.frombuffer(lab.charts.tool_errors(1).png(), dtype=np.uint8) for _ in range(2)]
    assert np.array_equal(*pictures)


def test_the_floor_of_several_modules_is_of_one_that_enough_personas_rated():
    ticks = [
        lived("todo.list", person, number, todo=3 + number % 2, more={"brain": "model"})
        for person in ("Ada", "Ben", "Cleo", "Dan", "Eve")
        for number in range(1, 9)
    ]
    wild = [
        lived("mood.log", person, number, mood=1 + 4 * (number % 2), more={"brain": "model"})
        for person in ("Ada", "Ben")
        for number in range(9, 13)
    ]
    line = str(lab_of(*ticks, *wild).charts.ratings(1).trust)
    assert "(todo, split halves of 5 personas: a second run of this length differs by" in line
    assert "noise floor not known (fewer than 5 " in str(lab_of(*wild).charts.ratings(1).trust)
