"""A person plays in a real lab: every call is audited, and every rating is theirs."""

import asyncio

import pytest
from desk_house import LEAVE, PatientDesk, PlayedDesk, do
from runner_house import cast, open_mana

from mana_lab.personas import load_catalog
from mana_lab.runner.human import Finish, GiveUp, HumanBrain

ANNA = ("persona.anna@mana.test",)
STOPPED = "The tick has ended: it was stopped, or its time was up."


async def played(mana, *moves, ratings=(), only=ANNA, **more):
    desk = PlayedDesk(list(moves), list(ratings))
    run = await mana.live(HumanBrain(desk), only=only, **more)
    return desk, run


async def test_a_tick_is_played_from_the_first_call_to_the_rating(mana, anna):
    desk, run = await played(
        mana,
        do("todo.create", title="Hand in the essay", dueDate="2026-07-09 17:00"),
        do("todo.list"),
        Finish(),
        ratings=[{"todo": ("4", "quick", [0])}],
    )
    assert (run.brain, run.model, run.ticks, run.calls, run.errors) == ("human", None, 1, 2, 0)
    assert (run.failed_ticks, run.abandoned_ticks) == (0, 0)
    assert desk.shown == [
        "You are Anna.",
        "todo.create worked",
        "todo.list worked",
        [None],
        "The tick is over: 2 calls; ratings: todo 4.",
    ]
    actions = await mana.rows("persona_actions")
    [feedback] = await mana.rows("persona_feedback")
    assert [action["tool_name"] for action in actions] == ["todo.create", "todo.list"]
    assert (feedback["module"], feedback["rating"], feedback["notes"]) == ("todo", 4, "quick")
    assert (feedback["brain"], feedback["evidence"]) == ("human", [actions[0]["id"]])
    async with await mana.app(anna) as app:
        [task] = (await app.call("todo.list")).data["tasks"]
    assert task["dueDate"] == "2026-07-09T15:00:00.000Z"  # five o'clock where Anna lives

    desk, _ = await played(mana, LEAVE)
    [card] = desk.cards
    assert (f"{card.now:%a %H:%M %Z}", card.tick_number) == ("Tue 08:00 CET", 2)
    assert card.last_time == (
        "On 2026-01-05 you used todo.create, todo.list.",
        "You gave todo 4 of 5. quick",
    )


async def test_giving_up_and_leaving_are_outcomes_and_the_calls_are_kept(mana):
    desk, run = await played(
        mana,
        do("todo.list"),
        GiveUp("I cannot find my list"),
        ratings=[{"todo": ("1", "", [])}],
    )
    assert run.abandoned_ticks == 1
    assert desk.shown[-1] == "The tick is over: 1 call; ratings: todo 1."
    desk, run = await played(mana, do("todo.create", title="Essay"), LEAVE)
    assert (run.abandoned_ticks, run.calls) == (1, 1)
    assert desk.shown[-1] == "The tick is over: 1 call; ratings: none."
    ticks = await mana.rows("ticks")
    assert {tick["status"] for tick in ticks} == {"abandoned"}
    assert {tick["error"] for tick in ticks} == {
        "I cannot find my list",
        "the person left before they were done",
    }
    assert len(await mana.rows("persona_actions")) == 2
    [feedback] = await mana.rows("persona_feedback")
    assert (feedback["rating"], feedback["evidence"]) == (1, [])


async def test_calls_can_act_in_a_shared_space(tmp_path):
    pair = cast("anna", "ben")
    async with open_mana(tmp_path, pair, spaces=load_catalog().spaces[:1]) as mana:
        desk, _ = await played(
            mana, do("todo.create", space="anna-and-ben", title="Milk"), do("todo.list"), Finish()
        )
        assert [space.slug for space in desk.menu.spaces] == ["anna-and-ben"]
        async with await mana.app(pair[1]) as app:
            ours = await app.call("todo.list", space_id=app.shared_spaces[0].id)
            assert [task["title"] for task in ours.data["tasks"]] == ["Milk"]


async def test_a_person_plays_one_persona_at_a_time_until_they_have_rated_it(mana):
    desk, run = await played(
        mana,
        do("todo.list"),
        Finish(),
        do("notes.list"),
        Finish(),
        ratings=[{"todo": ("4", "", [])}, {"notes": ("2", "", [])}],
        only=None,
        concurrency=4,
    )
    assert run.ticks == 2
    shown = [each for each in desk.shown if isinstance(each, str)]
    # who signs in first comes first
    assert {shown[0], shown[3]} == {"You are Anna.", "You are Maya."}
    assert shown == [
        shown[0],
        "todo.list worked",
        "The tick is over: 1 call; ratings: todo 4.",
        shown[3],
        "notes.list worked",
        "The tick is over: 1 call; ratings: notes 2.",
    ]


async def test_a_desk_that_breaks_fails_the_tick_and_lets_the_next_one_play(mana):
    desk, run = await played(
        mana, RuntimeError("the screen is dark"), Finish(), only=None, concurrency=2
    )
    assert (run.ticks, run.failed_ticks) == (2, 1)
    assert "The tick has ended: RuntimeError." in desk.shown
    [failed] = [tick for tick in await mana.rows("ticks") if tick["status"] == "failed"]
    assert failed["error"] == "RuntimeError: the screen is dark"


async def test_a_run_that_is_cancelled_says_so_at_the_desk_and_goes_on_later(mana):
    desk = PatientDesk([do("todo.list")])
    running = asyncio.create_task(mana.live(HumanBrain(desk), only=ANNA))
    await desk.waits.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert desk.shown[-1] == STOPPED
    desk, _ = await played(mana, Finish(), Finish())
    assert [card.tick_number for card in desk.cards] == [1]
