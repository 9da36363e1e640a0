"""Invitations: for one address, for 48 hours, for one use."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from identity_house import PASSWORD, bearer

from mana_lab.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    InvitationClosedError,
    NotAMemberError,
    NotFoundError,
)
from mana_lab.identity.server import invitations as server_invitations
from mana_lab.identity.server.schema import INVITATIONS, MEMBERS

SPACES = "/api/auth/organization"


@pytest.fixture
async def anna(house):
    return await house.person("anna@a.test", name="Anna")


@pytest.fixture
async def ben(house):
    return await house.person("ben@a.test", name="Ben")


@pytest.fixture
async def eve(house):
    return await house.person("eve@a.test", name="Eve")


@pytest.fixture
async def flat(house, anna):
    space = await house.identity.create_space(anna.access_token, "Our flat", "our-flat", "family")
    return space.id


async def post(house, login, action, **body):
    return await house.http.post(
        f"{SPACES}/{action}", json=body, headers=bearer(login.access_token)
    )


async def test_an_invitation_has_the_shape_that_better_auth_gives_it(house, anna, ben, flat):
    answer = await post(
        house, anna, "invite-member", organizationId=flat, email="Ben@a.test", role="member"
    )
    asked = answer.json()
    assert asked == {
        "id": asked["id"],
        "organizationId": flat,
        "email": "ben@a.test",
        "role": "member",
        "status": "pending",
        "expiresAt": "2026-01-07T00:00:00Z",
        "createdAt": "2026-01-05T00:00:00Z",
        "inviterId": anna.user.id,
    }
    shown = await house.http.get(
        f"{SPACES}/get-invitation", params={"id": asked["id"]}, headers=bearer(ben.access_token)
    )
    assert shown.json() == asked | {
        "organizationName": "Our flat",
        "organizationSlug": "our-flat",
        "inviterEmail": "anna@a.test",
    }
    accepted = (await post(house, ben, "accept-invitation", invitationId=asked["id"])).json()
    assert accepted["invitation"] == asked | {"status": "accepted"}
    assert (accepted["member"]["userId"], accepted["member"]["role"]) == (ben.user.id, "member")
    assert await house.roles(ben, flat) == {"anna": "owner", "ben": "member"}


async def test_both_sides_see_what_is_open(house, anna, ben, eve, flat):
    asked = await house.identity.invite(anna.access_token, flat, "ben@a.test", "admin")
    assert await house.identity.invitations(anna.access_token, flat) == [asked]
    assert await house.identity.own_invitations(ben.access_token) == [asked]
    assert (await house.identity.invitation(ben.access_token, asked.id)).inviter_email
    assert await house.identity.own_invitations(eve.access_token) == []
    with pytest.raises(NotAMemberError):
        await house.identity.invitations(eve.access_token, flat)
    await house.identity.accept_invitation(ben.access_token, asked.id)
    assert await house.identity.own_invitations(ben.access_token) == []
    (answered,) = await house.identity.invitations(ben.access_token, flat)
    assert answered.status == "accepted"


async def test_an_invitation_is_only_for_the_address_it_names(house, anna, ben, eve, flat):
    asked = await house.identity.invite(anna.access_token, flat, "ben@a.test")
    for login in (eve, anna):
        for attempt in (
            house.identity.accept_invitation(login.access_token, asked.id),
            house.identity.reject_invitation(login.access_token, asked.id),
            house.identity.invitation(login.access_token, asked.id),
        ):
            with pytest.raises(NotFoundError) as refused:
                await attempt
            assert refused.value.message == "there is no such invitation, or it is not for you"
    with pytest.raises(NotFoundError):
        await house.identity.cancel_invitation(eve.access_token, asked.id)
    assert await house.roles(anna, flat) == {"anna": "owner"}
    assert (await house.identity.accept_invitation(ben.access_token, asked.id)).member


async def test_somebody_may_be_invited_before_they_sign_up(house, anna, flat):
    await house.identity.invite(anna.access_token, flat, "ZOE@a.test")
    zoe = await house.person("zoe@a.test")
    (asked,) = await house.identity.own_invitations(zoe.access_token)
    await house.identity.accept_invitation(zoe.access_token, asked.id)
    assert await house.roles(zoe, flat) == {"anna": "owner", "zoe": "member"}


async def test_whether_an_address_has_an_account_is_not_told(house, anna, flat, eve):
    answers = []
    for email in (eve.user.email, "nobody@a.test"):
        asked = await post(
            house, anna, "invite-member", organizationId=flat, email=email, role="member"
        )
        answers.append((asked.status_code, asked.json() | {"id": "", "email": ""}))
    assert answers[0] == answers[1]


async def test_an_invitation_is_good_for_48_hours(house, anna, ben, flat):
    asked = await house.identity.invite(anna.access_token, flat, "ben@a.test")
    house.clock.advance(timedelta(hours=48))
    ben = await house.identity.login(ben.user.email, PASSWORD)
    anna = await house.identity.login(anna.user.email, PASSWORD)
    for answer in (house.identity.accept_invitation, house.identity.reject_invitation):
        with pytest.raises(InvitationClosedError, match="48 hours"):
            await answer(ben.access_token, asked.id)
    assert await house.identity.own_invitations(ben.access_token) == []
    again = await house.identity.invite(anna.access_token, flat, "ben@a.test")
    with pytest.raises(InvitationClosedError):
        await house.identity.accept_invitation(ben.access_token, asked.id)
    house.clock.advance(timedelta(hours=48) - timedelta(seconds=1))
    ben = await house.identity.login(ben.user.email, PASSWORD)
    await house.identity.accept_invitation(ben.access_token, again.id)


async def test_of_fifty_who_accept_at_once_one_comes_in(house, anna, ben, flat):
    asked = await house.identity.invite(anna.access_token, flat, "ben@a.test")
    outcomes = await asyncio.gather(
        *(house.identity.accept_invitation(ben.access_token, asked.id) for _ in range(50)),
        return_exceptions=True,
    )
    assert Counter(type(each).__name__ for each in outcomes) == {
        "Answered": 1,
        "InvitationClosedError": 49,
    }
    assert len([row for row in await house.rows(MEMBERS) if row.user_id == ben.user.id]) == 2


async def test_of_fifty_answers_at_once_one_counts(house, anna, ben, flat):
    asked = await house.identity.invite(anna.access_token, flat, "ben@a.test")
    tries = [
        deed
        for _ in range(17)
        for deed in (
            house.identity.accept_invitation(ben.access_token, asked.id),
            house.identity.reject_invitation(ben.access_token, asked.id),
            house.identity.cancel_invitation(anna.access_token, asked.id),
        )
    ]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    done = [each for each in outcomes if not isinstance(each, Exception)]
    assert len(done) == 1
    (row,) = await house.rows(INVITATIONS)
    assert ("ben" in await house.roles(anna, flat)) == (row.status == "accepted")


async def test_of_fifty_invitations_of_one_address_at_once_one_is_made(house, anna, flat):
    outcomes = await asyncio.gather(
        *(house.identity.invite(anna.access_token, flat, "ben@a.test") for _ in range(50)),
        return_exceptions=True,
    )
    assert Counter(type(each).__name__ for each in outcomes) == {
        "Invitation": 1,
        "ConflictError": 49,
    }


async def test_what_was_turned_down_or_taken_back_cannot_be_accepted(house, anna, ben, flat):
    for answer, login in (("reject_invitation", ben), ("cancel_invitation", anna)):
        asked = await house.identity.invite(anna.access_token, flat, "ben@a.test")
        await getattr(house.identity, answer)(login.access_token, asked.id)
        for late in ("accept_invitation", "reject_invitation"):
            with pytest.raises(InvitationClosedError):
                await getattr(house.identity, late)(ben.access_token, asked.id)
        with pytest.raises(InvitationClosedError):
            await house.identity.cancel_invitation(anna.access_token, asked.id)
    states = {each.status for each in await house.identity.invitations(anna.access_token, flat)}
    assert states == {"rejected", "canceled"}


@pytest.mark.parametrize(
    ("who", "role", "allowed"),
    [
        ("owner", "owner", True),
        ("owner", "admin", True),
        ("owner", "member", True),
        ("admin", "owner", False),
        ("admin", "admin", True),
        ("admin", "member", True),
        ("member", "member", False),
        ("member", "owner", False),
        ("stranger", "member", False),
    ],
)
async def test_who_may_ask_whom_in(house, anna, ben, flat, who, role, allowed):
    if who != "stranger":
        await house.come_in(anna, ben, flat, who)
    try:
        asked = await house.identity.invite(ben.access_token, flat, "zoe@a.test", role)
    except ForbiddenError:
        assert not allowed
        assert not [row for row in await house.rows(INVITATIONS) if row.email == "zoe@a.test"]
    else:
        assert allowed
        assert asked.role == role


async def test_a_member_does_not_take_invitations_back(house, anna, ben, flat):
    await house.come_in(anna, ben, flat)
    asked = await house.identity.invite(anna.access_token, flat, "zoe@a.test")
    with pytest.raises(ForbiddenError):
        await house.identity.cancel_invitation(ben.access_token, asked.id)


async def test_who_is_in_already_cannot_be_invited(house, anna, ben, flat):
    await house.come_in(anna, ben, flat)
    for email in ("ben@a.test", "BEN@a.test", "anna@a.test"):
        with pytest.raises(ConflictError):
            await house.identity.invite(anna.access_token, flat, email)


@pytest.mark.parametrize("way", ["remove", "demote", "leave", "delete"])
async def test_who_may_invite_no_more_leaves_no_invitation_behind(house, anna, flat, way):
    """Otherwise somebody who was thrown out comes in again by a door they left open."""
    await house.persona("kai")
    kai = await house.identity.login("kai@mana.test", PASSWORD)
    zoe = await house.person("zoe@a.test")
    member = await house.come_in(anna, kai, flat, "admin")
    asked = await house.identity.invite(kai.access_token, flat, "zoe@a.test", "admin")
    kept = await house.identity.invite(anna.access_token, flat, "paul@a.test")
    if way == "remove":
        await house.identity.remove_member(anna.access_token, flat, member.id)
    elif way == "demote":
        await house.identity.change_role(anna.access_token, flat, member.id, "member")
    elif way == "leave":
        await house.identity.leave_space(kai.access_token, flat)
    else:
        await house.identity.delete_persona(await house.admin(), kai.user.id)
    with pytest.raises((InvitationClosedError, NotFoundError)):
        await house.identity.accept_invitation(zoe.access_token, asked.id)
    states = {row.id: row.status for row in await house.rows(INVITATIONS)}
    assert states[kept.id] == "pending"


@pytest.mark.parametrize("email", ["", "ben", "ben@", "b@a.test\r\nBcc: x@a.test", "\x00@a.test"])
async def test_what_is_no_address_cannot_be_invited(house, anna, flat, email):
    with pytest.raises(InvalidInputError):
        await house.identity.invite(anna.access_token, flat, email)


@pytest.mark.parametrize("role", ["Owner", "god", "", None, ["owner"], "owner,admin"])
async def test_what_is_no_role_cannot_be_offered(house, anna, flat, role):
    answer = await post(
        house, anna, "invite-member", organizationId=flat, email="ben@a.test", role=role
    )
    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, "role")


@pytest.mark.parametrize("missing", ["id", "organizationId"])
async def test_a_question_about_nothing_is_refused(house, anna, missing):
    path = "get-invitation" if missing == "id" else "list-invitations"
    for params in ({}, {missing: ""}, {missing: "x" * 300}, {missing: "a\x00b"}):
        answer = await house.http.get(
            f"{SPACES}/{path}", params=params, headers=bearer(anna.access_token)
        )
        assert answer.status_code == 400


async def test_a_space_is_full_at_some_point(house, anna, ben, eve, flat, monkeypatch):
    monkeypatch.setattr(server_invitations, "MOST_MEMBERS", 2)
    late = await house.identity.invite(anna.access_token, flat, eve.user.email)
    await house.come_in(anna, ben, flat)
    with pytest.raises(ConflictError, match="no room"):
        await house.identity.accept_invitation(eve.access_token, late.id)
    await house.identity.remove_member(anna.access_token, flat, ben.user.email)
    assert (await house.identity.accept_invitation(eve.access_token, late.id)).member


async def test_so_many_invitations_wait_and_no_more(house, anna, flat, monkeypatch):
    monkeypatch.setattr(server_invitations, "MOST_PENDING", 3)
    for n in range(3):
        await house.identity.invite(anna.access_token, flat, f"p{n}@a.test")
    with pytest.raises(ConflictError, match="3 invitations"):
        await house.identity.invite(anna.access_token, flat, "late@a.test")
