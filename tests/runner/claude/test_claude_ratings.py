"""Ratings by Claude: text, read strictly, asked for again once; and what a tape makes of it."""

import pytest
from claude_house import claude, judged, leaves, rates, use, uses
from playing_house import ANNA, scene_of
from provider_house import Say, in_order, provider

from mana_lab.errors import ProtocolError, RatingUnreadableError

pytestmark = pytest.mark.slow

LIST = uses(("todo_list", {}))
BAD = rates(judged(score=7))


class Cassette:
    """A tape that keeps answers by their place, and gives them again."""

    def __init__(self, kept=()):
        self.kept = list(kept)
        self.asked = []

    async def answer(self, request, ask):
        place = len(self.asked)
        self.asked.append(request)
        if place == len(self.kept):
            self.kept.append(await ask())
        return self.kept[place]


async def tick(mana, house, scene):
    async with await mana.app(ANNA) as app, claude(house) as brain:
        await brain.use(app, scene)
        return await brain.rate(scene, app.recorder.actions), app.recorder.actions


async def test_a_rating_that_cannot_be_read_is_asked_for_once_more(shared):
    async with provider(in_order(LIST, leaves(), BAD, rates(judged(score=4)))) as house:
        scene = scene_of()
        [rating], _ = await tick(shared, house, scene)
    assert rating.rating == 4
    assert "Try once more" in house.requests[3].turns[-1].text
    assert house.requests[3].turns[0].text == house.requests[2].turns[0].text
    assert scene.memory.kept["visits"][0]["ratings"] == {"todo": 4}


@pytest.mark.parametrize("bad", [BAD, Say("I liked it: 5 of 5!")], ids=["range", "words"])
async def test_a_rating_that_cannot_be_read_twice_is_none(shared, bad):
    async with provider(in_order(LIST, leaves(), bad, bad)) as house:
        with pytest.raises(RatingUnreadableError, match="also not the second time"):
            await tick(shared, house, scene_of())
    assert len(house.requests) == 4


async def test_an_answer_in_two_pieces_is_one(shared):
    whole = rates(judged(score=2)).text
    start, end = Say(whole[:60], stop="max_tokens"), Say(whole[60:])
    async with provider(in_order(LIST, leaves(), start, end)) as house:
        [rating], _ = await tick(shared, house, scene_of())
    assert rating.rating == 2


async def test_nobody_is_asked_about_an_app_that_was_not_used(shared):
    async with provider(in_order(leaves())) as house:
        ratings, _ = await tick(shared, house, scene_of())
    assert ratings == []
    assert len(house.requests) == 1


async def test_a_tick_on_tape_is_done_again_without_claude(shared):
    recording = Cassette()
    day = (
        uses(("todo_create", {"title": "Milk"}), ("todo_fly", {})),
        leaves("Enough.", gave_up="It is slow."),
        rates(judged()),
    )
    async with provider(in_order(*day)) as house:
        scene = scene_of(tape=recording)
        [rating], actions = await tick(shared, house, scene)
    async with provider(in_order()) as nobody:
        again = scene_of(tape=Cassette(recording.kept))
        [replayed], redone = await tick(shared, nobody, again)
    assert not nobody.requests
    assert [(each.tool_name, each.input_hash, each.error_code) for each in redone] == [
        (each.tool_name, each.input_hash, each.error_code) for each in actions
    ]
    assert again.memory.gave_up == "It is slow."
    assert again.memory.kept == scene.memory.kept
    assert (replayed.rating, replayed.notes) == (rating.rating, rating.notes)
    assert recording.asked[0]["model"] == "claude-sonnet-5-5"


@pytest.mark.parametrize("kept", [None, {"calls": "none"}, ["text"], {"note": "x"}])
async def test_a_tape_of_something_else_is_refused(shared, kept):
    async with provider(in_order()) as nobody:
        with pytest.raises(ProtocolError, match="record it anew"):
            await use(shared, claude(nobody), scene_of(tape=Cassette([kept])))
