"""What somebody receives is the same to the byte, whatever everybody else does in the meantime.

Only what is drawn at random for each answer is levelled out: the ids of sessions, and sealed
questions.
"""

import isolation_wire as wire
import pytest
from isolation_acts import YES
from isolation_house import open_mana
from isolation_mutants import failures_that_quote_the_last_one, spaces_of_whoever_asked_last
from isolation_person import Person

from mana_lab.gateway import IDEMPOTENCY_META
from mana_lab.gateway.rates import CALLS_A_MINUTE


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


async def disturb(people):
    """Do what might show: write, fail, use up one's calls, open sessions."""
    for person in people:
        await person.call("todo.create", title=f"{person.name} was here", modern=True)
        await person.call("notes.create", title="n", content="c", modern=True)
        await person.call("todo.create", title="two", modern=True, meta={IDEMPOTENCY_META: "k"})
        await person.call("todo.complete", id=person.name, modern=True)
        await person.call("test.echo", text=person.name, modern=True)
        await person.call("no.such", modern=True)
        await person.open()


async def share(mana, people):
    """Write to a shared space, delete what was written, and found another space."""
    ben, cara = people
    made = await ben.call("notes.create", space=mana.day.team, title="t", content="", modern=True)
    delete = {"space": mana.day.team, "id": made.data["note"]["id"], "modern": True}
    asked = await ben.call("notes.delete", **delete)
    agreed = {"requestState": asked.result["requestState"], "inputResponses": YES}
    assert (await ben.call("notes.delete", more=agreed, **delete)).data
    await mana.identity.create_space(cara.token, "club", "club", "club")


async def transcript(day, *, alone):
    async with open_mana(day) as mana:
        anna, *others = [Person(mana, name, day.tokens[name][0]) for name in day.people]

        async def meanwhile():
            if not alone:
                await disturb(others)

        if not alone:
            await share(mana, others)
        await live(anna, meanwhile)
        return anna.received


async def test_what_others_do_shows_nowhere(day):
    alone = await transcript(day, alone=True)
    among_others = await transcript(day, alone=False)
    assert len(alone) > 60
    assert among_others == alone


@pytest.mark.parametrize(
    "mutant",
    [failures_that_quote_the_last_one, spaces_of_whoever_asked_last],
    ids=lambda mutant: mutant.__name__,
)
async def test_a_gateway_that_mixes_people_up_is_found(day, monkeypatch, mutant):
    mutant(monkeypatch)
    assert await transcript(day, alone=True) != await transcript(day, alone=False)
