"""A sampled population becomes users, and stops being ones, like the ten."""

import pytest
from identity_house import SERVICE_KEY
from personas_house import SECRET

from mana_lab.identity.server.schema import (
    ACCOUNTS,
    MEMBERS,
    ORGANIZATIONS,
    PERSONAS,
    USERS,
    VAULTS,
)
from mana_lab.personas import Catalog, cleanup, sample, seed

TABLES = (USERS, ACCOUNTS, ORGANIZATIONS, MEMBERS, VAULTS, PERSONAS)


async def seeded(house, catalog):
    report = await seed(catalog, house.identity, admin_token=await house.admin(), secret=SECRET)
    assert not report.failed + report.failed_spaces
    return report


async def counted(house):
    return {table.name: len(await house.rows(table)) for table in TABLES}


@pytest.mark.slow
async def test_two_hundred_are_seeded_with_their_spaces_and_removed_without_a_trace(house):
    population = sample(200, seed=7, shared=0.5)
    before = await counted(house)
    report = await seeded(house, population)
    assert repr(report) == "<SeedReport: 200 created, 50 spaces shared>"
    assert (await seeded(house, population)).count("updated") == 200
    gone = await cleanup(
        house.identity, admin_token=await house.admin(), catalog=population, delete=True
    )
    assert (len(gone.deleted), gone.unknown, gone.failed) == (200, (), {})
    assert await counted(house) == before


async def test_the_service_tells_each_ones_traits_when_their_tick_is_due(house):
    population = sample(20, seed=7, cadences={"hourly": 1})
    await seeded(house, population)
    due = (await house.identity.due_personas(SERVICE_KEY)).personas
    told = {each.email: each.traits.model_dump() for each in due}
    assert told == {each.email: each.traits.model_dump() for each in population}


async def test_a_population_lives_beside_the_ten(house, few):
    population = sample(5, seed=7)
    await seeded(house, few)
    await seeded(house, population)
    listed = await cleanup(
        house.identity, admin_token=await house.admin(), catalog=population, delete=True
    )
    assert listed.unknown == tuple(sorted(each.email for each in few))
    standing = await house.identity.personas(await house.admin())
    assert {each.email for each in standing} == {each.email for each in few}


async def test_seeding_the_smaller_sample_again_leaves_the_rest_as_they_are(house):
    whole = sample(6, seed=7)
    await seeded(house, whole)
    assert (await seeded(house, Catalog(sample(3, seed=7)))).count("updated") == 3
    assert len(await house.rows(PERSONAS)) == 6
