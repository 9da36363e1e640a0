"""Seeding many at once, seeding again, and seeding where something gives trouble."""

import asyncio

import httpx
import pytest
from identity_house import PASSWORD
from personas_house import (
    ANNA,
    BEN,
    LOGIN_PATH,
    PERSONAS_PATH,
    SECRET,
    VAULT_PATH,
    refusing,
    through,
)

from mana_lab.errors import InvalidInputError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server.schema import (
    ACCOUNTS,
    MEMBERS,
    ORGANIZATIONS,
    PERSONAS,
    USERS,
    VAULTS,
)
from mana_lab.personas import Catalog, persona_password, plan_seed, seed

PATIENCE = 30
"""Seconds after which a test that waits for what never comes gives up."""


async def seeded(house, catalog, identity=None, **more):
    options = {"admin_token": await house.admin(), "secret": SECRET} | more
    return await seed(catalog, identity or house.identity, **options)


async def signed_in(house, persona):
    return await house.identity.login(persona.email, persona_password(persona.email, SECRET))


async def everything(house):
    """Return what seeding may add to, but for the records that it brings up to date."""
    tables = (USERS, ACCOUNTS, ORGANIZATIONS, MEMBERS, VAULTS)
    return {table.name: sorted(map(str, await house.rows(table))) for table in tables}


async def test_the_service_knows_of_a_persona_what_the_catalog_says(house, catalog):
    report = await seeded(house, catalog)
    assert report.count("created") == len(catalog)
    assert len(await house.rows(PERSONAS)) == len(await house.rows(VAULTS)) == len(catalog)
    token = await house.admin()
    for outcome in report.outcomes:
        kept = (await house.identity.persona(token, outcome.user_id)).persona.model_dump()
        assert kept.items() >= outcome.persona.model_dump().items()


async def test_everybody_can_sign_in_and_has_an_open_vault_and_a_space(house, catalog):
    report = await seeded(house, catalog)
    assert f"{report!r}" == "<SeedReport: 10 created, 5 spaces shared>"
    for outcome in report.outcomes:
        login = await signed_in(house, outcome.persona)
        assert (login.user.id, login.user.kind) == (outcome.user_id, "persona")
        status = await house.identity.vault_status(login.access_token)
        assert (status.vault_exists, status.zero_knowledge) == (True, False)
        space, _shared = await house.identity.spaces(login.access_token)
        assert (space.name, space.type, space.role) == (outcome.persona.name, "personal", "owner")


async def test_seeding_again_leaves_accounts_spaces_and_vault_keys_as_they_are(house, catalog):
    first = await seeded(house, catalog)
    before = await everything(house)
    house.clock.advance(3600)
    again = await seeded(house, catalog)
    assert again.count("updated") == len(catalog)
    assert [each.user_id for each in again.outcomes] == [each.user_id for each in first.outcomes]
    assert await everything(house) == before


async def test_two_seedings_at_once_make_each_persona_once(house, catalog):
    reports = await asyncio.gather(*(seeded(house, catalog) for _ in range(2)))
    assert [each.failed for each in reports] == [(), ()]
    assert sum(each.count("created") for each in reports) == len(catalog)
    assert sum(each.count("updated") for each in reports) == len(catalog)
    for table in (PERSONAS, VAULTS):
        assert len(await house.rows(table)) == len(catalog)


async def test_a_catalog_that_changed_changes_the_record_and_not_the_account(house, few):
    await seeded(house, few)
    before = (await signed_in(house, few[0])).user
    changes = {"archetype": "solo-dev", "module_mix": {"notes": 2.0}, "tick_cadence": "hourly"}
    report = await seeded(house, Catalog([few[0].model_copy(update=changes), *few[1:]]))
    assert report.count("updated") == len(few)
    kept = await house.identity.persona(await house.admin(), before.id)
    assert kept.persona.model_dump().items() >= changes.items()
    assert (await signed_in(house, few[0])).user == before


