"""How personas come to share spaces, whatever stands there already."""

import asyncio
from datetime import timedelta

import pytest
from identity_house import PASSWORD
from personas_house import ANNA, BEN, MAYA, SECRET, refusing, through

from mana_lab.identity.server.schema import INVITATIONS, MEMBERS, ORGANIZATIONS
from mana_lab.personas import Catalog, cleanup, load_catalog, persona_password, seed

SPACES = "/api/auth/organization"
PATIENCE = 30


@pytest.fixture
def pair() -> Catalog:
    """Return Anna and Ben, who share a flat."""
    catalog = load_catalog()
    return Catalog([catalog.get("anna"), catalog.get("ben")], catalog.spaces[:1])


@pytest.fixture
def three() -> Catalog:
    """Return three personas in one space."""
    catalog = load_catalog()
    people = [catalog.get(name) for name in ("anna", "ben", "maya")]
    flat = catalog.spaces[0].model_copy(update={"members": ("Anna", "Ben", "Maya")})
    return Catalog(people, [flat])


async def seeded(house, catalog, identity=None, **more):
    options = {"admin_token": await house.admin(), "secret": SECRET} | more
    return await seed(catalog, identity or house.identity, **options)


async def token_of(house, email):
    return (await house.identity.login(email, persona_password(email, SECRET))).access_token


async def shared(house):
    """Return who is what in which shared space, by slugs and addresses."""
    known = await house.identity.personas(await house.admin())
    emails = {each.user_id: each.email for each in known}
    spaces = {row.id: row for row in await house.rows(ORGANIZATIONS)}
    found = {}
    for row in await house.rows(MEMBERS):
        space = spaces[row.organization_id]
        if space.metadata["type"] != "personal":
            found.setdefault(space.slug, {})[emails.get(row.user_id, "human")] = row.role
    return found


async def everything(house):
    tables = (ORGANIZATIONS, MEMBERS, INVITATIONS)
    return {table.name: sorted(map(str, await house.rows(table))) for table in tables}


async def test_the_five_pairs_share_their_spaces(house):
    catalog = load_catalog()
    report = await seeded(house, catalog)
    assert {each.result for each in report.spaces} == {"created"}
    assert [each.space for each in report.spaces] == list(catalog.spaces)
    expected = {}
    for space in catalog.spaces:
        first, second = catalog.members_of(space)
        expected[space.slug] = {first.email: "owner", second.email: "member"}
    assert await shared(house) == expected
    for outcome in report.spaces:
        for persona in catalog.members_of(outcome.space):
            spaces = await house.identity.spaces(await token_of(house, persona.email))
            found = next(each for each in spaces if each.id == outcome.space_id)
            assert (found.name, found.type) == (outcome.space.name, outcome.space.type)


async def test_they_come_in_by_invitation(house, pair):
    async with through(house) as (identity, door):
        await seeded(house, pair, identity)
    asked = [request.path.rpartition("/")[2] for request in door.seen if SPACES in request.path]
    assert asked == [
        "list",
        "list",
        "create",
        "list-user-invitations",
        "invite-member",
        "accept-invitation",
    ]
    (invitation,) = await house.rows(INVITATIONS)
    assert (invitation.email, invitation.status) == (BEN, "accepted")


async def test_seeding_again_changes_nothing(house):
    catalog = load_catalog()
    await seeded(house, catalog)
    before = await everything(house)
    house.clock.advance(timedelta(days=30))
    for _ in range(2):
        again = await seeded(house, catalog)
        assert {each.result for each in again.spaces} == {"unchanged"}
    assert await everything(house) == before


@pytest.mark.parametrize("at_once", [2, 6])
async def test_seedings_at_the_same_time_make_each_space_once(house, three, at_once):
    reports = await asyncio.gather(*(seeded(house, three) for _ in range(at_once)))
    for report in reports:
        assert (report.failed, report.failed_spaces) == ((), ())
    assert await shared(house) == {"anna-and-ben": {ANNA: "owner", BEN: "member", MAYA: "member"}}
    assert len(await house.rows(MEMBERS)) == 4 + 3


async def as_anna(house):
    return await token_of(house, ANNA)


async def nothing(_house):
    pass


async def only_made(house):
    await house.identity.create_space(await as_anna(house), "Flat", "anna-and-ben", "family")


async def invited(house):
    token = await as_anna(house)
    space = await house.identity.create_space(token, "Flat", "anna-and-ben", "family")
    await house.identity.invite(token, space.id, BEN)


async def invited_long_ago(house):
    await invited(house)
    house.clock.advance(timedelta(days=3))


async def turned_down(house):
    await invited(house)
    token = await token_of(house, BEN)
    (asked,) = await house.identity.own_invitations(token)
    await house.identity.reject_invitation(token, asked.id)


async def made_by_the_other(house):
    token = await token_of(house, BEN)
    await house.identity.create_space(token, "Flat", "anna-and-ben", "family")


async def thrown_out(house):
    await invited(house)
    token, anna = await token_of(house, BEN), await as_anna(house)
    (asked,) = await house.identity.own_invitations(token)
    answer = await house.identity.accept_invitation(token, asked.id)
    await house.identity.remove_member(anna, answer.invitation.organization_id, BEN)


