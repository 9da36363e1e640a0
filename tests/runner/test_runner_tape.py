import pytest

from mana_lab.errors import TapeEndedError, UnserializableValueError
from mana_lab.runner.masking import masked, masked_hash
from mana_lab.runner.tape import Divergence, Entry, Played

ONE = "3f6c1d3e-0000-4000-8000-00000000000a"
TWO = "b20c1d3e-0000-4000-8000-00000000000b"
USER = "Vk4L5B0zhtceGRrqy63AyqVB6wjhRrwk"


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({"id": ONE}, {"id": TWO}),
        ({"text": f"see {ONE}, then {TWO}"}, {"text": f"see {TWO}, then {ONE}"}),
        ({"at": "2026-01-05T07:00:00.000Z"}, {"at": "2027-11-29T13:00:01+01:00"}),
        ({"user": USER}, {"user": USER[::-1]}),
        ({"id": "toolu_01AbCdEfGh"}, {"id": "toolu_99ZzYyXxWw"}),
        ({"a": 1, "b": [ONE, ONE]}, {"b": [TWO, TWO], "a": 1}),
    ],
    ids=["uuid", "two", "time", "account", "call", "order"],
)
def test_ids_and_times_make_no_difference(here, there):
    assert masked(here) == masked(there)
    assert masked_hash(here) == masked_hash(there)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({"title": "milk"}, {"title": "bread"}),
        ([ONE, ONE], [ONE, TWO]),
        ({"id": ONE}, {"other": ONE}),
        ({"n": 1}, {"n": 2}),
        ({"day": "2026-01-05"}, {"day": "2026-01-06"}),
        ({"word": "a" * 31}, {"word": "b" * 31}),
    ],
    ids=["text", "same or not", "name", "number", "day", "word"],
)
def test_everything_else_does(here, there):
    assert masked(here) != masked(there)


def test_what_is_no_json_has_no_hash():
    with pytest.raises(UnserializableValueError):
        masked_hash({"a": object()})


class Model:
    def __init__(self):
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        return self.asked


async def test_a_tape_plays_what_it_knows_and_keeps_what_comes():
    kept, model = [], Model()

    async def keep(entry):
        kept.append(entry)

    tape = Played("model", [Entry(0, masked_hash("hello"), "hi")], keep)
    assert await tape.answer("hello", model) == "hi"
    assert await tape.answer("and?", model) == 1
    assert kept == [Entry(1, masked_hash("and?"), 1)]
    assert (model.asked, tape.divergence) == (1, None)


async def test_the_first_place_that_differs_is_named_and_the_tape_goes_on():
    model = Model()
    known = [Entry(n, masked_hash(f"question {n}"), n) for n in range(3)]
    tape = Played("model", known, None)
    assert await tape.answer("question 0", model) == 0
    assert await tape.answer("another question", model) == 1
    assert await tape.answer("yet another", model) == 2
    assert tape.divergence == Divergence("model", 1)
    assert str(tape.divergence) == "step 1 of what the model was asked"
    with pytest.raises(TapeEndedError, match="no answer to step 3 of the model"):
        await tape.answer("more", model)
    assert model.asked == 0


async def test_asking_more_than_was_asked_is_a_difference_too():
    tape = Played("app", [], None)
    with pytest.raises(TapeEndedError):
        await tape.answer("hello", Model())
    assert tape.divergence == Divergence("app", 0)


async def test_an_answer_that_could_not_be_got_leaves_no_entry():
    kept = []

    async def keep(entry):
        kept.append(entry)

    async def broken():
        raise OSError("no line")

    tape = Played("model", [], keep)
    with pytest.raises(OSError, match="no line"):
        await tape.answer("hello", broken)
    assert kept == []
