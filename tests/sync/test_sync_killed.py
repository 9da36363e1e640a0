"""The service is killed in the middle of pushes: what it acknowledged is there, whole and once."""

import asyncio

import pytest
from siege_house import Siege, hold


@pytest.mark.slow
async def test_p15_a_service_killed_amid_pushes_keeps_what_it_acknowledged_whole_and_once(home):
    """Property P15, and P5 for retries: kill -9 after a random number of answers, then go on."""
    await hold(Siege(home), seed=1701, kills=2, most=40)


@pytest.mark.slow
async def test_an_acknowledgement_before_the_commit_is_found(home):
    """The test of the test above: a service that answers too early loses what it promised."""
    async with asyncio.timeout(60):
        found = await Siege(home, mutant="too early").endure(7, 1, most=20)
    assert found[0].lost


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_p15_a_service_killed_many_times_keeps_what_it_acknowledged(home, seed):
    await hold(Siege(home), seed, kills=15, most=400)
