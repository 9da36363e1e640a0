"""Shared spaces: who makes them, who is what in them, and how one gets out."""

import asyncio
import random
from collections import Counter

import pytest
from identity_house import PASSWORD, SERVICE_KEY, bearer, persona

from mana_lab.errors import (
    ConflictError,
    ForbiddenError,
    LastOwnerError,
    ManaLabError,
    NotAMemberError,
    NotFoundError,
    PersonalSpaceError,
    SpaceExistsError,
)
from mana_lab.identity.server import spaces as server_spaces
from mana_lab.identity.server.schema import (
    INVITATIONS,
    MEMBERS,
    ORGANIZATIONS,
    SPACE_POLICIES,
    SPACE_POLICY_AUDIT,
)

SPACES = "/api/auth/organization"
TYPES = ("brand", "club", "family", "team", "practice")


@pytest.fixture
async def anna(house):
    return await house.person("anna@a.test", name="Anna")


@pytest.fixture
async def ben(house):
    return await house.person("ben@a.test", name="Ben")


@pytest.fixture
async def eve(house):
    return await house.person("eve@a.test", name="Eve")


async def create(house, login, **changes):
    body = {"name": "Our flat", "slug": "our-flat", "metadata": {"type": "family"}} | changes
    body = {name: value for name, value in body.items() if value is not None}
    return await house.http.post(f"{SPACES}/create", json=body, headers=bearer(login.access_token))


async def member_id(house, login, space, name):
    members = await house.identity.members(login.access_token, space)
    return next(each.id for each in members if each.user.name.lower() == name)


async def test_a_new_space_has_the_shape_that_better_auth_gives_it(house, anna):
    answer = await create(house, anna)
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {
        "id",
        "name",
        "slug",
        "logo",
        "createdAt",
        "metadata",
        "role",
        "members",
    }
    assert body["metadata"] == {"type": "family", "tier": "public"}
    (member,) = body["members"]
    assert (member["organizationId"], member["userId"]) == (body["id"], anna.user.id)
    assert (member["role"], member["user"]["email"]) == ("owner", "anna@a.test")


@pytest.mark.parametrize("kind", TYPES)
async def test_a_space_is_of_any_shared_type(house, anna, kind):
    made = await house.identity.create_space(anna.access_token, "Ours", "ours", kind)
    (_, listed) = await house.identity.spaces(anna.access_token)
    assert made == listed
    assert (made.type, made.role, made.slug) == (kind, "owner", "ours")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"type": "personal"},
        {"type": "Family"},
        {"type": None},
        {"type": ["family"]},
        {"type": "family", "tier": "founder"},
        {"type": "family", "role": "admin"},
        {"tier": "founder"},
    ],
)
async def test_a_space_without_a_shared_type_is_refused(house, anna, metadata):
    answer = await create(house, anna, metadata=metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, "space-metadata")
    assert answer.json()["code"] == "SPACE_METADATA_INVALID"
    assert len(await house.rows(ORGANIZATIONS)) == 2


@pytest.mark.parametrize("metadata", [None, "family", '{"type":"family"}', ["family"], 7])
async def test_metadata_that_are_no_object_are_refused(house, anna, metadata):
    assert (await create(house, anna, metadata=metadata)).status_code == 400


@pytest.mark.parametrize(
    "slug",
    ["", "Our-Flat", "our flat", "-flat", "flat-", "a--b", "flat/../x", "x" * 61, "flat\n", "ä"],
)
async def test_a_slug_is_made_of_small_letters_digits_and_hyphens(house, anna, slug):
    answer = await create(house, anna, slug=slug)
    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, "slug")


@pytest.mark.parametrize("slug", sorted(server_spaces.RESERVED))
async def test_a_slug_that_names_a_page_of_the_app_is_refused(house, anna, slug):
    assert (await create(house, anna, slug=slug)).status_code == 400


async def test_of_fifty_spaces_with_one_slug_at_once_one_is_made(house, anna, ben):
    answers = await asyncio.gather(
        *(create(house, login) for login in (anna, ben) for _ in range(25))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 49}
    refused = next(answer for answer in answers if answer.status_code == 400).json()
    assert (refused["error"], refused["code"]) == ("space-exists", "ORGANIZATION_ALREADY_EXISTS")
    assert len(await house.rows(MEMBERS)) == 4


async def test_the_slug_of_a_personal_space_is_taken_too(house, anna):
    with pytest.raises(SpaceExistsError):
        await house.identity.create_space(anna.access_token, "Mine", "anna", "team")
    await house.identity.create_space(anna.access_token, "Next", "paul", "team")
    paul = await house.person("paul@a.test")
    (space,) = await house.identity.spaces(paul.access_token)
    assert space.slug == "paul-2"


