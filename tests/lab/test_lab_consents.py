"""What a persona takes away for good needs the leave of the space and somebody's word."""

import pytest

from mana_lab.errors import ForbiddenError, InvalidInputError


async def written(lab, **options):
    anna = await lab.persona("anna", **options)
    made = await anna.call("notes.create", title="Old", content="x")
    return anna, made.data["note"]["id"]


async def test_with_leave_and_word_a_note_is_gone(lab):
    questions = []
    anna, note = await written(lab, agree=lambda question: questions.append(question) or True)
    await lab.allow("anna", "notes.delete")
    outcome = await anna.call("notes.delete", id=note)
    assert outcome.ok, outcome.error
    assert (await anna.call("notes.list")).data["notes"] == []
    assert len(questions) == 1
    assert note in questions[0]


@pytest.mark.parametrize("agree", [None, lambda _: False], ids=["nobody", "no"])
async def test_without_a_word_it_stays(lab, agree):
    anna, note = await written(lab, agree=agree)
    await lab.allow("anna", "notes.delete")
    outcome = await anna.call("notes.delete", id=note)
    assert (outcome.error.code, outcome.error.kind) == ("confirmation-required", "refused")
    assert len((await anna.call("notes.list")).data["notes"]) == 1


async def test_only_who_owns_a_space_gives_its_leave(lab):
    with pytest.raises(InvalidInputError):
        await lab.allow("anna", "not a tool")
    ben = await lab.persona("ben")
    with pytest.raises(ForbiddenError):
        await lab.allow("anna", "notes.delete", space=ben.space_id)
