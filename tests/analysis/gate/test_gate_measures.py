import pytest

from mana_lab.analysis.gate import measured
from mana_lab.analysis.gate.measures import Use
from mana_lab.errors import BaselineError, MixedBrainsError, NotFoundError


async def test_calls_failures_and_ratings_are_counted_by_persona_and_module(lived_in):
    found = measured(lived_in.warehouse)
    assert (found.number, found.seed, found.brain, found.model, found.days) == (
        1,
        7,
        "scripted",
        None,
        7.0,
    )
    anna, ben = "persona.anna@mana.test", "persona.ben@mana.test"
    assert found.personas == {anna, ben}
    assert found.modules == {
        "journal": {
            anna: Use(calls=1),
            ben: Use(calls=1, ratings=1, rating_sum=4),
        },
        "todo": {
            anna: Use(calls=3, failed=1, ratings=2, rating_sum=7),
            ben: Use(calls=1),
        },
    }


async def test_a_run_is_chosen_by_its_number_or_from_the_end(lived_in):
    await lived_in.run(2, seed=8)
    assert [measured(lived_in.warehouse, n).seed for n in (1, 2, -1, -2)] == [7, 8, 8, 7]
    for number in (0, 3, -3):
        with pytest.raises(NotFoundError, match=f"has no run {number}; its runs are 1, 2"):
            measured(lived_in.warehouse, number)


async def test_without_a_run_there_is_nothing_to_measure(house):
    with pytest.raises(NotFoundError, match="it has no runs yet"):
        measured(house.warehouse)


async def test_a_run_without_calls_has_no_modules(house):
    await house.run()
    assert measured(house.warehouse).modules == {}


@pytest.mark.parametrize("status", ["running", "stopped", "failed"])
async def test_a_run_that_did_not_end_is_refused(lived_in, status):
    await lived_in.run(2, status=status)
    with pytest.raises(BaselineError, match=f"run 2 is {status}; only a run that has reached"):
        measured(lived_in.warehouse)


async def test_ratings_of_several_brains_are_refused(lived_in):
    anna = await lived_in.persona("Zoe")
    await lived_in.feedback(anna, "notes", 3, brain="human")
    with pytest.raises(MixedBrainsError):
        measured(lived_in.warehouse)


async def fail_ticks(house, persona, numbers):
    for number in numbers:
        await house.tick(persona, number, status="failed", failed_step="sign-in")


async def test_ticks_that_failed_are_counted_and_take_nobody_part(lived_in):
    zoe = await lived_in.persona("Zoe")
    await fail_ticks(lived_in, zoe, (1, 2, 3))
    found = measured(lived_in.warehouse)
    assert found.failures == "3 of the 6 ticks of run 1 failed"
    assert zoe.email not in found.personas


async def test_a_run_most_of_whose_ticks_failed_is_refused(lived_in):
    await fail_ticks(lived_in, await lived_in.persona("Zoe"), (1, 2, 3, 4))
    with pytest.raises(BaselineError, match="4 of the 7 ticks of run 1 failed, more than half"):
        measured(lived_in.warehouse)
