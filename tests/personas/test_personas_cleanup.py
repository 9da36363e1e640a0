"""What a cleanup takes, what it leaves alone, and what it does where something gives trouble."""

from contextlib import asynccontextmanager

import pytest
from identity_house import ADMIN, PASSWORD
from personas_house import ANNA, BEN, MAYA, PERSONAS_PATH, SECRET, refusing, through
from sqlalchemy import update

from mana_lab.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    NotFoundError,
    ServiceUnavailableError,
    UnauthenticatedError,
)
from mana_lab.identity.server.schema import METADATA, PERSONAS, USERS
from mana_lab.personas import Catalog, cleanup, persona_password, seed

HUMAN = "human@example.test"
FEW = (ANNA, BEN, MAYA)


async def seeded(house, catalog):
    report = await seed(catalog, house.identity, admin_token=await house.admin(), secret=SECRET)
    assert report.failed == ()
    return {each.persona.email: each.user_id for each in report.outcomes}


async def cleaned(house, catalog, identity=None, *, delete=True, **more):
    options = {"admin_token": await house.admin(), "catalog": catalog, "delete": delete} | more
    return await cleanup(identity or house.identity, **options)


async def standing(house):
    return {each.email for each in await house.identity.personas(await house.admin())}


async def everything(house):
    """Return all that is stored, but for sessions: whoever looks opens one."""
    tables = [table for table in METADATA.sorted_tables if table.name != "sessions"]
    return {table.name: sorted(map(str, await house.rows(table))) for table in tables}


@asynccontextmanager
async def nothing_changes(house):
    before = await everything(house)
    yield
    assert await everything(house) == before


async def test_listing_finds_everybody_and_changes_nothing(house, catalog):
    await seeded(house, catalog)
    told = []
    async with nothing_changes(house), through(house) as (identity, door):
        report = await cleaned(
            house, catalog, identity, delete=False, on_progress=lambda *news: told.append(news)
        )
    assert report.found == tuple(sorted(persona.email for persona in catalog))
    assert (report.deleted, report.unknown, report.missing, report.failed) == ((), (), (), {})
    assert f"{report!r}" == "<CleanupReport: 10 found, 0 deleted>"
    assert told == []
    assert [(request.method, request.path) for request in door.seen] == [("GET", PERSONAS_PATH)]


async def test_listing_asks_nobody_to_forget(house, few):
    await seeded(house, few)
    forgotten = []

    async def forget(user_id):
        forgotten.append(user_id)

    await cleaned(house, few, delete=False, forget=forget)
    assert forgotten == []


async def test_nothing_of_the_personas_is_left_and_nobody_signs_in_any_more(house, catalog):
    before = await everything(house)
    ids = await seeded(house, catalog)
    told = []
    report = await cleaned(house, catalog, on_progress=lambda *news: told.append(news))
    assert report.deleted == report.found == tuple(sorted(ids))
    assert told == [(n, 10, email) for n, email in enumerate(sorted(ids), start=1)]
    assert f"{report!r}" == "<CleanupReport: 10 found, 10 deleted>"
    assert await everything(house) == before
    assert await standing(house) == set()
    for email in ids:
        with pytest.raises(InvalidCredentialsError):
            await house.identity.login(email, persona_password(email, SECRET))


async def test_humans_and_the_administrator_keep_all_that_is_theirs(house, few):
    human = await house.person(HUMAN)
    await house.identity.vault_init(human.access_token)
    async with nothing_changes(house):
        await seeded(house, few)
        await cleaned(house, few)
    again = await house.identity.login(HUMAN, PASSWORD)
    assert again.user == human.user
    assert (await house.identity.vault_status(again.access_token)).vault_exists
    assert len(await house.identity.spaces(again.access_token)) == 1
    assert (await house.identity.login(ADMIN.email, ADMIN.password)).user.role == "admin"


async def test_a_human_with_a_personas_address_is_not_found_and_not_deleted(house, few):
    human = await house.person(ANNA)
    report = await cleaned(house, few, include_unknown=True)
    assert (report.found, report.deleted, report.missing) == ((), (), FEW)
    assert (await house.identity.login(ANNA, PASSWORD)).user == human.user


async def test_an_account_that_became_a_persons_is_kept_and_reported(house, few):
    ids = await seeded(house, few)
    become = update(USERS).where(USERS.c.id == ids[BEN]).values(kind="human")
    await house.store.write(lambda connection: connection.execute(become))
    report = await cleaned(house, few)
    assert report.deleted == (ANNA, MAYA)
    assert list(report.failed) == [BEN]
    assert "non-persona" in report.failed[BEN]
    assert ids[BEN] in [row.id for row in await house.rows(USERS)]


