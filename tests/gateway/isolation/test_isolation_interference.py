"""What somebody receives is the same to the byte, whatever everybody else does in the meantime.

Only what is drawn at random for each answer is levelled out: the ids of sessions, and sealed
questions.
"""

import asyncio
import itertools

import isolation_wire as wire
import pytest
from hypothesis import Phase, example, given, settings
from isolation_house import open_mana
from isolation_mutants import failures_that_quote_the_last_one, spaces_of_whoever_asked_last
from isolation_neighbours import Neighbour, deeds, everything
from isolation_person import Person

from mana_lab.gateway import IDEMPOTENCY_META
from mana_lab.gateway.rates import CALLS_A_MINUTE

STEPS = 26
"""After how many of somebody's steps others have a turn."""


async def live(person, meanwhile):
    """Do a little of everything; *meanwhile* happens after every step."""
    steps = [
        person.open(),
        person.send(wire.modern("tools/list", {})),
        person.call("spaces.list"),
        person.call("todo.list"),
        person.call("todo.create", title="one", modern=True),
        person.call("todo.create", title="two", modern=True, meta={IDEMPOTENCY_META: "k"}),
        person.call("todo.create", title="two", modern=False, meta={IDEMPOTENCY_META: "k"}),
        person.call("todo.create", title="three", modern=True, meta={IDEMPOTENCY_META: "k"}),
        person.call("todo.list", limit=1),
        person.call("notes.create", title="n1", content="c1"),
        person.call("notes.create", title="n2", content="c2"),
        person.call("notes.search", query="n"),
        person.call("notes.list", limit=1),
        person.call("habits.list"),
        person.call("test.tell", text="step", meta={"progressToken": "p"}),
        person.call("todo.create", title=1),
        person.call("todo.complete", id="nothing"),
        person.call("no.such"),
        person.call("todo.list", space="nowhere"),
        person.call("notes.delete", id="nothing", modern=True),
        person.send(wire.modern("tools/call", {"name": "todo.list", "arguments": []})),
        person.send(wire.modern("no/such", {})),
        person.send(wire.legacy("tools/list", {}, session="unknown")),
    ]
    for step in steps:
        await step
        await meanwhile()
    for _ in range(CALLS_A_MINUTE):
        await person.call("test.echo", text="again", modern=True)
    await meanwhile()
    person.mana.clock.advance(61)
    await meanwhile()
    await person.call("todo.list")
    await person.send(wire.closing(person.session))
    await meanwhile()
    await person.call("todo.list")


async def transcript(day, deeds):
    """Return all that one person receives while their neighbours do *deeds*."""
    async with open_mana(day) as mana:
        name, *others = day.people
        anna = Person(mana, name, day.tokens[name][0])
        neighbours = [Neighbour(mana, each, anna) for each in others]
        steps = itertools.count()

        async def meanwhile():
            step = next(steps)
            for deed in deeds:
                if deed.after == step:
                    await deed.what(neighbours[deed.who], deed.modern)

        await live(anna, meanwhile)
        assert next(steps) == STEPS
        return anna.received


@pytest.fixture(scope="session")
def alone(day):
    received = asyncio.run(transcript(day, []))
    assert len(received) > 60
    return received


DRAWN = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
)
SOAK = settings(DRAWN, max_examples=15, phases=[*DRAWN.phases, Phase.shrink])


def test_what_others_do_shows_nowhere(day, alone):
    @DRAWN
    @given(deeds(STEPS))
    @example(everything(STEPS))
    def shows_nowhere(drawn):
        assert asyncio.run(transcript(day, drawn)) == alone

    shows_nowhere()


@pytest.mark.slow
def test_whatever_others_do_shows_nowhere(day, alone):
    @SOAK
    @given(deeds(STEPS))
    def shows_nowhere(drawn):
        assert asyncio.run(transcript(day, drawn)) == alone

    shows_nowhere()


@pytest.mark.parametrize(
    "mutant",
    [failures_that_quote_the_last_one, spaces_of_whoever_asked_last],
    ids=lambda mutant: mutant.__name__,
)
async def test_a_gateway_that_mixes_people_up_is_found(day, monkeypatch, mutant):
    mutant(monkeypatch)
    by_herself = await transcript(day, [])
    assert await transcript(day, everything(STEPS)) != by_herself
