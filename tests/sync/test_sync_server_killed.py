"""PostgreSQL is killed or restarted in the middle of pushes, and the service lives on."""

import asyncio

import pytest
from siege_house import CLIENTS, ServerSiege, hold
from store_house import PostgresHome

from mana_lab.storage import Store
from mana_lab.sync.server import METADATA


@pytest.fixture
async def mortal_home(mortal_postgres):
    """Return a database, with the log's tables, of a server that may be killed."""
    home = PostgresHome(mortal_postgres)
    async with await Store.open(home.url("sync"), METADATA):
        pass
    yield home
    home.close()


@pytest.mark.slow
async def test_p15_a_server_killed_amid_pushes_keeps_what_was_acknowledged_whole_and_once(
    mortal_home, mortal_postgres
):
    """Property P15: kill -9 of the postmaster and all its children, start it again, go on."""
    await hold(ServerSiege(mortal_home, mortal_postgres), seed=1702, kills=3, most=60)


async def test_a_commit_that_waits_for_no_disk_is_found(mortal_home, mortal_postgres):
    """The test of the test above: a service that took the server's word loses what it promised."""
    siege = ServerSiege(mortal_home, mortal_postgres, mutant="not insisting")
    async with asyncio.timeout(60):
        found = await siege.endure(7, 1, most=20)
    assert found[0].lost


@pytest.mark.slow
async def test_a_server_restarted_amid_pushes_costs_nobody_anything(mortal_home, mortal_postgres):
    siege = ServerSiege(mortal_home, mortal_postgres, accident="stop")
    await hold(siege, seed=1703, kills=3, most=60)
    # Only a commit that was asked for and not answered may come out as an error.
    assert siege.refused <= CLIENTS


@pytest.mark.slow
@pytest.mark.parametrize("accident", ["kill", "stop"])
@pytest.mark.parametrize("seed", range(4))
async def test_p15_a_server_that_falls_many_times_keeps_what_was_acknowledged(
    mortal_home, mortal_postgres, accident, seed
):
    siege = ServerSiege(mortal_home, mortal_postgres, accident=accident)
    await hold(siege, seed, kills=15, most=400)
