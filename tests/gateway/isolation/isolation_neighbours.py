"""Neighbours: what others do while somebody uses the app, drawn from all that might show."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import isolation_wire as wire
from hypothesis import strategies as st
from isolation_acts import YES
from isolation_person import Person

from mana_lab.errors import ManaLabError
from mana_lab.gateway import IDEMPOTENCY_META
from mana_lab.gateway.rates import CALLS_A_MINUTE


class Neighbour(Person):
    """Somebody else, who comes and goes.

    Attributes:
        refresh_token: Of the session in use.
        victim: Whose session ids and texts they know.
    """

    def __init__(self, mana, name, victim):
        super().__init__(mana, name, mana.day.tokens[name][0])
        self.refresh_token = mana.day.tokens[name][1]
        self.victim = victim

    async def sign_in(self):
        self.token, self.refresh_token = await self.mana.login(self.name)

    async def identity(self, act, *arguments):
        """Ask identity for something that it may refuse."""
        with suppress(ManaLabError):
            return await getattr(self.mana.identity, act)(*arguments)


async def write(one, modern):
    await one.call("todo.create", title=f"{one.name} was here", modern=modern)
    await one.call("notes.create", title="n", content="c", modern=modern)


async def write_under_the_same_key(one, modern):
    await one.call("todo.create", title="two", modern=modern, meta={IDEMPOTENCY_META: "k"})


async def read(one, modern):
    for tool in ("todo.list", "notes.list", "spaces.list", "habits.list"):
        await one.call(tool, modern=modern)


async def fail(one, modern):
    await one.call("todo.complete", id=one.name, modern=modern)
    await one.call("todo.create", title=7, modern=modern)
    await one.call(f"{one.name}.{one.name}", modern=modern)
    await one.call("todo.list", space=one.name, modern=modern)


async def report(one, modern):
    await one.call("test.tell", text=one.name, modern=modern, meta={"progressToken": "p"})


async def use_up_the_calls(one, modern):
    for _ in range(CALLS_A_MINUTE + 1):
        await one.call("test.echo", text=one.name, modern=modern)


async def open_a_session(one, _modern):
    await one.open()


async def take_the_others_session(one, _modern):
    await one.send(wire.legacy("tools/list", {}, session=one.victim.session))
    await one.send(wire.closing(one.victim.session or "unknown"))


async def go_to_the_others_space(one, modern):
    space = one.mana.day.people[one.victim.name].personal_space
    await one.call("todo.create", title=one.name, space=space, modern=modern)


async def delete_in_the_team(one, _modern):
    there = {"space": one.mana.day.team, "modern": True}
    made = await one.call("notes.create", title="t", content="", **there)
    if made.data:
        gone = {"id": made.data["note"]["id"], **there}
        asked = await one.call("notes.delete", **gone)
        agreed = {"requestState": asked.result["requestState"], "inputResponses": YES}
        await one.call("notes.delete", more=agreed, **gone)


async def sign_out(one, modern):
    await one.identity("logout", one.token)
    await one.call("todo.list", modern=modern)
    await one.sign_in()


async def refresh(one, modern):
    pair = await one.identity("refresh", one.refresh_token)
    if pair is not None:
        one.token, one.refresh_token = pair.access_token, pair.refresh_token
    await one.call("todo.list", modern=modern)


async def leave_the_team(one, modern):
    await one.identity("leave_space", one.token, one.mana.day.team)
    await one.call("notes.list", space=one.mana.day.team, modern=modern)


async def found_a_space(one, _modern):
    await one.identity("create_space", one.token, "club", f"club-{one.name}", "club")


DEEDS = (
    write,
    write_under_the_same_key,
    read,
    fail,
    report,
    use_up_the_calls,
    open_a_session,
    take_the_others_session,
    go_to_the_others_space,
    delete_in_the_team,
    sign_out,
    refresh,
    leave_the_team,
    found_a_space,
)


@dataclass(frozen=True)
class Deed:
    """Something that a neighbour does.

    Attributes:
        after: After which step of the other one.
        who: Which neighbour.
        what: The deed.
        modern: In which era; None for both.
    """

    after: int
    who: int
    what: object
    modern: bool | None

    def __repr__(self):
        return f"Deed({self.after}, {self.who}, {self.what.__name__}, {self.modern})"


def deeds(steps):
    """Draw what happens within so many steps."""
    one = st.builds(
        Deed,
        after=st.integers(0, steps - 1),
        who=st.integers(0, 1),
        what=st.sampled_from(DEEDS),
        modern=st.sampled_from([True, False, None]),
    )
    return st.lists(one, min_size=5, max_size=30)


def everything(steps):
    """Return deeds in which everybody does everything, one after the other."""
    return [
        Deed(after, who, DEEDS[(after + who) % len(DEEDS)], None)
        for after in range(steps)
        for who in (0, 1)
    ]
