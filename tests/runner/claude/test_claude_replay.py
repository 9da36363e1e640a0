"""A tick of the real Claude Code, lived once more from its tape: nobody asked, no app there."""

from dataclasses import replace

from claude_house import claude, judged, leaves, rates, uses
from provider_house import in_order, provider
from replay_house import record, rows, stored

from mana_lab.runner.replay.brains import brain_on_tape

DAY = (
    uses(("todo_create", {"title": "Milk"}), ("todo_create", {"titel": 1})),
    uses(("todo_list", {})),
    leaves("Milk is on the list."),
    rates(judged()),
)


async def test_a_tick_of_claude_lives_again_without_claude_and_without_the_app(fresh):
    async with provider(in_order(*DAY)) as house, claude(house) as brain:
        known = await record(fresh, brain)
        asked = len(house.requests)
        again = brain_on_tape("claude", brain.model, brain.to_record())
        assert await known.difference(again) is None
        assert rows(await known.again(again)) == stored(known)
        assert len(house.requests) == asked
    assert len(known.actions) == 3


async def test_a_tick_of_claude_on_a_changed_tape_names_the_first_step_that_differs(fresh):
    async with provider(in_order(*DAY)) as house, claude(house) as brain:
        known = await record(fresh, brain)
    [tick] = known.tape.ticks
    app = list(tick.app)
    app[1] = replace(app[1], request_hash="0" * 64)
    found = await known.with_tick(0, app=app).difference(
        brain_on_tape("claude", brain.model, brain.to_record())
    )
    assert (found.tick, found.track, found.step) == (1, "app", 1)
