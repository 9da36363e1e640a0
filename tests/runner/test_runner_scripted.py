import random
from collections import Counter
from itertools import pairwise
from typing import Annotated, Literal

import pytest
from lives_house import in_mana, live
from pydantic import Field
from runner_house import cast, open_mana

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import ConflictError, ForbiddenError, NotFoundError
from mana_lab.registry import Done, ToolContext, ToolInput, ToolOutput, tool
from mana_lab.runner import Recorder, Scene, ScriptedBrain
from mana_lab.runner.scripted import ARCHETYPES
from mana_lab.tools import default_registry


class Log(ToolInput):
    level: Annotated[int, Field(ge=1, le=10, description="How one feels, from 1 to 10.")]
    activity: Annotated[Literal["work", "rest"], Field(description="What one does.")]


class Reservation(ToolInput):
    title: Annotated[str, Field(min_length=1, description="Which book.")]


class Rename(ToolInput):
    id: Annotated[str, Field(description="Which book.")]
    title: Annotated[str | None, Field(description="Its new title.")] = None


class Books(ToolOutput):
    books: list[dict[str, str]]


class Nothing(ToolInput):
    pass


@tool("cards.log", policy_hint="write")
async def log_mood(_given: Log, _ctx: ToolContext) -> Done:
    """Write down how one feels."""
    return Done()


@tool("kites.add", policy_hint="write")
async def add_dream(_given: Nothing, _ctx: ToolContext) -> Done:
    """Break."""
    raise RuntimeError("broken on purpose")


@tool("desks.book", policy_hint="write")
async def book(_given: Nothing, _ctx: ToolContext) -> Done:
    """Refuse."""
    raise ForbiddenError("booking is not allowed")


@tool("loans.reserve", policy_hint="write")
async def reserve(given: Reservation, _ctx: ToolContext) -> Done:
    """Reserve a book, unless somebody else has it."""
    if len(given.title) % 2:
        raise ConflictError("somebody else has that one")
    return Done()


@tool("books.list", policy_hint="read")
async def list_books(_given: Nothing, _ctx: ToolContext) -> Books:
    """Show the books."""
    return Books(books=[{"id": "one"}, {"id": "two"}])


@tool("books.rename", policy_hint="write")
async def rename(given: Rename, _ctx: ToolContext) -> Done:
    """Rename a book, if there is one of that id and it gets a title."""
    if given.id not in {"one", "two"}:
        raise NotFoundError("there is no such book")
    if not given.title:
        raise ConflictError("it would get no title")
    return Done()


@tool("bets.erase", policy_hint="destructive")
async def erase(_given: Nothing, _ctx: ToolContext) -> Done:
    """Take everything away."""
    return Done()


@pytest.fixture
async def mana(tmp_path):
    """An app with more tools than the brain has ever heard of; some of them do not work."""
    registry = default_registry()
    for spec in (log_mood, add_dream, book, reserve, list_books, rename, erase):
        registry.add(spec)
    cast_of_all = cast("anna", "sofia", "kai", "tom", "maya", "paul", "julia")
    async with open_mana(tmp_path, cast_of_all, registry=registry) as mana:
        yield mana


async def play(mana, name, *, ticks=6, mix=None):
    """Let a persona use the app for some ticks without a memory, each as if it were the first."""
    [persona] = cast(name)
    if mix is not None:
        persona = persona.model_copy(update={"module_mix": mix})
    return await live(in_mana(mana, persona), persona, ticks=ticks, remember=False)


def calls(days, module=None):
    every = [action for day in days for action in day.actions]
    return [action for action in every if module in (None, action.module)]


async def test_a_tool_that_it_has_never_heard_of_is_used_properly(mana):
    lived = calls(await play(mana, "anna", mix={"cards": 1.0}))
    moods = [action for action in lived if action.tool_name == "cards.log"]
    assert len(moods) > 5
    assert Counter(action.result for action in moods)["ok"] > len(moods) / 2
    assert len({action.input_hash for action in moods}) > 2


async def test_what_destroys_is_left_alone(mana):
    days = await play(mana, "kai", mix={"bets": 1.0})
    assert calls(days, "bets") == []
    assert sum(day.scene.skipped_modules["bets"] for day in days) > 0


async def test_a_broken_module_is_tried_again_then_left_and_rated_low(mana):
    days = await play(mana, "sofia", mix={"kites": 1.0})
    behavior = ARCHETYPES["creative-parent"]
    for day in days:
        actions = calls([day], "kites")
        assert {action.error_kind for action in actions} == {"infrastructure"}
        assert len(actions) <= behavior.tolerance * (behavior.patience + 1)
        [rating] = [rating for rating in day.ratings if rating.module == "kites"]
        assert rating.rating == 1
        assert "gave up on kites.add" in rating.notes