async def test_one_account_makes_a_hundred_spaces_and_no_more(house, anna, monkeypatch):
    monkeypatch.setattr(server_spaces, "MOST_SPACES", 3)
    for slug in ("one", "two"):
        await house.identity.create_space(anna.access_token, slug, slug, "team")
    with pytest.raises(ConflictError, match="3 spaces"):
        await house.identity.create_space(anna.access_token, "three", "three", "team")


async def test_members_see_one_another_and_strangers_see_nothing(house, anna, ben, eve):
    space = await house.team(anna, ben)
    for login in (anna, ben):
        assert await house.roles(login, space) == {"anna": "owner", "ben": "member"}
    for foreign in (space, "nowhere", "x" * 200, "' OR 1=1 --"):
        with pytest.raises(NotAMemberError) as refused:
            await house.identity.members(eve.access_token, foreign)
        assert refused.value.message == "you are not a member of that space, or there is none"


async def test_a_browser_with_its_cookie_uses_spaces_too(house, anna):
    login = {"email": anna.user.email, "password": PASSWORD}
    answer = await house.http.post("/api/v1/auth/login", json=login)
    house.http.cookies.clear()
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    page = {"Origin": house.config.issuer}
    body = {"name": "Ours", "slug": "ours", "metadata": {"type": "team"}}
    foreign = await house.http.post(f"{SPACES}/create", json=body, headers=cookie)
    assert (foreign.status_code, foreign.json()["error"]) == (403, "foreign-origin")
    made = await house.http.post(f"{SPACES}/create", json=body, headers=cookie | page)
    assert made.status_code == 200
    listed = await house.http.get(f"{SPACES}/list", headers=cookie)
    assert [space["slug"] for space in listed.json()] == ["anna", "ours"]


@pytest.mark.parametrize(
    ("actor", "target", "allowed"),
    [
        ("owner", "owner", True),
        ("owner", "admin", True),
        ("owner", "member", True),
        ("admin", "owner", False),
        ("admin", "admin", True),
        ("admin", "member", True),
        ("member", "owner", False),
        ("member", "admin", False),
        ("member", "member", False),
        ("stranger", "member", False),
        ("stranger", "owner", False),
    ],
)
async def test_who_may_remove_whom(house, anna, ben, eve, actor, target, allowed):
    people = [(ben, target)] if actor == "stranger" else [(ben, target), (eve, actor)]
    space = await house.team(anna, *people)
    before = await house.roles(anna, space)
    try:
        await house.identity.remove_member(eve.access_token, space, "ben@a.test")
    except ForbiddenError:
        assert not allowed
        assert await house.roles(anna, space) == before
    else:
        assert allowed
        assert "ben" not in await house.roles(anna, space)


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
@pytest.mark.parametrize("target", ["owner", "admin", "member"])
@pytest.mark.parametrize("actor", ["owner", "admin", "member", "stranger"])
async def test_who_may_make_whom_what(house, anna, ben, eve, actor, target, role):
    people = [(ben, target)] if actor == "stranger" else [(ben, target), (eve, actor)]
    space = await house.team(anna, *people)
    who = await member_id(house, anna, space, "ben")
    allowed = actor == "owner" or (actor == "admin" and "owner" not in (target, role))
    try:
        changed = await house.identity.change_role(eve.access_token, space, who, role)
    except ForbiddenError:
        assert not allowed
        assert (await house.roles(anna, space))["ben"] == target
    else:
        assert allowed
        assert changed.role == (await house.roles(anna, space))["ben"] == role


async def test_nobody_makes_themselves_more_than_they_are(house, anna, ben, eve):
    space = await house.team(anna, (ben, "admin"), eve)
    for login, name, roles in ((ben, "ben", ["owner"]), (eve, "eve", ["owner", "admin"])):
        own = await member_id(house, login, space, name)
        for role in roles:
            with pytest.raises(ForbiddenError):
                await house.identity.change_role(login.access_token, space, own, role)


async def test_the_last_owner_stays_one(house, anna, ben):
    space = await house.team(anna, (ben, "admin"))
    own = await member_id(house, anna, space, "anna")
    for attempt in (
        house.identity.leave_space(anna.access_token, space),
        house.identity.remove_member(anna.access_token, space, "anna@a.test"),
        house.identity.change_role(anna.access_token, space, own, "member"),
        house.identity.change_role(anna.access_token, space, own, "admin"),
    ):
        with pytest.raises(LastOwnerError):
            await attempt
    other = await member_id(house, anna, space, "ben")
    await house.identity.change_role(anna.access_token, space, other, "owner")
    await house.identity.leave_space(anna.access_token, space)
    assert await house.roles(ben, space) == {"ben": "owner"}


