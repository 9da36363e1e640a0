"""Which destructive tools a space allows, who says so, and who said so."""

import asyncio

import pytest
from identity_house import SERVICE_KEY, bearer, service

from mana_lab.errors import ForbiddenError, InvalidInputError, NotAMemberError, NotFoundError
from mana_lab.identity.server.policies import Policies
from mana_lab.identity.server.schema import SPACE_POLICY_AUDIT
from mana_lab.identity.wire import PolicyChange


@pytest.fixture
async def anna(house):
    return await house.person("anna@a.test")


@pytest.fixture
async def ben(house):
    return await house.person("ben@a.test")


@pytest.fixture
async def space(house, anna):
    return await house.team(anna)


def path(space):
    return f"/api/v1/spaces/{space}/policy"


async def put(house, login, space, **body):
    return await house.http.put(path(space), json=body, headers=bearer(login.access_token))


async def change(house, login, space, *tools, acknowledged=True):
    return await house.identity.set_space_policy(
        login.access_token, space, tools, acknowledged=acknowledged
    )


async def audit(house, login, space):
    entries = await house.identity.space_policy_audit(login.access_token, space)
    return [(entry.action, entry.tool_name, entry.actor) for entry in entries]


async def test_a_space_allows_nothing_destructive_until_somebody_says_so(house, anna, space):
    answer = await house.http.get(path(space), headers=bearer(anna.access_token))
    assert answer.json() == {
        "spaceId": space,
        "allowDestructive": [],
        "updatedAt": None,
        "updatedBy": None,
        "schemaVersion": 1,
    }
    house.clock.advance(60)
    changed = await put(
        house, anna, space, allowDestructive=["todo.purge", "notes.burn"], acknowledged=True
    )
    assert changed.json() == {
        "spaceId": space,
        "allowDestructive": ["notes.burn", "todo.purge"],
        "updatedAt": "2026-01-05T00:01:00Z",
        "updatedBy": anna.user.id,
        "schemaVersion": 1,
    }
    shown = await house.identity.space_policy(anna.access_token, space)
    assert shown.allow_destructive == ["notes.burn", "todo.purge"]


@pytest.mark.parametrize("role", ["owner", "admin", "member", "stranger"])
async def test_owners_and_admins_change_it_and_members_read_it(house, anna, ben, space, role):
    if role != "stranger":
        await house.come_in(anna, ben, space, role)
    if role in {"owner", "admin"}:
        await change(house, ben, space, "todo.purge")
    else:
        with pytest.raises(ForbiddenError):
            await change(house, ben, space, "todo.purge")
        assert await house.rows(SPACE_POLICY_AUDIT) == []
    if role == "stranger":
        for ask in (house.identity.space_policy, house.identity.space_policy_audit):
            with pytest.raises(NotAMemberError):
                await ask(ben.access_token, space)
    else:
        assert await house.identity.space_policy(ben.access_token, space)
        assert isinstance(await audit(house, ben, space), list)


async def test_to_add_a_tool_one_says_that_one_knows_what_it_does(house, anna, space):
    for body in ({}, {"acknowledged": False}, {"acknowledged": None}, {"acknowledged": "true"}):
        answer = await put(house, anna, space, allowDestructive=["todo.purge"], **body)
        assert answer.status_code == 400
        assert "acknowledged" in answer.json()["message"]
    await change(house, anna, space, "todo.purge", "notes.burn")
    await change(house, anna, space, "notes.burn", acknowledged=False)
    with pytest.raises(InvalidInputError, match="acknowledged"):
        await change(house, anna, space, "notes.burn", "todo.purge", acknowledged=False)
    await change(house, anna, space, acknowledged=False)


async def test_every_change_leaves_a_row_that_stays(house, anna, ben, space):
    await house.come_in(anna, ben, space, "admin")
    await change(house, anna, space, "todo.purge", "notes.burn")
    await change(house, anna, space, "notes.burn", "todo.purge")
    first = await house.rows(SPACE_POLICY_AUDIT)
    await change(house, ben, space, "todo.wipe", "notes.burn")
    await change(house, ben, space)
    assert await audit(house, anna, space) == [
        ("removed", "todo.wipe", ben.user.id),
        ("removed", "notes.burn", ben.user.id),
        ("added", "todo.wipe", ben.user.id),
        ("removed", "todo.purge", ben.user.id),
        ("added", "todo.purge", anna.user.id),
        ("added", "notes.burn", anna.user.id),
    ]
    assert [row for row in await house.rows(SPACE_POLICY_AUDIT) if row in first] == first
    answer = await house.http.get(path(space) + "/audit", headers=bearer(anna.access_token))
    assert set(answer.json()["entries"][0]) == {"action", "toolName", "actor", "at"}


