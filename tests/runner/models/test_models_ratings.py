"""Ratings: typed, resting on calls, asked for again once, and never made up."""

import json

import pytest
from models_house import calls, leaves, rates, says, script
from playing_house import ANNA, scene_of

from mana_lab.errors import RatingUnreadableError
from mana_lab.runner.models import ModelBrain

GOOD = rates(("todo", 4, 1), ("notes", 2, 3))


def judgement(**fields):
    given = {
        "module": "todo",
        "experience": "It was there.",
        "reason": "Call 1 worked.",
        "cites": [1],
        "score": 4,
    }
    return {key: value for key, value in (given | fields).items() if value is not ...}


def answer(*judgements):
    return calls(("rate", {"ratings": list(judgements)}))


NOTES = judgement(module="notes", cites=[3], score=2)

UNREADABLE = {
    "no answer": says("I liked it a lot: 5 of 5!"),
    "no JSON": calls(("rate", "{")),
    "no object": calls(("rate", "[]")),
    "nothing in it": calls(("rate", {})),
    "too high": answer(judgement(score=6), NOTES),
    "too low": answer(judgement(score=0), NOTES),
    "between": answer(judgement(score=3.5), NOTES),
    "a float": answer(judgement(score=4.0), NOTES),
    "a word": answer(judgement(score="4"), NOTES),
    "a truth": answer(judgement(score=True), NOTES),
    "no score": answer(judgement(score=...), NOTES),
    "no words": answer(judgement(experience=""), NOTES),
    "too many words": answer(judgement(experience="x" * 501), NOTES),
    "no reason": answer(judgement(reason=...), NOTES),
    "too much reason": answer(judgement(reason="x" * 401), NOTES),
    "no evidence": answer(judgement(cites=[]), NOTES),
    "made-up evidence": answer(judgement(cites=[1, 9]), NOTES),
    "foreign evidence": answer(judgement(cites=[1, 3]), NOTES),
    "one missing": answer(judgement()),
    "one twice": answer(judgement(), judgement(), NOTES),
    "one too many": answer(judgement(), NOTES, judgement(module="mood")),
    "two calls": calls(("rate", {"ratings": []}), ("rate", {"ratings": []})),
}


@pytest.fixture(scope="module")
async def lived(mana):
    """Return a visit: three calls, of which one failed."""
    model = script(
        calls(("todo_list", {}), ("todo_complete", {"id": "nonsense"}), ("notes_list", {})),
        leaves("Hm."),
    )
    scene = scene_of()
    async with await mana.app(ANNA) as app:
        await ModelBrain(model.model).use(app, scene)
        return scene, app.recorder.actions


async def rate(lived, *answers):
    scene, actions = lived
    told = script(*answers)
    return await ModelBrain(told.model).rate(scene, actions), told.heard


async def test_a_rating_is_text_first_then_a_number_with_evidence(lived):
    ratings, [heard] = await rate(lived, GOOD)
    _, actions = lived
    assert [(each.module, each.rating, each.evidence) for each in ratings] == [
        ("todo", 4, (actions[0].id,)),
        ("notes", 2, (actions[2].id,)),
    ]
    [tool] = heard.info.output_tools
    fields = tool.parameters_json_schema["$defs"]["Judgement"]["properties"]
    assert list(fields) == ["module", "experience", "reason", "cites", "score"]
    assert not heard.info.allow_text_output


async def test_ratings_are_asked_with_the_record_of_what_happened(lived):
    _, [heard] = await rate(lived, GOOD)
    assert ANNA.system_prompt in heard.info.instructions
    assert "leave" not in heard.info.instructions
    lines = [line for line in heard.opening.split("\n") if line.startswith("Call ")]
    assert lines[0].startswith('Call 1: todo.list worked: {"tasks"')
    assert lines[1].startswith('Call 2: todo.complete failed: {"error": {"code"')
    assert lines[2].startswith("Call 3: notes.list worked: ")
    assert 'On leaving you noted: "Hm."' in heard.opening
    assert "these modules, what it was like to use them: todo, notes." in heard.opening
    assert f'language "{ANNA.language}"' in heard.opening


async def test_the_memory_keeps_what_was_thought(lived):
    scene, _ = lived
    await rate(lived, GOOD)
    assert scene.memory.kept["visits"][-1]["ratings"] == {"todo": 4, "notes": 2}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_is_asked_for_once_more(lived, name):
    ratings, heard = await rate(lived, UNREADABLE[name], GOOD)
    assert [each.rating for each in ratings] == [4, 2]
    assert len(heard) == 2
    *_, bad, correction = heard[1].messages
    assert bad.parts == UNREADABLE[name].parts
    assert all("Try once more" in part.content for part in correction.parts)


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_twice_is_no_rating(lived, name):
    with pytest.raises(RatingUnreadableError, match="also not the second time"):
        await rate(lived, UNREADABLE[name], UNREADABLE[name], GOOD)


@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```", "```\n{}```"])
async def test_a_model_that_answers_with_json_is_understood(lived, fence):
    text = fence.replace("{}", json.dumps({"ratings": [judgement(), NOTES]}))
    ratings, heard = await rate(lived, says(text))
    assert [each.rating for each in ratings] == [4, 2]
    assert len(heard) == 1


async def test_texts_are_stored_whole(lived):
    half = judgement(experience="e" * 500, reason="\ud800" + "r" * 399)
    ratings, _ = await rate(lived, answer(half, NOTES))
    assert ratings[0].notes == "e" * 500 + " ?" + "r" * 399


async def test_nobody_is_asked_about_nothing(mana):
    told = script(calls(("diving_log", {})), leaves())
    scene = scene_of()
    async with await mana.app(ANNA) as app:
        brain = ModelBrain(told.model)
        await brain.use(app, scene)
        assert await brain.rate(scene, []) == []
        assert await brain.rate(scene, app.recorder.actions) == []
    assert len(told.heard) == 2


async def test_an_unreadable_rating_fails_the_tick_s_rating_step(fresh):
    bad = UNREADABLE["too high"]
    told = script(calls(("todo_list", {})), leaves(), bad, bad)
    run = await fresh.live(ModelBrain(told.model))
    assert (run.ticks, run.failed_ticks, run.calls) == (1, 1, 1)
    [tick] = await fresh.rows("ticks")
    assert tick["failed_step"] == "rate"
    assert tick["error"].startswith("rating-unreadable: ")
    assert len(await fresh.rows("persona_actions")) == 1
    assert not await fresh.rows("persona_feedback")