@pytest.mark.parametrize("concurrency", [2, 4, 10])
async def test_the_outcomes_stand_in_the_catalogs_order_whoever_is_ready_first(
    house, catalog, concurrency
):
    others_are_done = asyncio.Event()
    told = []

    async def hold_anna(request):
        if request.path == PERSONAS_PATH and request.body["email"] == ANNA:
            await others_are_done.wait()

    def listen(*news):
        told.append(news)
        if len(told) == len(catalog) - 1:
            others_are_done.set()

    async with asyncio.timeout(PATIENCE), through(house, hold_anna) as (identity, _):
        report = await seeded(house, catalog, identity, concurrency=concurrency, on_progress=listen)
    assert [each.persona for each in report.outcomes] == list(catalog)
    assert [(done, total) for done, total, _ in told] == [(n, 10) for n in range(1, 11)]
    assert told[-1] == (10, 10, "Anna")
    assert {name for _, _, name in told} == {persona.name for persona in catalog}


async def test_one_at_a_time_goes_through_the_catalog_from_top_to_bottom(house, catalog):
    told = []
    async with through(house) as (identity, door):
        await seeded(
            house,
            catalog,
            identity,
            concurrency=1,
            on_progress=lambda done, total, name: told.append((done, total, name)),
        )
    assert told == [(n, 10, persona.name) for n, persona in enumerate(catalog, start=1)]
    asked = [request.path for request in door.seen]
    assert asked[:30] == [PERSONAS_PATH, LOGIN_PATH, VAULT_PATH] * 10
    assert all(path.startswith("/api/auth/organization/") for path in asked[30:])


@pytest.mark.parametrize("bound", [1, 3, 10, None])
async def test_as_many_personas_are_worked_on_at_a_time_as_wanted_and_no_more(
    house, catalog, bound
):
    wanted = bound or 8
    come = 0
    all_come = asyncio.Event()

    async def wait_for_the_others(request):
        nonlocal come
        if request.path == PERSONAS_PATH:
            come += 1
            if come == wanted:
                all_come.set()
            await all_come.wait()

    options = {"concurrency": bound} if bound else {}
    async with asyncio.timeout(PATIENCE), through(house, wait_for_the_others) as (identity, door):
        report = await seeded(house, catalog, identity, **options)
    assert report.count("created") == len(catalog)
    assert door.most_in_flight == wanted
    assert door.most_begun == wanted


@pytest.mark.parametrize("concurrency", [0, -1])
async def test_a_concurrency_below_one_is_refused_before_anybody_is_asked(
    house, catalog, concurrency
):
    async with asyncio.timeout(PATIENCE), through(house) as (identity, door):
        with pytest.raises(InvalidInputError, match=f"at least 1, got {concurrency}"):
            await seeded(house, catalog, identity, concurrency=concurrency)
    assert door.seen == []


@pytest.mark.parametrize("concurrency", [1, 4, 10])
async def test_who_the_service_refuses_does_not_stop_the_others(house, catalog, concurrency):
    told = []
    async with through(house, refusing(PERSONAS_PATH, email=BEN)) as (identity, _):
        report = await seeded(
            house,
            catalog,
            identity,
            concurrency=concurrency,
            on_progress=lambda *news: told.append(news),
        )
    (ben,) = report.failed
    assert (ben.persona.email, ben.user_id, ben.error) == (BEN, None, "out of order today")
    assert report.outcomes[1] is ben
    assert report.count("created") == 9
    assert f"{report!r}" == (
        "<SeedReport: 9 created, 1 failed (Ben), 4 spaces shared, 1 not (Anna and Ben's flat)>"
    )
    assert told[-1][:2] == (10, 10)
    assert BEN not in [row.email for row in await house.rows(USERS)]
    again = await seeded(house, catalog)
    assert f"{again!r}" == "<SeedReport: 1 created, 9 updated, 5 spaces shared>"


async def test_who_cannot_sign_in_is_listed_with_the_account_that_was_made(house, few):
    async with through(house, refusing(LOGIN_PATH, email=BEN)) as (identity, _):
        report = await seeded(house, few, identity)
    (ben,) = report.failed
    (row,) = [row for row in await house.rows(USERS) if row.email == BEN]
    assert (ben.user_id, ben.error) == (row.id, "out of order today")
    assert len(await house.rows(VAULTS)) == 2