async def test_personas_that_the_catalog_does_not_have_are_left_alone_unless_asked_for(house, few):
    await seeded(house, few)
    await house.persona("zoe")
    await house.persona("yan")
    anna = Catalog(few[:1])
    strangers = (BEN, MAYA, "yan@mana.test", "zoe@mana.test")
    report = await cleaned(house, anna)
    assert (report.deleted, report.unknown) == ((ANNA,), strangers)
    assert f"{report!r}" == "<CleanupReport: 1 found, 1 deleted, 4 not in the catalog>"
    assert await standing(house) == set(strangers)
    listed = await cleaned(house, anna, delete=False, include_unknown=True)
    assert (listed.found, listed.deleted, listed.missing) == (strangers, (), (ANNA,))
    report = await cleaned(house, anna, include_unknown=True)
    assert report.deleted == strangers
    assert await standing(house) == set()


async def test_cleaning_up_again_finds_everybody_missing(house, few):
    await seeded(house, few)
    await cleaned(house, few)
    async with nothing_changes(house):
        report = await cleaned(house, few)
    assert (report.found, report.deleted, report.missing) == ((), (), FEW)
    assert f"{report!r}" == "<CleanupReport: 0 found, 0 deleted>"


async def test_who_was_cleaned_up_can_be_seeded_anew(house, few):
    first = await seeded(house, few)
    await cleaned(house, few)
    second = await seeded(house, few)
    assert second.keys() == first.keys()
    assert not set(second.values()) & set(first.values())


async def test_others_forget_a_persona_while_their_account_still_stands(house, few):
    ids = await seeded(house, few)
    token = await house.admin()
    met = []

    async def forget(user_id):
        met.append((await house.identity.persona(token, user_id)).persona.email)

    assert (await cleaned(house, few, forget=forget)).deleted == FEW
    assert met == sorted(ids)
    for user_id in ids.values():
        with pytest.raises(NotFoundError):
            await house.identity.persona(token, user_id)


async def test_who_could_not_be_forgotten_is_kept_to_try_again(house, few):
    ids = await seeded(house, few)
    told = []

    async def forget(user_id):
        if user_id == ids[BEN]:
            raise ServiceUnavailableError("the sync service does not answer")

    report = await cleaned(house, few, forget=forget, on_progress=lambda *news: told.append(news))
    assert report.deleted == (ANNA, MAYA)
    assert report.failed == {BEN: "the sync service does not answer"}
    assert f"{report!r}" == "<CleanupReport: 3 found, 2 deleted, 1 failed>"
    assert told == [(1, 3, ANNA), (2, 3, BEN), (3, 3, MAYA)]
    kept = await house.identity.login(BEN, persona_password(BEN, SECRET))
    assert kept.user.id == ids[BEN]
    assert (await house.identity.vault_status(kept.access_token)).vault_exists
    assert (await cleaned(house, few)).deleted == (BEN,)


async def test_whom_the_service_does_not_delete_is_reported_and_the_others_go(house, few):
    ids = await seeded(house, few)
    refuse_ben = refusing(f"{PERSONAS_PATH}/{ids[BEN]}", method="DELETE")
    async with through(house, refuse_ben) as (identity, _):
        report = await cleaned(house, few, identity)
    assert report.deleted == (ANNA, MAYA)
    assert report.failed == {BEN: "out of order today"}
    assert await standing(house) == {BEN}


async def test_who_vanished_in_the_meantime_does_not_stop_the_others(house, few):
    ids = await seeded(house, few)
    token = await house.admin()

    async def forget(user_id):
        if user_id == ids[BEN]:
            await house.identity.delete_persona(token, user_id)

    report = await cleaned(house, few, forget=forget)
    assert report.deleted == (ANNA, MAYA)
    assert report.failed == {BEN: "Not found"}
    assert await house.rows(PERSONAS) == []


async def test_without_an_administrators_token_nobody_goes(house, few):
    await seeded(house, few)
    human = await house.person(HUMAN)
    async with nothing_changes(house):
        with pytest.raises(ForbiddenError):
            await cleaned(house, few, admin_token=human.access_token)
        for token in ("nonsense", ""):
            with pytest.raises(UnauthenticatedError):
                await cleaned(house, few, admin_token=token)


async def test_a_list_that_cannot_be_had_is_an_error(house, few):
    await seeded(house, few)
    async with (
        nothing_changes(house),
        through(house, refusing(PERSONAS_PATH, method="GET")) as (
            identity,
            _,
        ),
    ):
        with pytest.raises(ServiceUnavailableError, match="out of order today"):
            await cleaned(house, few, identity)