async def test_nobody_can_write_or_delete_an_audit(house, anna, space):
    await change(house, anna, space, "todo.purge")
    before = await house.rows(SPACE_POLICY_AUDIT)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for place in (path(space) + "/audit", path(space)):
            if (method, place) != ("PUT", path(space)):
                answer = await house.http.request(
                    method, place, json={}, headers=bearer(anna.access_token)
                )
                assert answer.status_code == 405
    assert await house.rows(SPACE_POLICY_AUDIT) == before


@pytest.mark.parametrize(
    "tools",
    [
        ["purge"],
        ["todo.Purge ", "x"],
        ["Todo.purge"],
        ["todo.purge\n"],
        ["todo..purge"],
        ["todo.purge.all"],
        [".purge"],
        ["todo."],
        ["1todo.purge"],
        ["todo.purge", "todo.purge"],
        ["todo.purge; DROP TABLE users"],
        ["*"],
        ["todo.*"],
        ["t" * 100 + "." + "p" * 100],
        [7],
        [None],
        "todo.purge",
        {"todo": "purge"},
        [f"todo.purge{n}" for n in range(51)],
    ],
    ids=lambda tools: str(tools)[:30],
)
async def test_what_is_no_list_of_tools_is_refused(house, anna, space, tools):
    answer = await put(house, anna, space, allowDestructive=tools, acknowledged=True)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"].startswith("allowDestructive")
    assert await house.rows(SPACE_POLICY_AUDIT) == []


async def test_fifty_tools_may_be_allowed(house, anna, space):
    tools = sorted(f"newsResearch.purge_{n}" for n in range(50))
    assert (await change(house, anna, space, *tools)).allow_destructive == tools


async def test_changes_at_the_same_time_lose_no_row(house, anna, space):
    await asyncio.gather(*(change(house, anna, space, f"todo.purge{n}") for n in range(20)))
    allowed = (await house.identity.space_policy(anna.access_token, space)).allow_destructive
    entries = await audit(house, anna, space)
    assert len(allowed) == 1
    assert (
        sorted(entries.count(("added", f"todo.purge{n}", anna.user.id)) for n in range(20))
        == [1] * 20
    )
    rows = sorted(await house.rows(SPACE_POLICY_AUDIT), key=lambda row: row.seq)
    standing = set()
    for row in rows:
        (standing.add if row.action == "added" else standing.remove)(row.tool_name)
    assert sorted(standing) == allowed
    assert [row.seq for row in rows] == list(range(1, 40))


async def test_a_personal_space_has_a_policy_too(house, anna):
    (own,) = await house.identity.spaces(anna.access_token)
    assert (await change(house, anna, own.id, "todo.purge")).allow_destructive == ["todo.purge"]


async def test_other_services_read_any_policy_with_the_service_key(house, anna, space):
    await change(house, anna, space, "todo.purge")
    found = await house.identity.policy_for_service(SERVICE_KEY, space)
    assert found.allow_destructive == ["todo.purge"]
    for unknown in ("nowhere", "../x", "%"):
        with pytest.raises(NotFoundError):
            await house.identity.policy_for_service(SERVICE_KEY, unknown)
    for headers in ({}, service("wrong"), bearer(anna.access_token)):
        answer = await house.http.get(f"/api/v1/internal/spaces/{space}/policy", headers=headers)
        assert answer.status_code == 401


async def test_a_service_that_knows_the_tools_takes_no_name_of_another(house, anna, space):
    known = frozenset({"todo.purge", "notes.burn"})
    policies = Policies(house.store, house.clock, known)
    user = anna.user
    for name in ("todo.create", "no.suchTool", "todo.purg"):
        wanted = PolicyChange(allow_destructive=["notes.burn", name], acknowledged=True)
        with pytest.raises(InvalidInputError, match=f"{name} is none of the tools") as refused:
            await policies.change(user, space, wanted)
        assert "notes.burn, todo.purge" in refused.value.message
    assert (await policies.get(user, space)).allow_destructive == []
    wanted = PolicyChange(allow_destructive=["notes.burn"], acknowledged=True)
    assert (await policies.change(user, space, wanted)).allow_destructive == ["notes.burn"]