async def test_a_vault_that_cannot_be_opened_is_a_failure(house, few):
    async with through(house, refusing(VAULT_PATH)) as (identity, _):
        report = await seeded(house, few, identity)
    assert [each.error for each in report.failed] == ["out of order today"] * 3
    assert f"{report!r}" == "<SeedReport: 3 failed (Anna, Ben, Maya)>"
    assert await house.rows(VAULTS) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "An\nna"}, "name"),
        ({"language": "en" + "-aaaaaaaa" * 5}, "language"),
        ({"module_mix": {"a" * 61: 1.0}}, "moduleMix"),
    ],
    ids=["no-name", "two-lines", "language", "module"],
)
async def test_a_persona_whom_no_request_can_carry_does_not_stop_the_others(
    house, few, change, field
):
    odd = few[0].model_copy(update=change)
    report = await seeded(house, Catalog([odd, *few[1:]]))
    (failed,) = report.failed
    assert (failed.persona, failed.user_id) == (odd, None)
    assert failed.error.startswith(f"{field} is not what the service takes (")
    assert persona_password(ANNA, SECRET) not in failed.error
    assert report.count("created") == 2


async def test_a_human_with_a_personas_address_stays_as_they_are(house, few):
    human = await house.person(ANNA, name="Anna Human")
    key = await house.identity.vault_init(human.access_token)
    before = await everything(house)
    report = await seeded(house, few)
    (anna,) = report.failed
    assert (anna.persona.email, anna.user_id) == (ANNA, None)
    assert anna.error == "the address is a person's account, not a persona's"
    again = await house.identity.login(ANNA, PASSWORD)
    assert again.user == human.user
    assert await house.identity.vault_key(again.access_token) == key
    after = await everything(house)
    assert all(set(after[name]) >= set(before[name]) for name in before)


async def test_a_failed_change_of_the_secret_leaves_the_first_password(house, few):
    first = await seeded(house, few)
    report = await seeded(house, few, secret="another secret")
    assert [each.user_id for each in report.failed] == [each.user_id for each in first.outcomes]
    assert {each.error for each in report.failed} == {
        "the account has another password; was it seeded with another seed secret?"
    }
    for persona in few:
        assert (await signed_in(house, persona)).user.email == persona.email


async def test_where_nobody_listens_everybody_fails_with_the_reason(house, few, free_tcp_port):
    async with httpx.AsyncClient() as http:
        nowhere = IdentityClient(f"http://127.0.0.1:{free_tcp_port}", http)
        report = await seeded(house, few, nowhere)
    assert [each.persona for each in report.failed] == list(few)
    assert {each.error for each in report.failed} == {
        "the identity service cannot be reached (ConnectError)"
    }


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", ""])
async def test_a_token_that_is_not_taken_fails_everybody_with_advice(house, few, token):
    report = await seeded(house, few, admin_token=token)
    assert [each.persona for each in report.failed] == list(few)
    for outcome in report.outcomes:
        assert outcome.user_id is None
        assert outcome.error.startswith("the administrator's token is not taken; sign in again (")
    assert await house.rows(PERSONAS) == []


async def test_a_token_that_is_no_administrators_fails_everybody_and_says_so(house, few):
    ordinary = (await house.person("human@example.test")).access_token
    before = await everything(house)
    report = await seeded(house, few, admin_token=ordinary)
    assert [each.persona for each in report.failed] == list(few)
    for outcome in report.outcomes:
        assert outcome.error.startswith("the token is not an administrator's (")
    assert await everything(house) == before


def test_a_plan_lists_everybody_in_order_without_an_account(catalog):
    plan = plan_seed(catalog)
    assert [each.persona for each in plan.outcomes] == list(catalog)
    assert {(each.user_id, each.result, each.error) for each in plan.outcomes} == {
        (None, "planned", None)
    }
    assert plan.failed == ()
    assert {each.result for each in plan.spaces} == {"planned"}
    assert f"{plan!r}" == "<SeedReport: 10 planned, 5 spaces to share>"


async def test_a_report_never_shows_a_password(house, few):
    report = await seeded(house, few)
    shown = f"{report!r} {report.outcomes!r}"
    assert not any(persona_password(persona.email, SECRET) in shown for persona in few)
