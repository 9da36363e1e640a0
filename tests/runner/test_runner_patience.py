"""Patience and habits: what errors do to a persona, and what makes up for them."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from statistics import mean

import pytest
from lives_house import Paper, live
from runner_house import cast, open_mana

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.personas import load_catalog
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted import ARCHETYPES
from mana_lab.runner.scripted.archetypes import DEFAULT, Behavior
from mana_lab.runner.scripted.habits import Habits
from mana_lab.runner.scripted.memory import Memory
from mana_lab.runner.scripted.patience import Patience

MIX = {"todo": 0.7, "journal": 0.3}
BROKEN = dict.fromkeys(("todo.create", "todo.list", "todo.complete"), "infrastructure")
MONDAY = SIMULATION_EPOCH


def somebody(archetype, mix=MIX):
    [anna] = cast("anna")
    return anna.model_copy(update={"archetype": archetype, "module_mix": mix})


async def borne(archetype, ticks=30):
    """Return how many failed calls somebody bears in a tick before they leave, on average."""
    app = Paper(broken=BROKEN | {"journal.add": "infrastructure"})
    days = await live(app.opened, somebody(archetype), ticks=ticks, remember=False)
    left = [day.failed for day in days if day.gave_up]
    return sum(left) / len(left) if left else float("inf")


async def test_the_impatient_leave_sooner_than_the_patient():
    busy, newbie, student, reader = [
        await borne(archetype)
        for archetype in ("ceo-busy", "overwhelmed-newbie", "adhd-student", "researcher")
    ]
    assert busy == 1
    assert busy < student <= newbie < reader


@pytest.mark.parametrize("archetype", sorted(ARCHETYPES))
async def test_who_leaves_does_no_more_says_why_and_rates_what_they_touched_low(archetype):
    app = Paper(broken=BROKEN)
    days = await live(app.opened, somebody(archetype), ticks=60)
    left = [day for day in days if day.gave_up]
    for day in left:
        last, failures = day.actions[-1], Counter()
        for action in day.actions:
            failures[action.tool_name] += action.result == "error"
        assert last.result == "error"
        assert day.gave_up.startswith(f"{last.tool_name} failed {failures[last.tool_name]} time")
        assert day.gave_up.endswith("the patience was used up")
        others = failures.total() - failures[last.tool_name]
        assert (f"other tools {others} time" in day.gave_up) == (others > 0)
        assert day.kept["patience"] == 0
        assert {rating.module for rating in day.ratings} == {a.module for a in day.actions}
        [rating] = [rating for rating in day.ratings if rating.module == last.module]
        assert rating.rating <= 2
        assert "lost patience here and left" in rating.notes
    for day in days:
        if not day.gave_up:
            assert day.kept["patience"] > 0
            assert not any("lost patience" in rating.notes for rating in day.ratings)
    assert left or ARCHETYPES[archetype].endurance > 4


async def test_where_everything_works_nobody_leaves():
    for archetype in ARCHETYPES:
        days = await live(Paper().opened, somebody(archetype), ticks=30)
        assert not any(day.gave_up for day in days)
        assert {day.kept["patience"] for day in days} == {ARCHETYPES[archetype].endurance}


async def test_once_it_works_again_patience_and_habits_recover():
    app = Paper(broken=BROKEN)
    person = somebody("overwhelmed-newbie")
    bad = await live(app.opened, person, ticks=14)
    assert any(day.gave_up for day in bad)
    assert bad[-1].kept["avoided"] or any(day.kept["avoided"] for day in bad)
    app.broken.clear()
    good = await live(app.opened, person, ticks=14, first=15, past=bad[-1].kept)
    assert not any(day.gave_up for day in good)
    assert good[-1].kept["patience"] == ARCHETYPES["overwhelmed-newbie"].endurance
    assert good[-1].kept["avoided"] == {}
    assert good[-1].kept["worked"]["todo.create"] > 3
    before, after = (
        mean(rating.rating for day in days for rating in day.ratings if rating.module == "todo")
        for days in (bad, good)
    )
    assert before < 2
    assert after > 3.5


def patience(level, *, hours_away=0.0, **traits):
    behavior = replace(DEFAULT, endurance=4.0, relief=0.5, rest=2.0, **traits)
    memory = Memory(left_at=MONDAY, patience=level)
    return Patience(behavior, memory, MONDAY + timedelta(hours=hours_away))


def test_each_failed_call_costs_patience_and_each_success_restores_some():
    mind = patience(4.0)
    mind.failed("todo.create")
    mind.failed("todo.create")
    assert mind.level == 2
    mind.succeeded()
    assert mind.level == 2.5
    for _ in range(9):
        mind.succeeded()
    assert mind.level == 4
    assert mind.reason is None


@pytest.mark.parametrize(
    ("hours", "level"), [(0, 0), (6, 0.5), (24, 2), (48, 4), (10_000, 4), (-5, 0)]
)
def test_time_without_the_app_restores_patience(hours, level):
    assert patience(0.0, hours_away=hours).level == level


def test_nobody_begins_with_more_patience_than_they_have():
    assert patience(1000.0).level == 4
    assert Patience(DEFAULT, Memory(), MONDAY).level == DEFAULT.endurance


def test_who_comes_back_at_once_bears_less():
    annoyed, rested = patience(0.0, hours_away=6), patience(0.0, hours_away=48)
    annoyed.failed("todo.list")
    rested.failed("todo.list")
    assert annoyed.reason == "todo.list failed 1 time: the patience was used up"
    assert rested.reason is None


def test_the_reason_counts_the_tool_and_the_others():
    mind = patience(3.0)
    mind.failed("notes.create")
    mind.failed("todo.create")
    mind.succeeded()
    mind.failed("todo.create")
    mind.failed("todo.create")
    assert mind.reason == (
        "todo.create failed 3 times and other tools 1 time: the patience was used up"
    )


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x\ny", "n" * 5_000])
def test_the_reason_can_be_stored_whatever_a_tool_is_called(name):
    mind = patience(1.0)
    mind.failed(name)
    assert mind.reason.isprintable()
    assert mind.reason.encode()
    assert len(mind.reason) < 200


ONE, TWO = (ToolInfo(name, "", {}) for name in ("todo.create", "todo.add"))


def chosen(habits, *ways, times=400):
    dice = random.Random(7)
    names = [habits.choose(ways, dice) for _ in range(times)]
    return Counter(tool and tool.name for tool in names)


def test_what_has_worked_is_reached_for_more():
    habits = Habits(Behavior(habit=1.0), Memory(), 1)
    even = chosen(habits, ([ONE, TWO], 1.0))
    for _ in range(20):
        habits.worked(ONE.name)
    fond = chosen(habits, ([ONE, TWO], 1.0))
    assert abs(even[ONE.name] - even[TWO.name]) < 60
    assert fond[ONE.name] > 1.5 * fond[TWO.name] > 0
    assert habits.fondness([ONE, TWO]) == 2
    assert habits.fondness([TWO]) == habits.fondness([]) == 1
    indifferent = Habits(Behavior(habit=0.0), Memory(worked=dict(habits.successes)), 1)
    assert indifferent.fondness([ONE]) == 1


def test_what_was_given_up_is_left_alone_for_some_ticks_and_then_tried_again():
    behavior, memory = Behavior(avoids=2), Memory(worked={"todo.create": 8})
    habits = Habits(behavior, memory, 1)
    habits.gave_up(ONE.name)
    assert chosen(habits, ([ONE, TWO], 1.0))[ONE.name]
    assert habits.successes[ONE.name] == 4
    left_alone = 0
    while avoided := {tool: n for tool, n in habits.avoided().items() if n}:
        habits = Habits(behavior, Memory(avoided=avoided), 2)
        assert chosen(habits, ([ONE, TWO], 1.0)) == {TWO.name: 400}
        assert chosen(habits, ([ONE], 1.0)) == {None: 400}
        left_alone += 1
    assert left_alone == 2
    assert chosen(Habits(behavior, Memory(), 2), ([ONE], 1.0)) == {ONE.name: 400}


def test_blunders_that_were_understood_become_rarer_and_only_there():
    habits = Habits(Behavior(blunder=0.5, learns=0.1), Memory(), 1)
    chances = [habits.clumsiness(ONE.name)]
    for _ in range(5):
        habits.understood(ONE.name)
        chances.append(habits.clumsiness(ONE.name))
    assert chances[0] == 0.5
    assert all(later < earlier for earlier, later in pairwise(chances))
    assert chances[-1] > 0
    assert habits.clumsiness(TWO.name) == 0.5
    assert Habits(Behavior(blunder=0.5, learns=0.0), Memory(), 9).clumsiness(ONE.name) == 0.5


@pytest.mark.slow
async def test_of_the_ten_a_few_leave_now_and_then_and_all_use_what_they_came_for(tmp_path):
    catalog = load_catalog()
    async with open_mana(tmp_path, catalog.personas, spaces=catalog.spaces) as mana:
        run = await mana.live(days=14)
        ticks, actions = await mana.rows("ticks"), await mana.rows("persona_actions")
        ids = {tick["persona_email"]: tick["persona_id"] for tick in ticks}
    assert run.failed_ticks == 0
    left = Counter(tick["persona_email"] for tick in ticks if tick["status"] == "abandoned")
    impatient = ("ceo-busy", "freelancer", "overwhelmed-newbie")
    assert 3 <= left.total() <= 0.1 * len(ticks)
    of_the_impatient = [left[each.email] for each in catalog if each.archetype in impatient]
    assert sum(of_the_impatient) > 0.8 * left.total()
    for persona in catalog:
        assert left[persona.email] < 0.5 * sum(t["persona_email"] == persona.email for t in ticks)
        used = {row["module"] for row in actions if row["persona_id"] == ids[persona.email]}
        mix = persona.module_mix
        assert sum(mix[name] for name in used & mix.keys()) >= 0.8 * sum(mix.values())
