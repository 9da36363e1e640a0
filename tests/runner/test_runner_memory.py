"""What scripted personas remember from tick to tick."""

import json
import random
from datetime import datetime, timedelta, timezone

import pytest
from lives_house import Paper, Watched, live
from runner_house import cast, open_mana

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.identity.wire import Space
from mana_lab.runner import CallOutcome, ScriptedBrain
from mana_lab.runner.brain import Scene, check_kept
from mana_lab.runner.scripted import ARCHETYPES
from mana_lab.runner.scripted.archetypes import Behavior
from mana_lab.runner.scripted.memory import Memory, recall
from mana_lab.runner.scripted.mind import Mind
from mana_lab.runner.scripted.shelves import Things, arrange
from mana_lab.runner.scripted.voices import voice_of

[TOM] = cast("tom")
TIDY = TOM.model_copy(update={"module_mix": {"todo": 1.0}})
FAMILY = Space(id="f", name="Flat", slug="flat", type="family", role="member")


async def test_what_was_begun_on_one_day_is_finished_on_a_later_one(tmp_path):
    """The days of a list maker in the real app; where a list was shown first, nothing counts."""
    days = []

    class Watching(ScriptedBrain):
        async def use(self, app, scene):
            watched = Watched(app)
            await super().use(watched, scene)
            days.append(watched.seen)

    async with open_mana(tmp_path, [TIDY]) as mana:
        run = await mana.live(Watching(), days=10)
    assert run.failed_ticks == 0
    made, waited = {}, []
    for day, seen in enumerate(days):
        listed = False
        for _space, name, arguments, outcome in seen:
            listed = listed or name in ("todo.list", "todo.search")
            if name == "todo.create" and outcome.ok:
                made[outcome.data["task"]["id"]] = day
            elif name in ("todo.complete", "todo.update") and outcome.ok and not listed:
                waited.append(day - made[arguments["id"]])
    assert sum(each > 0 for each in waited) >= 3
    assert max(waited) >= 2


def finished_later(app, *, shared):
    """Return how often something was finished that had been added in an earlier tick."""
    made, late, done = {}, 0, []
    for place, (tick, (name, arguments, space)) in enumerate(
        zip(app.ticks, app.asked, strict=True)
    ):
        if bool(space) != shared:
            continue
        if name == "todo.create":
            made[f"own-{place}"] = tick
        elif name == "todo.complete":
            thing = json.loads(arguments)["id"]
            done.append(thing)
            late += tick > made[thing]
    assert len(done) == len(set(done))
    return late


async def test_nothing_is_finished_twice_and_only_what_one_added_oneself():
    app = Paper()
    await live(app.opened, TIDY, ticks=40)
    assert finished_later(app, shared=False) > 5


async def test_without_a_memory_nothing_is_returned_to():
    app = Paper()
    await live(app.opened, TIDY, ticks=40, remember=False)
    assert finished_later(app, shared=False) == 0


async def test_what_one_shares_is_finished_on_later_days_whatever_others_add():
    alone, crowded = Paper(FAMILY), Paper(FAMILY, others=[f"other-{n}" for n in range(30)])
    lived = await live(alone.opened, TIDY, ticks=40)
    lived_too = await live(crowded.opened, TIDY, ticks=40)
    assert alone.asked == crowded.asked
    assert [day.kept for day in lived] == [day.kept for day in lived_too]
    assert [day.ratings for day in lived] == [day.ratings for day in lived_too]
    assert finished_later(alone, shared=True) >= 3


async def test_a_tick_that_is_done_again_makes_the_same_calls_and_memory():
    days = await live(Paper().opened, TIDY, ticks=10)
    remembered = 0
    for number, past in enumerate((day.kept for day in days), start=2):
        once, again, forgetful = Paper(), Paper(), Paper()
        [one] = await live(once.opened, TIDY, ticks=1, first=number, past=past)
        turned = dict(reversed(past.items()))
        [two] = await live(again.opened, TIDY, ticks=1, first=number, past=turned)
        assert once.asked == again.asked
        assert one.kept == two.kept
        assert one.ratings == two.ratings
        await live(forgetful.opened, TIDY, ticks=1, first=number)
        remembered += forgetful.asked != once.asked
    assert remembered > 2