async def owner_deleted(house):
    await invited(house)
    token = await token_of(house, BEN)
    (asked,) = await house.identity.own_invitations(token)
    await house.identity.accept_invitation(token, asked.id)
    for user in await house.identity.personas(await house.admin()):
        if user.email == ANNA:
            await house.identity.delete_persona(await house.admin(), user.user_id)


@pytest.mark.parametrize(
    "state",
    [
        nothing,
        only_made,
        invited,
        invited_long_ago,
        turned_down,
        made_by_the_other,
        thrown_out,
        owner_deleted,
    ],
)
async def test_what_is_half_built_is_completed(house, pair, state):
    await seeded(house, Catalog(list(pair)))
    await state(house)
    report = await seeded(house, pair)
    (outcome,) = report.spaces
    assert outcome.result == ("created" if state is nothing else "completed"), outcome.error
    (members,) = (await shared(house)).values()
    assert set(members) == {ANNA, BEN}
    assert list(members.values()).count("owner") == 1
    assert (await seeded(house, pair)).spaces[0].result == "unchanged"


async def test_every_step_that_fails_is_made_good_by_the_next_seeding(house, three):
    for step in ("list", "create", "invite-member", "list-user-invitations", "accept-invitation"):
        method = "GET" if step.startswith("list") else "POST"
        async with through(house, refusing(f"{SPACES}/{step}", method=method)) as (identity, _):
            report = await seeded(house, three, identity)
        assert report.failed == ()
        (outcome,) = report.spaces
        assert (outcome.result, outcome.error) == ("failed", "out of order today")
    (outcome,) = (await seeded(house, three)).spaces
    assert outcome.result == "completed"
    assert len((await shared(house))["anna-and-ben"]) == 3


async def test_a_member_who_could_not_be_seeded_is_named(house):
    catalog = load_catalog()
    async with through(house, refusing("/api/v1/admin/personas", email=BEN)) as (identity, _):
        report = await seeded(house, catalog, identity)
    (failed,) = report.failed_spaces
    assert (failed.space.slug, failed.error) == ("anna-and-ben", "Ben could not be seeded")
    assert len(await shared(house)) == 4
    again = await seeded(house, catalog)
    assert [each.result for each in again.spaces] == ["created"] + ["unchanged"] * 4


async def test_a_slug_that_somebody_else_has_is_named(house, pair):
    await house.team(await house.person("human@a.test"), slug="anna-and-ben")
    report = await seeded(house, pair)
    (failed,) = report.failed_spaces
    assert failed.error == "there is a space with this slug; choose another"
    assert "1 not (Anna and Ben's flat)" in repr(report)


async def test_a_space_of_another_type_is_left_alone_and_named(house, pair):
    await seeded(house, Catalog(list(pair)))
    await house.identity.create_space(await as_anna(house), "Work", "anna-and-ben", "team")
    before = await everything(house)
    (failed,) = (await seeded(house, pair)).failed_spaces
    assert "a team space with the slug 'anna-and-ben'" in failed.error
    assert await everything(house) == before


async def test_a_space_where_no_persona_may_invite_is_named(house, pair):
    await seeded(house, Catalog(list(pair)))
    human = await house.person("human@a.test")
    space = await house.team(human, slug="anna-and-ben", kind="family")
    anna = await house.identity.login(ANNA, persona_password(ANNA, SECRET))
    await house.come_in(human, anna, space)
    (failed,) = (await seeded(house, pair)).failed_spaces
    assert "belongs to somebody else" in failed.error


async def test_a_human_who_shares_the_space_stays_in_it(house, pair):
    await seeded(house, pair)
    human = await house.person("human@a.test")
    anna = await house.identity.login(ANNA, persona_password(ANNA, SECRET))
    _, space = await house.identity.spaces(anna.access_token)
    await house.come_in(anna, human, space.id, "admin")
    assert (await seeded(house, pair)).spaces[0].result == "unchanged"
    await cleanup(house.identity, admin_token=await house.admin(), catalog=pair, delete=True)
    assert await house.roles(human, space.id) == {"human": "owner"}


async def test_cleaning_up_removes_the_spaces_too(house):
    catalog = load_catalog()
    before = await everything(house)
    await seeded(house, catalog)
    report = await cleanup(
        house.identity, admin_token=await house.admin(), catalog=catalog, delete=True
    )
    assert len(report.deleted) == 10
    assert await everything(house) == before


async def test_who_remains_after_half_a_cleanup_has_the_space(house, pair):
    await seeded(house, pair)
    only_anna = Catalog([pair.get("anna")])
    await cleanup(house.identity, admin_token=await house.admin(), catalog=only_anna, delete=True)
    assert await shared(house) == {"anna-and-ben": {BEN: "owner"}}


async def test_a_catalog_without_spaces_shares_none(house, pair):
    report = await seeded(house, Catalog(list(pair)))
    assert report.spaces == ()
    assert await shared(house) == {}
    assert PASSWORD not in repr(report)