async def test_what_is_refused_is_not_tried_again(mana):
    for day in await play(mana, "tom", mix={"desks": 1.0}):
        actions = calls([day], "desks")
        assert len(actions) <= ARCHETYPES["creative-parent"].tolerance
        assert {action.error_kind for action in actions} == {"refused"}


async def test_a_conflict_is_answered_with_something_else(mana):
    lived = calls(await play(mana, "maya", mix={"loans": 1.0}), "loans")
    again = [
        (first, second)
        for first, second in pairwise(lived)
        if first.error_kind == "conflict" and first.tick_id == second.tick_id
    ]
    assert any(second.result == "ok" for _first, second in again)


async def test_who_changes_something_says_in_what_respect(mana):
    lived = calls(await play(mana, "sofia", ticks=10, mix={"books": 1.0}), "books")
    renamed = [action for action in lived if action.tool_name == "books.rename"]
    assert len(renamed) > 5
    assert "conflict" not in {action.error_kind for action in renamed}


async def test_somebody_who_forgot_to_say_which_looks_it_up(mana):
    lived = calls(await play(mana, "maya", ticks=20, mix={"books": 1.0}), "books")
    pairs = [
        (first.error_kind, second.tool_name)
        for first, second in pairwise(lived)
        if first.tick_id == second.tick_id
    ]
    assert ("invalid-input", "books.list") in pairs
    assert any(action.result == "ok" for action in lived if action.tool_name == "books.rename")


@pytest.mark.slow
async def test_habits_are_used_in_every_respect(mana):
    lived = calls(await play(mana, "kai", ticks=40, mix={"habits": 1.0}), "habits")
    tools = Counter(action.tool_name for action in lived if action.result == "ok")
    assert tools["habits.update"]
    assert tools["habits.archive"]
    assert tools["habits.create"]


async def test_an_app_without_tools_is_left_in_peace():
    class Bare:
        shared_spaces = ()

        async def tools(self):
            return []

    [maya] = cast("maya")
    scene = Scene(maya, 1, SIMULATION_EPOCH, random.Random(1))
    await ScriptedBrain().use(Bare(), scene)
    assert sum(scene.skipped_modules.values()) >= 3


async def test_somebody_who_pokes_around_only_looks(mana):
    days = await play(mana, "maya", ticks=12, mix={"bets": 1.0})
    reading = {spec.name for spec in default_registry() if spec.policy_hint == "read"}
    assert {action.tool_name for action in calls(days)} <= reading | {"books.list"}
    assert calls(days)


async def test_the_newbie_learns_from_what_an_error_says(mana):
    lived = calls(await play(mana, "maya", ticks=8))
    mended = [
        (failed, worked)
        for failed, worked in pairwise(lived)
        if failed.tick_id == worked.tick_id
        and failed.tool_name == worked.tool_name
        and (failed.result, worked.result) == ("error", "ok")
    ]
    assert mended
    assert all(failed.input_hash != worked.input_hash for failed, worked in mended)
    kinds = Counter(action.error_kind for action in lived)
    assert kinds["invalid-input"] > 3
    assert kinds["not-found"] > 0
    assert kinds[None] > kinds["not-found"]


async def test_only_what_is_there_is_finished(mana):
    lived = calls(await play(mana, "tom", ticks=10, mix={"todo": 1.0}))
    completed = [action for action in lived if action.tool_name == "todo.complete"]
    assert completed
    assert {action.result for action in completed} == {"ok"}
    # no task is completed twice
    assert len({action.input_hash for action in completed}) == len(completed)


async def test_the_adhd_student_starts_much_and_finishes_little(mana):
    lived = Counter(
        action.tool_name for action in calls(await play(mana, "anna", mix={"todo": 1.0}))
    )
    assert lived["todo.create"] > 3 * lived["todo.complete"]


async def test_a_persona_prefers_its_modules_by_weight(mana):
    days = await play(mana, "julia", ticks=10, mix={"notes": 0.7, "journal": 0.3, "todo": 0.0})
    modules = Counter(action.module for action in calls(days))
    assert modules["notes"] > modules["journal"] > 0
    assert modules.keys() == {"notes", "journal"}


async def test_wishes_that_no_module_fulfils_are_counted(mana):
    days = await play(mana, "paul", mix={"practice": 3, "picture": 1})
    assert calls(days) == []
    skipped = sum((day.scene.skipped_modules for day in days), Counter())
    assert set(skipped) <= {"practice", "picture"}
    assert sum(skipped.values()) >= len(days)
    assert all(day.ratings == [] for day in days)


async def test_somebody_of_an_unknown_archetype_uses_the_app_too(mana):
    [anna] = cast("anna")
    stranger = anna.model_copy(update={"archetype": "astronaut", "name": "Nobody"})
    recorder = Recorder("nobody", "tick", None, clock=mana.clock)
    scene = Scene(stranger, 1, SIMULATION_EPOCH, random.Random(1))
    async with await mana.app(anna, recorder) as app:
        await ScriptedBrain().use(app, scene)
    assert recorder.actions