async def test_what_is_gone_is_forgotten():
    app = Paper(broken={"todo.complete": "not-found"})
    lived = await live(app.opened, TIDY, ticks=40)
    sought = [
        json.loads(arguments)["id"] for name, arguments, _ in app.asked if name == "todo.complete"
    ]
    assert len(sought) == len(set(sought)) > 5
    assert not set(sought) & set(lived[-1].kept["unfinished"]["todo"])


def test_what_a_list_shows_as_done_is_no_longer_unfinished():
    things = Things({"todo": ["a", "b"]})
    shelf = arrange(Paper.TOOLS)["todo"]
    shown = {"tasks": [{"id": "a", "isCompleted": True}, {"id": "b"}, {"id": "c"}]}
    things.take_in(shelf, shelf.reads[0], {}, CallOutcome("todo.list", shown, None, 1.0, "x", 0))
    assert things.unfinished == {"todo": ["b"]}
    assert things.open("todo") == ["b", "c"]


async def test_the_memory_is_small_and_holds_nothing_that_somebody_wrote():
    lived = await live(Paper(FAMILY).opened, TOM, ticks=60)
    for day in lived:
        known = [int(name.removeprefix("own-")) for name in day.kept["unfinished"].get("todo", [])]
        assert known == sorted(known)
        assert len(known) <= 20
    assert max(len(day.kept["unfinished"].get("todo", [])) for day in lived) == 20
    said = json.dumps([day.kept for day in lived])
    voice = voice_of(TOM.slug)
    texts = [text for topics in voice.topics.values() for topic in topics for text in topic]
    assert not [text for text in filter(None, [*texts, *voice.search]) if text in said]


class Chatty(Paper):
    """An app whose ids are texts, and some that are no ids at all."""

    async def call(self, name, arguments=None, *, space_id=None):
        outcome = await super().call(name, arguments, space_id=space_id)
        odd = ["Call the landlord", "x" * 41, "", "a\n", "\ud800", 7, None, ["a"], {"id": "b"}]
        things = [{"id": value} for value in [*odd, f"good-{outcome.seq}"]]
        return CallOutcome(name, {"all": things}, None, 1.0, outcome.action_id, outcome.seq)


async def test_ids_that_may_be_texts_are_not_kept():
    lived = await live(Chatty().opened, TIDY, ticks=10)
    for day in lived:
        known = day.kept["unfinished"].get("todo", [])
        assert all(name.startswith("good-") for name in known)
        assert recall(day.kept) != Memory()
    assert lived[-1].kept["unfinished"]["todo"]


GOOD = {
    "version": 1,
    "left_at": "2026-01-05T07:00:00Z",
    "patience": 0.0,
    "unfinished": {"todo": ["a"]},
    "avoided": {"todo.create": 3},
}
LOOP = dict(GOOD)
LOOP["unfinished"] = LOOP
DEEP = {}
for _ in range(5_000):
    DEEP = {"unfinished": DEEP}
