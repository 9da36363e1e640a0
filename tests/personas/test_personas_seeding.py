"""Personas become real users, and stop being ones."""

import asyncio

import httpx
import pytest
from identity_house import BASE, PASSWORD

from mana_lab.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    ServiceUnavailableError,
)
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server.schema import MEMBERS, ORGANIZATIONS, PERSONAS, USERS, VAULTS
from mana_lab.personas import Catalog, cleanup, persona_password, plan_seed, seed

SECRET = "a seed secret of the tests"


async def seeded(house, catalog, **more):
    options = {"admin_token": await house.admin(), "secret": SECRET} | more
    return await seed(catalog, house.identity, **options)


async def cleaned(house, catalog, *, delete=True, **more):
    return await cleanup(
        house.identity, admin_token=await house.admin(), catalog=catalog, delete=delete, **more
    )


def outcomes(report):
    return [(each.persona.name, each.result) for each in report.outcomes]


async def counts(house):
    tables = (USERS, PERSONAS, VAULTS, ORGANIZATIONS, MEMBERS)
    return [len(await house.rows(table)) for table in tables]


async def test_everybody_gets_an_account_a_vault_and_a_space(house, few):
    told = []
    report = await seeded(house, few, on_progress=lambda *news: told.append(news))
    assert outcomes(report) == [("Anna", "created"), ("Ben", "created"), ("Maya", "created")]
    assert repr(report) == "<SeedReport: 3 created>"
    assert sorted(name for _, _, name in told) == ["Anna", "Ben", "Maya"]
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3)]
    for persona in few:
        login = await house.identity.login(persona.email, persona_password(persona.email, SECRET))
        assert (await house.identity.vault_status(login.access_token)).vault_exists
        (space,) = await house.identity.spaces(login.access_token)
        assert (space.name, space.type) == (persona.name, "personal")


async def test_seeding_again_adds_nothing(house, few):
    await seeded(house, few)
    before = await counts(house)
    report = await seeded(house, few, concurrency=1)
    assert {each.result for each in report.outcomes} == {"updated"}
    assert await counts(house) == before


async def test_a_plan_asks_nobody(few):
    assert repr(plan_seed(few)) == "<SeedReport: 3 planned>"


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_no_more_work_goes_on_at_once_than_is_wanted(house, few, concurrency):
    going_on, most = 0, 0

    async def counting(scope, receive, send):
        nonlocal going_on, most
        going_on += 1
        most = max(most, going_on)
        try:
            await asyncio.sleep(0)
            await house.app(scope, receive, send)
        finally:
            going_on -= 1

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=counting)) as http:
        options = {"admin_token": await house.admin(), "secret": SECRET}
        await seed(few, IdentityClient(BASE, http), concurrency=concurrency, **options)
    assert most == concurrency


async def test_nobody_at_a_time_is_refused(house, few):
    with pytest.raises(InvalidInputError, match="at least 1"):
        await seeded(house, few, concurrency=0)


async def test_one_who_fails_stops_nobody(house, few):
    await house.identity.register("persona.ben@mana.test", PASSWORD)
    report = await seeded(house, few)
    assert outcomes(report) == [("Anna", "created"), ("Ben", "failed"), ("Maya", "created")]
    assert [each.persona.name for each in report.failed] == ["Ben"]
    assert "1 failed (Ben)" in repr(report)
    human = await house.identity.login("persona.ben@mana.test", PASSWORD)
    assert human.user.kind == "human"


async def test_another_secret_than_last_time_is_said(house, few):
    await seeded(house, few)
    report = await seeded(house, few, secret="another secret")
    assert len(report.failed) == 3
    assert all("seeded with another seed secret" in each.error for each in report.failed)


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", ""])
async def test_a_token_that_is_not_taken_is_advice_to_sign_in(house, few, token):
    report = await seeded(house, few, admin_token=token)
    assert len(report.failed) == 3
    assert all("sign in again" in each.error for each in report.failed)


async def test_a_persons_token_is_not_enough(house, few):
    person = await house.person()
    report = await seeded(house, few, admin_token=person.access_token)
    assert all("not an administrator's" in each.error for each in report.failed)
    with pytest.raises(ForbiddenError, match="Admin"):
        await cleanup(house.identity, admin_token=person.access_token, catalog=few, delete=True)


async def test_a_cleanup_lists_and_deletes_personas_only(house, few):
    await house.person("human@example.test")
    humans = await counts(house)
    await seeded(house, few)
    listed = await cleaned(house, few, delete=False)
    assert len(listed.found) == 3
    assert (listed.deleted, listed.unknown, listed.missing) == ((), (), ())
    told = []
    report = await cleaned(house, few, on_progress=lambda *news: told.append(news[:2]))
    assert report.deleted == listed.found
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert repr(report) == "<CleanupReport: 3 found, 3 deleted>"
    assert await counts(house) == humans
    with pytest.raises(InvalidCredentialsError):
        await house.identity.login(few[0].email, persona_password(few[0].email, SECRET))


async def test_drift_is_reported_and_left_alone_unless_asked_for(house, few):
    await seeded(house, few)
    less = Catalog(few[:2])
    report = await cleaned(house, less)
    assert report.unknown == ("persona.maya@mana.test",)
    again = await cleaned(house, less, delete=False)
    assert again.missing == tuple(each.email for each in less)
    report = await cleaned(house, less, include_unknown=True)
    assert report.deleted == ("persona.maya@mana.test",)


async def test_what_they_wrote_elsewhere_goes_first_and_a_failure_keeps_the_account(house, few):
    await seeded(house, few)
    ids = {each.email: each.user_id for each in await house.identity.personas(await house.admin())}
    forgotten = []

    async def forget(user_id):
        forgotten.append(user_id)
        if user_id == ids["persona.ben@mana.test"]:
            raise ServiceUnavailableError("the sync service does not answer")

    report = await cleaned(house, few, forget=forget)
    assert sorted(forgotten) == sorted(ids.values())
    assert dict(report.failed) == {"persona.ben@mana.test": "the sync service does not answer"}
    left = await house.identity.personas(await house.admin())
    assert [each.email for each in left] == ["persona.ben@mana.test"]