async def test_of_two_owners_who_leave_at_once_one_stays(house, anna, ben):
    space = await house.team(anna, (ben, "owner"))
    outcomes = await asyncio.gather(
        *(house.identity.leave_space(login.access_token, space) for login in (anna, ben)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["LastOwnerError", "NoneType"]
    assert [row.role for row in await house.rows(MEMBERS) if row.organization_id == space] == [
        "owner"
    ]


async def test_a_removed_member_loses_access_and_may_be_asked_again(house, anna, ben):
    space = await house.team(anna, ben)
    known = await house.identity.memberships(SERVICE_KEY, ben.user.id)
    assert {each.organization_id == space: each.others for each in known} == {True: 1, False: 0}
    await house.identity.remove_member(anna.access_token, space, "BEN@a.test")
    with pytest.raises(NotAMemberError):
        await house.identity.members(ben.access_token, space)
    assert [each.type for each in await house.identity.spaces(ben.access_token)] == ["personal"]
    assert len(await house.identity.memberships(SERVICE_KEY, ben.user.id)) == 1
    await house.come_in(anna, ben, space)
    assert await house.roles(ben, space) == {"anna": "owner", "ben": "member"}


async def test_who_is_not_there_cannot_be_removed(house, anna, ben, eve):
    space = await house.team(anna, ben)
    other = await house.team(eve, slug="other")
    foreign = await member_id(house, eve, other, "eve")
    for who in ("nobody", "eve@a.test", eve.user.id, foreign, "%", "' OR 1=1"):
        with pytest.raises(NotFoundError):
            await house.identity.remove_member(anna.access_token, space, who)
        with pytest.raises(NotFoundError):
            await house.identity.change_role(anna.access_token, space, who, "admin")
    assert await house.roles(eve, other) == {"eve": "owner"}


async def test_only_an_owner_deletes_a_space_and_all_that_hangs_on_it(house, anna, ben, eve):
    space = await house.team(anna, (ben, "admin"))
    await house.identity.invite(anna.access_token, space, "zoe@a.test")
    await house.identity.set_space_policy(
        anna.access_token, space, ["todo.purge"], acknowledged=True
    )
    for login in (ben, eve):
        with pytest.raises(ForbiddenError):
            await house.identity.delete_space(login.access_token, space)
    await house.identity.delete_space(anna.access_token, space)
    for login in (anna, ben):
        assert len(await house.identity.spaces(login.access_token)) == 1
    for table in (INVITATIONS, SPACE_POLICIES, SPACE_POLICY_AUDIT):
        assert await house.rows(table) == []
    with pytest.raises(NotAMemberError):
        await house.identity.delete_space(anna.access_token, space)


async def test_a_personal_space_is_neither_deleted_nor_left_nor_shared(house, anna):
    (own,) = await house.identity.spaces(anna.access_token)
    me = await member_id(house, anna, own.id, "anna")
    answer = await house.http.post(
        f"{SPACES}/delete", json={"organizationId": own.id}, headers=bearer(anna.access_token)
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "SPACE_PERSONAL_UNDELETABLE")
    for attempt in (
        house.identity.delete_space(anna.access_token, own.id),
        house.identity.leave_space(anna.access_token, own.id),
        house.identity.remove_member(anna.access_token, own.id, "anna@a.test"),
        house.identity.change_role(anna.access_token, own.id, me, "member"),
        house.identity.invite(anna.access_token, own.id, "ben@a.test"),
    ):
        with pytest.raises(PersonalSpaceError):
            await attempt
    assert [space.id for space in await house.identity.spaces(anna.access_token)] == [own.id]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_members_do_a_space_keeps_an_owner_and_its_order(house, seed):
    """A random history, checked against the rules in ten lines."""
    dice = random.Random(seed)
    people = {name: await house.person(f"{name}@a.test", name=name) for name in "abcd"}
    space = await house.team(*people.values())
    call = house.identity
    for _ in range(60):
        rows = [row for row in await house.rows(MEMBERS) if row.organization_id == space]
        roles = {row.user_id: row for row in rows}
        actor, target = (people[dice.choice("abcd")] for _ in range(2))
        role = dice.choice(["owner", "admin", "member"])
        mine = roles.get(actor.user.id)
        theirs = roles.get(target.user.id)
        deed = dice.choice(["remove", "role", "leave", "invite"])
        owners = sum(row.role == "owner" for row in roles.values())
        last = theirs is not None and theirs.role == "owner" and owners == 1
        power = mine is not None and (
            mine.role == "owner"
            or (mine.role == "admin" and not (theirs and theirs.role == "owner"))
        )
        if deed == "remove":
            allowed = theirs is not None and not last and (power or actor is target)
            work = call.remove_member(actor.access_token, space, target.user.email)
        elif deed == "role":
            allowed = theirs is not None and power and (role == "owner" or not last)
            allowed = allowed and (role != "owner" or mine.role == "owner")
            work = call.change_role(
                actor.access_token, space, theirs.id if theirs else "nobody", role
            )
        elif deed == "leave":
            allowed = mine is not None and not (mine.role == "owner" and owners == 1)
            work = call.leave_space(actor.access_token, space)
        else:
            allowed = mine is not None and theirs is None and mine.role != "member"
            allowed = allowed and (mine.role == "owner" or role != "owner")
            work = house.come_in(actor, target, space, role)
        try:
            await work
        except ManaLabError:
            assert not allowed, deed
        else:
            assert allowed, deed
        left = [row.role for row in await house.rows(MEMBERS) if row.organization_id == space]
        assert "owner" in left


async def seeded(house, *names):
    people = {}
    for name in names:
        made = await house.identity.upsert_persona(await house.admin(), persona(name))
        people[name] = (made.user_id, await house.identity.login(f"{name}@mana.test", PASSWORD))
    return people


@pytest.mark.parametrize(
    ("others", "heir"),
    [
        ([("ben", "member"), ("maya", "admin"), ("paul", "admin")], "maya"),
        ([("ben", "member"), ("maya", "member")], "ben"),
        ([("ben", "admin"), ("maya", "owner")], None),
    ],
)
async def test_a_space_whose_owner_is_deleted_goes_to_who_stays(house, others, heir):
    people = await seeded(house, "anna", "ben", "maya", "paul")
    anna = people["anna"][1]
    space = await house.team(anna)
    for name, role in others:
        house.clock.advance(60)
        await house.come_in(anna, people[name][1], space, role)
    await house.identity.invite(anna.access_token, space, "kai@mana.test")
    await house.identity.set_space_policy(
        anna.access_token, space, ["todo.purge"], acknowledged=True
    )
    await house.identity.delete_persona(await house.admin(), people["anna"][0])
    expected = dict(others) | ({heir: "owner"} if heir else {})
    stays = people[others[0][0]][1]
    assert await house.roles(stays, space) == expected
    (entry,) = await house.identity.space_policy_audit(stays.access_token, space)
    assert entry.actor is None
    assert await house.rows(INVITATIONS) == []


async def test_a_space_with_nobody_left_is_deleted(house):
    people = await seeded(house, "anna", "ben")
    space = await house.team(people["anna"][1], people["ben"][1])
    await house.identity.invite(people["anna"][1].access_token, space, "kai@mana.test")
    for user_id, _ in people.values():
        await house.identity.delete_persona(await house.admin(), user_id)
    assert [row.slug for row in await house.rows(ORGANIZATIONS)] == ["operator"]
    assert await house.rows(INVITATIONS) == []


async def test_invitations_to_a_deleted_account_go_with_it(house, anna):
    people = await seeded(house, "ben")
    space = await house.team(anna)
    await house.identity.invite(anna.access_token, space, "ben@mana.test")
    await house.identity.delete_persona(await house.admin(), people["ben"][0])
    assert await house.identity.invitations(anna.access_token, space) == []


async def test_a_space_that_a_member_is_deleted_from_stays_its_owners(house, anna):
    people = await seeded(house, "ben")
    space = await house.team(anna, (people["ben"][1], "admin"))
    await house.identity.delete_persona(await house.admin(), people["ben"][0])
    assert await house.roles(anna, space) == {"anna": "owner"}


async def test_a_thousand_guessed_ids_open_no_space(house, anna, eve):
    space = await house.team(anna)
    own = await house.team(eve, slug="eves")
    token = eve.access_token
    me = await member_id(house, anna, space, "anna")
    deeds = [
        lambda guess: house.identity.members(token, guess),
        lambda guess: house.identity.leave_space(token, guess),
        lambda guess: house.identity.delete_space(token, guess),
        lambda guess: house.identity.remove_member(token, guess, me),
        lambda guess: house.identity.change_role(token, guess, me, "member"),
        lambda guess: house.identity.invite(token, guess, "eve@a.test"),
        lambda guess: house.identity.invitations(token, guess),
        lambda guess: house.identity.set_space_policy(token, guess, []),
        lambda guess: house.identity.space_policy(token, guess),
        lambda guess: house.identity.accept_invitation(token, guess),
    ]
    before = await house.rows(MEMBERS)
    dice = random.Random(1)
    guesses = [space, anna.user.id, me, *(f"{dice.getrandbits(190):032x}" for _ in range(97))]
    outcomes = await asyncio.gather(
        *(deed(guess) for guess in guesses for deed in deeds), return_exceptions=True
    )
    assert {type(each) for each in outcomes} <= {NotAMemberError, NotFoundError}
    assert len(outcomes) == 1000
    assert await house.rows(MEMBERS) == before
    assert await house.roles(eve, own) == {"eve": "owner"}