HOSTILE = {
    "nothing": None,
    "a list": [1, 2],
    "a text": "version",
    "another version": GOOD | {"version": 2},
    "a version of another type": GOOD | {"version": "1"},
    "a key nobody knows": GOOD | {"mood": "good"},
    "another brain's": {"summary": "Anna wrote a diary", "version": 1},
    "a list for things": GOOD | {"unfinished": ["a"]},
    "a text for ids": GOOD | {"unfinished": {"todo": "a"}},
    "numbers for ids": GOOD | {"unfinished": {"todo": [1]}},
    "a text among ids": GOOD | {"unfinished": {"todo": ["Call the landlord"]}},
    "an id with a line break": GOOD | {"unfinished": {"todo": ["a\n"]}},
    "half a character": GOOD | {"unfinished": {"\ud800": ["a"]}},
    "too many ids": GOOD | {"unfinished": {"todo": [f"id-{n}" for n in range(21)]}},
    "very many ids": GOOD | {"unfinished": {"todo": ["a"] * 1_000_000}},
    "too many modules": GOOD | {"unfinished": {f"m{n}": ["a"] for n in range(17)}},
    "too many tools": GOOD | {"worked": {f"m.t{n}": 1 for n in range(101)}},
    "too many spaces": GOOD | {"shared": {f"s{n}": {} for n in range(6)}},
    "a huge number": GOOD | {"worked": {"todo.create": 10**400}},
    "a number below one": GOOD | {"worked": {"todo.create": -1}},
    "half a number": GOOD | {"avoided": {"todo.create": 1.5}},
    "true for a number": GOOD | {"avoided": {"todo.create": True}},
    "patience that is none": GOOD | {"patience": float("nan")},
    "endless patience": GOOD | {"patience": float("inf")},
    "negative patience": GOOD | {"patience": -1.0},
    "patience in words": GOOD | {"patience": "much"},
    "a moment without a zone": GOOD | {"left_at": "2026-01-05T07:00:00"},
    "no moment": GOOD | {"left_at": "yesterday"},
    "a moment beyond the calendar": GOOD | {"left_at": 10**30},
    "itself": LOOP,
    "something deep": DEEP,
}


@pytest.mark.parametrize("past", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_is_no_memory_counts_as_none(past):
    assert recall(past) == Memory()
    fresh, foreign = Paper(), Paper()
    [expected] = await live(fresh.opened, TIDY, ticks=1, first=3)
    [day] = await live(foreign.opened, TIDY, ticks=1, first=3, past=past)
    assert foreign.asked == fresh.asked
    assert day.kept == expected.kept


async def test_a_good_memory_is_none_of_those():
    assert recall(GOOD).avoided == {"todo.create": 3}
    app = Paper()
    await live(app.opened, TIDY, ticks=1, first=3, past=GOOD)
    assert "todo.create" not in {name for name, _, _ in app.asked}


@pytest.mark.parametrize(
    "left_at",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12))),
    ],
    ids=["the first day", "the last day"],
)
async def test_a_memory_from_another_time_breaks_nothing(left_at):
    past = GOOD | {"left_at": left_at.isoformat(), "patience": 0.5}
    assert recall(past) != Memory()
    [day] = await live(Paper().opened, TIDY, ticks=1, past=past)
    assert 0 <= day.kept["patience"] <= ARCHETYPES["creative-parent"].endurance


def test_the_largest_memory_can_be_kept():
    """Whatever an app offers and answers: the ledger takes what the brain keeps."""
    scene = Scene(TOM, 1, SIMULATION_EPOCH, random.Random(1))
    mind = Mind(scene, Behavior())
    for n in range(150):
        module = f"{n:03}".ljust(60, "m")
        for things in (mind.things, *(mind.things_in(f"{s}".ljust(40, "s")) for s in range(8))):
            tool = f"{module}.abc"
            info = next(iter(Paper.TOOLS)).__class__(tool, "", {}, {})
            shelf = arrange([info])[module]
            for m in range(25):
                data = {"thing": {"id": f"{m:03}".ljust(40, "i")}}
                things.take_in(shelf, info, {}, CallOutcome(tool, data, None, 1.0, "a", m))
        for _ in range(40):
            mind.take_in(CallOutcome(tool, {}, None, 1.0, f"a-{n}", 0))
            mind.habits.understood(tool)
        mind.habits.gave_up(f"{module}.xyz")
    kept = mind.kept()
    check_kept(kept)
    assert recall(kept) != Memory()
    assert len(kept["unfinished"]) == 16
    assert len(kept["worked"]) == len(kept["understood"]) == 100
