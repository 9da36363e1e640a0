"""What is beyond the gateway's limits is refused at once, with when to try again."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from gateway_house import call_echo, legacy, modern, open_house, open_session
from serving_house import served

from mana_lab.errors import SettingsError
from mana_lab.gateway import GatewayConfig

PATIENCE_S = 10
WAIT = modern(name="test.wait", arguments={})


@pytest.fixture
async def house(tmp_path, clock):
    limits = {"max_calls": 3, "max_calls_per_user": 2, "max_notifications_per_minute": 6}
    async with open_house(tmp_path, clock, **limits) as house:
        yield house


@asynccontextmanager
async def waiting(house, *users):
    """Have a call of each user under way that does not end by itself."""
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        calls = []
        for user in users:
            house.tools.waiting.clear()
            calls.append(tasks.create_task(post(house, user, WAIT)))
            await house.tools.waiting.wait()
        yield calls
        for call in calls:
            call.cancel()


async def post(house, user, request):
    async with house.http(user) as http:
        return await http.post("/mcp", **request)


def refused(answer):
    return answer.status_code, answer.json()["error"], answer.headers["retry-after"]


async def test_a_user_has_so_many_calls_under_way_and_others_go_on(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    async with waiting(house, anna, anna):
        answer = await post(house, anna, call_echo())
        assert refused(answer) == (429, "rate-limited", "1")
        assert answer.json()["retryAfterSec"] == 1
        assert (await post(house, ben, call_echo())).status_code == 200
    assert (await post(house, anna, call_echo())).status_code == 200
    assert house.tools.calls == ["test.echo", "test.echo"]


async def test_all_users_together_have_so_many_calls_under_way(house):
    anna, ben, cleo = [await house.user(name) for name in ("anna", "ben", "cleo")]
    async with waiting(house, anna, anna, ben):
        assert refused(await post(house, cleo, call_echo())) == (503, "service-unavailable", "1")
        assert refused(await post(house, anna, call_echo())) == (429, "rate-limited", "1")
    assert (await post(house, cleo, call_echo())).status_code == 200


async def test_a_call_that_was_cancelled_or_failed_gives_its_slot_back(house):
    anna = await house.user("anna")
    for _ in range(3):
        async with waiting(house, anna, anna):
            pass
        assert (await post(house, anna, modern(name="test.crash", arguments={}))).status_code == 200
        assert (await post(house, anna, modern("no/such"))).status_code == 404
    assert (await post(house, anna, call_echo())).status_code == 200


async def test_notifications_and_answers_are_let_in_while_all_calls_wait_for_them(house):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        session = await open_session(http)
        async with waiting(house, anna, anna):
            for message in ({"method": "notifications/cancelled"}, {"id": 5, "result": {}}):
                request = legacy("x", session)
                request["json"] = {"jsonrpc": "2.0", **message}
                assert (await http.post("/mcp", **request)).status_code == 202
            listed = await http.post("/mcp", **legacy("tools/list", session))
            assert listed.status_code == 429


async def test_a_stream_that_listens_is_no_call(house):
    anna = await house.user("anna")
    async with (
        asyncio.timeout(PATIENCE_S),
        served(house.new_app(max_calls=1)) as url,
        httpx2.AsyncClient(base_url=url, headers=anna.headers) as http,
    ):
        session = await open_session(http)
        headers = legacy("x", session)["headers"]
        async with http.stream("GET", "/mcp", headers=headers) as stream:
            assert stream.status_code == 200
            assert (await http.post("/mcp", **call_echo())).status_code == 200


@pytest.mark.parametrize("message", [{"method": "notifications/progress"}, {"id": 1, "result": {}}])
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_user_sends_so_many_notifications_a_minute(house, clock, message, era):
    anna, ben = await house.user("anna"), await house.user("ben")
    request = modern("x") if era == "modern" else legacy("x", "0" * 43)
    request["json"] = {"jsonrpc": "2.0", **message}

    async def tell(user, times):
        return [(await post(house, user, request)).status_code for _ in range(times)]

    assert 429 not in await tell(anna, 6)
    assert refused(await post(house, anna, request)) == (429, "rate-limited", "10")
    assert 429 not in await tell(ben, 6)
    clock.advance(9.9)
    assert await tell(anna, 1) == [429]
    clock.advance(0.1)
    assert (await tell(anna, 2))[1:] == [429]
    clock.advance(600)
    assert (await tell(anna, 7)).index(429) == 6


async def test_a_user_sends_so_many_bodies_at_a_time(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    sending, rest = asyncio.Queue(), asyncio.Event()

    async def slowly():
        yield b'{"jsonrpc": "2.0", '
        sending.put_nowait(None)
        await rest.wait()
        yield b'"method": "x"}'

    async def upload():
        headers = {**call_echo()["headers"], "Content-Type": "application/json"}
        async with house.http(anna) as http:
            return (await http.post("/mcp", headers=headers, content=slowly())).status_code

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        uploads = [tasks.create_task(upload()) for _ in range(2)]
        for _ in uploads:
            await sending.get()
        assert refused(await post(house, anna, call_echo())) == (429, "rate-limited", "1")
        assert (await post(house, ben, call_echo())).status_code == 200
        rest.set()
    assert [429 in {each.result()} for each in uploads] == [False, False]
    assert (await post(house, anna, call_echo())).status_code == 200


@pytest.mark.parametrize(
    "name", ["max_calls", "max_calls_per_user", "max_notifications_per_minute"]
)
@pytest.mark.parametrize("value", [0, -1])
def test_limits_that_let_nothing_in_are_refused(name, value):
    with pytest.raises(SettingsError, match=name):
        GatewayConfig(**{name: value})
