"""Who guesses the ids of others, or knows them, reads nothing and writes nothing."""

import uuid
from random import Random

import isolation_wire as wire
import pytest
from isolation_house import NEVER_S, open_mana
from isolation_person import Person

LIMITS = {"calls_per_minute": 1_000_000, "session_check_s": NEVER_S}
ON_ONE = (
    ("notes.get", {}),
    ("notes.update", {"title": "mine"}),
    ("notes.archive", {}),
    ("todo.complete", {}),
    ("journal.get", {}),
)


async def belongings(mana):
    """Let the others have something; return the ids of their records and of their spaces."""
    records = []
    for name in list(mana.day.people)[:-1]:
        owner = Person(mana, name, mana.day.tokens[name][0])
        for tool, one, more in (
            ("notes.create", "note", {"content": "a secret"}),
            ("todo.create", "task", {}),
            ("journal.add", "entry", {"content": "a secret"}),
        ):
            made = await owner.call(tool, title=f"of {name}", modern=True, **more)
            records.append(made.data[one]["id"])
    spaces = [person.personal_space for person in mana.day.people.values()]
    return records, [*spaces[:-1], mana.day.team]


async def said_of(person, tool, more, record_id):
    """Return what is said of a record, without its id."""
    answer = await person.call(tool, id=record_id, modern=True, **more)
    return answer.raw.replace(record_id.encode(), b"...")


async def knock(day, times):
    random = Random(26)
    guess = lambda: str(uuid.UUID(int=random.getrandbits(128), version=4))  # noqa: E731
    async with open_mana(day, **LIMITS) as mana:
        records, spaces = await belongings(mana)
        stranger = Person(mana, "cara", day.tokens["cara"][0])
        before = await mana.stored()
        unknown = {tool: await said_of(stranger, tool, more, guess()) for tool, more in ON_ONE}
        nowhere = (await stranger.call("notes.search", query="", space=guess(), modern=True)).raw
        assert nowhere.startswith(b"403")
        for number in range(times):
            tool, more = ON_ONE[number % len(ON_ONE)]
            record = random.choice(records) if number % 2 else guess()
            assert await said_of(stranger, tool, more, record) == unknown[tool]
            space = random.choice(spaces) if number % 2 else guess()
            answer = await stranger.call("notes.search", query="", space=space, modern=True)
            assert answer.raw == nowhere
        assert await mana.stored() == before


async def test_what_is_somebody_elses_is_like_what_is_not_there(day):
    await knock(day, 150)


@pytest.mark.slow
async def test_ten_thousand_guesses_bring_nothing(day):
    await knock(day, 5_000)  # of a record and of a space


async def test_a_session_of_somebody_else_opens_nothing(day):
    async with open_mana(day, **LIMITS) as mana:
        anna, _, cara = (Person(mana, name, day.tokens[name][0]) for name in day.people)
        await anna.open()
        for method in ("tools/list", "ping"):
            hers = await cara.send(wire.legacy(method, {}, session=anna.session))
            assert hers.status == 403
            assert anna.session not in hers.raw.decode()
            nobodys = await cara.send(wire.legacy(method, {}, session="0" * len(anna.session)))
            assert nobodys.status == 404
        assert (await cara.send(wire.closing(anna.session))).status == 403
        answer = await anna.call("test.echo", text="still here", modern=False)
        assert answer.data["text"] == "still here"
