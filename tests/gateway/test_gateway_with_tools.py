"""The app's own tools through the gateway, with identity and sync behind it."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from gateway_house import ERAS, ISSUER, connected, identity_config, open_house

from mana_lab.crypto import TokenVerifier
from mana_lab.gateway import ERROR_META
from mana_lab.gateway.results import TOOL_META
from mana_lab.registry.manifest import tool_hash
from mana_lab.storage import Store
from mana_lab.sync import server as sync_server
from mana_lab.sync.server import HttpMemberships
from mana_lab.tools import default_registry

SERVICE_KEY = identity_config().service_key


async def open_sync(folder, clock, http):
    """Return the sync service, which asks identity through *http*, and its store."""
    store = await Store.open(f"sqlite:///{folder}/sync.db", sync_server.METADATA)
    verifier = TokenVerifier(
        f"{ISSUER}/api/auth/jwks", http, issuer=ISSUER, audience=("mana", "sync"), clock=clock
    )
    app = sync_server.create_app(
        store,
        clock=clock,
        verifier=verifier,
        memberships=HttpMemberships(ISSUER, http, SERVICE_KEY, clock),
        service_key=SERVICE_KEY,
    )
    return store, app


@pytest.fixture
async def mana(tmp_path, clock):
    """A gateway with the app's eleven tools."""
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(
            open_house(tmp_path, clock, registry=default_registry())
        )
        identity_http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(house.identity_service))
        )
        store, house.sync_service.app = await open_sync(tmp_path, clock, identity_http)
        stack.push_async_callback(store.close)
        yield house


async def user_with_vault(mana, name):
    user = await mana.user(name)
    await mana.identity.vault_init(user.token)
    return user


@pytest.fixture(params=ERAS)
async def anna(mana, request):
    user = await user_with_vault(mana, "anna")
    async with mana.http(user) as http, connected(http, request.param) as client:
        yield client


async def test_the_tools_are_offered_under_their_own_names(anna):
    names = [tool.name for tool in (await anna.list_tools()).tools]
    assert names == [spec.name for spec in default_registry()]


async def test_what_one_call_writes_the_next_one_reads(anna):
    created = await anna.call_tool("todo.create", {"title": "Hausarbeit abgeben"})
    assert created.is_error is False, created.content[0].text
    listed = (await anna.call_tool("todo.list", {})).structured_content
    assert [task["title"] for task in listed["tasks"]] == ["Hausarbeit abgeben"]


async def test_a_wrong_argument_of_a_real_tool_names_path_value_and_expectation(anna):
    result = await anna.call_tool("todo.create", {"title": "x", "priority": "yesterday"})
    assert result.is_error is True
    sentence = result.content[0].text
    assert '"priority"' in sentence
    assert '"yesterday"' in sentence
    assert '"high"' in sentence
    assert result.meta[ERROR_META]["path"] == "priority"


async def test_every_result_says_which_version_of_the_tool_answered(anna):
    good = await anna.call_tool("todo.create", {"title": "x"})
    bad = await anna.call_tool("todo.create", {})
    assert (good.is_error, bad.is_error) == (False, True)
    promised = tool_hash(default_registry().get("todo.create"))
    assert [result.meta[TOOL_META] for result in (good, bad)] == [promised] * 2


JUNK = (None, [], {"a": [{"b": None}]}, -(2**60), "\u202e" * 300, [[["x"] * 50] * 50], "\x00")


async def test_whatever_a_tool_is_given_the_answer_is_one_that_a_model_can_act_on(anna):
    for spec in default_registry():
        names = list(spec.input_schema()["properties"]) or ["colour"]
        for junk in JUNK:
            result = await anna.call_tool(spec.name, {**dict.fromkeys(names, junk), "colour": junk})
            told = result.meta[ERROR_META]
            assert result.is_error is True
            assert told["kind"] in {"invalid-input", "refused"}, (spec.name, result.content)
            assert told["code"] in {"invalid-arguments", "forbidden"}
            assert len(result.content[0].text) <= 400


async def test_users_who_write_at_once_each_see_only_their_own(mana):
    users = {name: await user_with_vault(mana, name) for name in ("anna", "ben", "cara")}

    async def write_and_read(name):
        async with mana.http(users[name]) as http, connected(http, "auto") as client:
            for n in range(4):
                done = await client.call_tool("todo.create", {"title": f"{name} {n}"})
                assert done.is_error is False, done.content[0].text
            tasks = (await client.call_tool("todo.list", {})).structured_content["tasks"]
            return name, [task["title"] for task in tasks]

    seen = dict(await asyncio.gather(*(write_and_read(name) for name in users)))
    assert seen == {name: [f"{name} {n}" for n in range(4)] for name in users}
