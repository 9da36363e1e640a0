"""Whatever people do in whatever order: nobody receives what is somebody else's.

A failure prints the steps that led to it; the same run fails again. What a mutant does is found by
the very search that finds nothing in the gateway.
"""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from isolation_canaries import FoundError
from isolation_house import open_mana
from isolation_machine import searching
from isolation_mutants import (
    MUTANTS,
    questions_for_anybody,
    questions_without_end,
    replicas_of_everybody,
    sessions_without_an_owner,
    spaces_by_user_alone,
    spaces_of_whoever_asked_last,
)
from isolation_world import Way, World


async def sign_out_on_one_device(world):
    """Sign out, and go on with another device."""
    first, second = world.logins["anna"][0], await world.sign_in("anna")
    await world.sign_out(first)
    world.mana.clock.advance(30)
    for login in (second, first):
        await world.do(Way("anna", login, "modern", None, world.spaces["anna"]), "list spaces")


async def answer_what_somebody_else_was_asked(world):
    """Ask to delete a note; the yes comes from another member."""
    await delete(world, "anna", "ben")


async def answer_twice(world):
    """Ask to delete a note, and agree twice."""
    await delete(world, "anna", "anna", "anna")


async def delete(world, asking, *agreeing):
    turns = [("create note", asking), ("ask", asking), *(("agree", each) for each in agreeing)]
    for act, user in turns:
        way = Way(user, world.logins[user][0], "modern", None, world.spaces["team"])
        await world.do(way, act, turn=1)


STORIES = {
    spaces_by_user_alone: sign_out_on_one_device,
    questions_for_anybody: answer_what_somebody_else_was_asked,
    questions_without_end: answer_twice,
}
QUICK = settings(
    max_examples=3,
    stateful_step_count=100,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
UNTIL_FOUND = settings(QUICK, max_examples=60, stateful_step_count=80)
SOAK = settings(
    QUICK,
    max_examples=50,
    stateful_step_count=100,
    phases=[Phase.generate, Phase.shrink],
    derandomize=False,
)
QUICKLY_FOUND = (replicas_of_everybody, sessions_without_an_owner, spaces_of_whoever_asked_last)


def test_nobody_receives_what_is_somebody_elses(day):
    run_state_machine_as_test(searching(day), settings=QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2))
def test_nobody_ever_receives_what_is_somebody_elses(day, number):
    run_state_machine_as_test(seed(number)(searching(day)), settings=SOAK)


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(
            mutant,
            id=mutant.__name__,
            marks=() if mutant in QUICKLY_FOUND else pytest.mark.slow,
        )
        for mutant in MUTANTS
        if mutant not in STORIES
    ],
)
def test_the_search_finds_what_a_careless_gateway_would_do(day, monkeypatch, mutant):
    mutant(monkeypatch)
    with pytest.raises(FoundError):
        run_state_machine_as_test(searching(day), settings=UNTIL_FOUND)


@pytest.mark.parametrize("mutant", STORIES, ids=lambda mutant: mutant.__name__)
async def test_what_takes_several_steps_in_a_row_is_found_by_them(day, monkeypatch, mutant):
    async with open_mana(day) as mana:
        await STORIES[mutant](World(mana))
    mutant(monkeypatch)
    async with open_mana(day) as mana:
        with pytest.raises(FoundError):
            await STORIES[mutant](World(mana))
