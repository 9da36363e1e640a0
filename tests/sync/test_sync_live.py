"""Connections that stay open: server-sent events and WebSockets, over a real port."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from sync_house import CLUB, FLAT, insertion, make_app, on_a_port
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from mana_lab.sync.server import Notices, Patience
from mana_lab.sync.server.notices import MOST_OF_A_USER

PATIENT = Patience(heartbeat_s=60, token_s=60)
HURRIED = Patience(heartbeat_s=0.02, token_s=0.02)


@pytest.fixture(autouse=True)
async def limit():
    """Let no wait last for ever: what should come has to come."""
    async with asyncio.timeout(40):
        yield


@pytest.fixture
def live(house):
    """Return what serves the house's store on a port, and speaks to it."""

    @asynccontextmanager
    async def serving(patience=PATIENT, notices=None):
        app = make_app(
            house.store,
            house.clock,
            house.key,
            house.members,
            notices=notices or Notices(),
            patience=patience,
        )
        async with on_a_port(app) as host, httpx.AsyncClient(timeout=40) as http:
            house.http.base_url = f"http://{host}"
            yield Live(house, http, host)

    return serving


class Live:
    def __init__(self, house, http, host):
        self.house = house
        self.http = http
        self.host = host

    async def push(self, *changes, user="anna", app="todo"):
        answer = await self.http.post(
            f"http://{self.host}/sync/{app}",
            json={"clientId": "phone", "since": "", "changes": changes},
            headers=self.house.bearer(user),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    @asynccontextmanager
    async def stream(self, user="anna", *, app="todo", token=None, headers=(), **query):
        bearer = {"authorization": f"Bearer {token or self.house.token(user)}"} | dict(headers)
        url = f"http://{self.host}/sync/{app}/stream"
        async with self.http.stream("GET", url, params=query, headers=bearer) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield events(answer)

    def socket(self, path="/ws"):
        return connect(f"ws://{self.host}{path}")

    @asynccontextmanager
    async def signed_in(self, user="anna", path="/ws"):
        async with self.socket(path) as socket:
            await say(socket, {"type": "auth", "token": self.house.token(user)})
            assert await hear(socket) == {"type": "auth-ok"}
            yield socket

    async def figures_again_and_again(self):
        while True:
            yield await self.figures()

    async def figures(self):
        health = (await self.http.get(f"http://{self.host}/health")).json()
        return health["connections"], health["users"]


async def events(answer):
    """Yield the events of a stream as (name, data, id)."""
    told = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            told[name] = value
        else:
            yield told["event"], json.loads(told["data"]), told.get("id")
            told = {}


async def say(socket, message):
    await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def hear(socket):
    return json.loads(await socket.recv())


async def goodbye(socket):
    """Return what is said before a socket is closed, and the code."""
    error = await hear(socket)
    with pytest.raises(ConnectionClosed) as closed:
        await socket.recv()
    assert error["type"] == "error"
    (reason,) = error["tables"]
    return reason, closed.value.rcvd.code


async def test_a_stream_sends_what_is_there_and_then_what_every_member_writes(live):
    async with live() as service:
        await service.push(insertion("1", spaceId=FLAT), user="ben")
        async with service.stream(collections="tasks") as stream:
            name, told, cursor = await anext(stream)
            assert (name, told["table"], told["hasMore"]) == ("changes", "tasks", False)
            assert [change["id"] for change in told["changes"]] == ["1"]
            assert told["syncedUntil"] == cursor
            for user, number in (("ben", "2"), ("anna", "3")):
                await service.push(insertion(number, spaceId=FLAT), user=user)
                _, told, _ = await anext(stream)
                assert [(each["id"], each["userId"]) for each in told["changes"]] == [
                    (number, user)
                ]
                assert told["changes"][0]["spaceId"] == FLAT


async def test_who_is_no_member_hears_nothing_of_a_space(live):
    async with live() as service, service.stream("cleo") as stream:
        await service.push(insertion("1", spaceId=FLAT))
        await service.push(insertion("2"))
        await service.push(insertion("3", spaceId=CLUB), user="cleo")
        _, told, _ = await anext(stream)
        assert [change["id"] for change in told["changes"]] == ["3"]


async def test_a_stream_goes_on_from_any_event_without_a_gap(live):
    """Each event of several collections has a cursor before which everything was sent."""
    async with live() as service:
        tables = ["a", "b", "b", "a", "c", "a"]
        await service.push(*(insertion(f"{n}", table) for n, table in enumerate(tables)))
        async with service.stream(collections="a,b") as stream:
            told = [await anext(stream) for _ in range(3)]
        assert [(event["table"], len(event["changes"])) for _, event, _ in told] == [
            ("a", 1),
            ("b", 2),
            ("a", 2),
        ]
        assert [event["hasMore"] for _, event, _ in told] == [True, True, False]
        sent = [change["id"] for _, event, _ in told for change in event["changes"]]
        for seen, (_, event, cursor) in enumerate(told, start=1):
            count = sum(len(each["changes"]) for _, each, _ in told[:seen])
            for headers, since in (((), event["syncedUntil"]), ({"last-event-id": cursor}, "")):
                rest = []
                async with service.stream(
                    collections="a,b", since=since, headers=headers
                ) as stream:
                    await service.push(insertion("new", "b"))
                    while "new" not in rest:
                        rest += [each["id"] for each in (await anext(stream))[1]["changes"]]
                assert [each for each in rest if each != "new"] == sent[count:]


async def test_more_than_a_page_is_sent_in_several_events(live):
    async with live() as service:
        for start in range(0, 2400, 600):
            await service.push(*(insertion(str(n)) for n in range(start, start + 600)))
        async with service.stream() as stream:
            told = [(await anext(stream))[1] for _ in range(3)]
    assert [(len(event["changes"]), event["hasMore"]) for event in told] == [
        (1000, True),
        (1000, True),
        (400, False),
    ]


async def test_a_quiet_stream_has_a_heartbeat(live):
    async with live(HURRIED) as service, service.stream() as stream:
        assert (await anext(stream))[:2] == ("heartbeat", {})


async def test_a_change_of_another_process_shows_without_a_notice(live):
    async with live(HURRIED) as service, service.stream() as stream:
        await anext(stream)
        async with live() as other:  # does not share the notices
            await other.push(insertion("1"))
        async for name, told, _ in stream:
            if name == "changes":
                assert told["changes"][0]["id"] == "1"
                break


async def test_services_that_share_notices_hear_one_another_at_once(live):
    notices = Notices()
    async with (
        live(notices=notices) as one,
        live(notices=notices) as other,
        one.stream() as stream,
    ):
        await other.push(insertion("1"))
        assert (await anext(stream))[1]["changes"][0]["id"] == "1"


async def test_a_stream_ends_with_its_token(live, house):
    async with live(HURRIED) as service, service.stream() as stream:
        await anext(stream)
        house.clock.advance(1000)
        told = [each async for each in stream][-1]
    assert (told[0], told[1]["error"]) == ("error", "token-expired")


async def test_a_stream_ends_when_its_session_is_signed_out_and_sends_nothing_more(live, house):
    async with live() as service:
        await service.push(insertion("1"))
        async with service.stream(token=house.token(sid="one")) as stream:
            await anext(stream)  # it has looked, and waits now
            house.members.ended.add("one")
            await service.push(insertion("2"))
            told = [each async for each in stream]
    assert [(name, data.get("error")) for name, data, _ in told] == [("error", "session-ended")]


async def test_who_leaves_a_space_hears_nothing_more_of_it(live, house):
    async with live() as service:
        await service.push(insertion("1", spaceId=FLAT), user="ben")
        async with service.stream() as stream:
            await anext(stream)  # it has looked, and waits now
            house.members.spaces["anna"].clear()
            await service.push(insertion("2", spaceId=FLAT), user="ben")
            await service.push(insertion("3"))
            assert [each["id"] for each in (await anext(stream))[1]["changes"]] == ["3"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"collections": "a b"}, "collections"),
        ({"collections": ",".join(["a"] * 201)}, "at most 200"),
        ({"since": "yesterday"}, "since"),
        ({"since": "x" * 9000}, "since"),
    ],
    ids=["no name", "too many", "no cursor", "long"],
)
async def test_a_stream_of_something_malformed_is_refused(house, query, said):
    answer = await house.http.get("/sync/todo/stream", params=query, headers=house.bearer())
    assert answer.status_code == 400
    assert said in answer.json()["message"]


async def test_a_stream_needs_a_token_of_a_living_session(house):
    assert (await house.http.get("/sync/todo/stream")).status_code == 401
    house.members.ended.add("one")
    ended = {"authorization": f"Bearer {house.token(sid='one')}"}
    answer = await house.http.get("/sync/todo/stream", headers=ended)
    assert (answer.status_code, answer.json()["error"]) == (401, "session-ended")
    house.members.is_down = True
    assert (await house.http.get("/sync/todo/stream", headers=house.bearer())).status_code == 503


async def test_a_socket_tells_every_member_of_a_space_what_to_pull(live):
    async with live() as service, service.signed_in("ben") as ben, service.signed_in() as anna:
        await service.push(insertion("1", spaceId=FLAT), insertion("2", "notes", spaceId=FLAT))
        told = {"type": "sync-available", "appId": "todo", "tables": ["notes", "tasks"]}
        assert await hear(ben) == told
        assert await hear(anna) == told
        await service.push(insertion("3"), app="journal")
        await service.push(insertion("4", spaceId=FLAT))
        assert (await hear(anna))["appId"] == "journal"
        assert (await hear(anna))["appId"] == "todo"
        assert (await hear(ben))["appId"] == "todo"


async def test_a_socket_of_an_app_hears_of_that_app_alone(live):
    async with live() as service, service.signed_in(path="/ws/todo") as socket:
        await service.push(insertion("1"), app="journal")
        await service.push(insertion("2"))
        assert await hear(socket) == {
            "type": "sync-available",
            "appId": "todo",
            "tables": ["tasks"],
        }


async def test_a_push_that_was_sent_again_is_not_told_again(live):
    change = insertion("1", eventId="6f1c1b9e-1d0f-4f4e-9a55-0d3f1f0c2a11")
    async with live() as service, service.signed_in() as socket:
        await service.push(change)
        await hear(socket)
        await service.push(change)
        await say(socket, {"type": "ping"})
        assert await hear(socket) == {"type": "pong"}


async def test_a_socket_answers_pings_and_takes_a_fresh_token(live, house):
    async with live() as service, service.signed_in() as socket:
        await say(socket, {"type": "ping"})
        assert await hear(socket) == {"type": "pong"}
        house.clock.advance(800)
        await say(socket, {"type": "auth", "token": house.token()})
        assert await hear(socket) == {"type": "auth-ok"}
        house.clock.advance(800)
        await service.push(insertion("1"))
        assert (await hear(socket))["type"] == "sync-available"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "auth"}, "missing token"),
        ({"type": "auth", "token": ""}, "missing token"),
        ({"type": "auth", "token": 7}, "missing token"),
        ({"type": "ping"}, "missing token"),
        ({}, "missing token"),
        ({"type": "auth", "token": "a.b.c"}, "invalid token"),
        ({"type": "auth", "token": "ü" * 9000}, "invalid token"),
        ("[]", "not a message"),
        ("", "not a message"),
        ("[" * 50_000, "not a message"),
        (b"\xff\xfe", "not a message"),
    ],
    ids=[
        "no token",
        "empty",
        "number",
        "ping first",
        "no type",
        "three dots",
        "long",
        "list",
        "nothing",
        "deep",
        "bytes",
    ],
)
async def test_a_socket_without_a_good_token_is_closed(live, message, reason):
    async with live() as service, service.socket() as socket:
        await say(socket, message)
        said, code = await goodbye(socket)
        assert (said.startswith(reason), code) == (True, 1008)
        assert await service.figures() == (0, 0)


async def test_a_socket_that_says_nothing_is_closed(live):
    async with live(HURRIED) as service, service.socket() as socket:
        assert await goodbye(socket) == ("missing token", 1008)


async def test_a_message_that_is_too_long_closes_the_socket(live):
    async with live() as service, service.signed_in() as socket:
        await say(socket, json.dumps({"type": "ping", "more": "x" * 70_000}))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1009


async def test_a_socket_stays_its_users(live, house):
    async with live() as service, service.signed_in() as socket:
        await say(socket, {"type": "auth", "token": house.token("ben")})
        assert await goodbye(socket) == ("invalid token", 1008)


async def test_a_socket_ends_with_its_token_or_session(live, house):
    async with live() as service:
        async with service.signed_in() as socket:
            house.clock.advance(1000)
            await service.push(insertion("1", spaceId=FLAT), user="ben")
            assert await goodbye(socket) == ("invalid token", 1008)
        async with service.socket() as socket:
            await say(socket, {"type": "auth", "token": house.token(sid="one")})
            assert await hear(socket) == {"type": "auth-ok"}
            house.members.ended.add("one")
            await service.push(insertion("2", spaceId=FLAT), user="ben")
            assert await goodbye(socket) == ("invalid token", 1008)
        async with service.socket() as socket:
            await say(socket, {"type": "auth", "token": house.token(sid="one")})
            assert await goodbye(socket) == ("invalid token", 1008)


async def test_a_socket_is_asked_to_come_back_while_memberships_cannot_be_found_out(live, house):
    async with live() as service, service.socket() as socket:
        house.members.is_down = True
        await say(socket, {"type": "auth", "token": house.token()})
        assert await goodbye(socket) == ("try again later", 1013)


async def test_one_user_cannot_take_all_connections(live):
    async with live() as service:
        sockets = [service.signed_in() for _ in range(MOST_OF_A_USER)]
        for socket in sockets:
            await socket.__aenter__()
        assert await service.figures() == (MOST_OF_A_USER, 1)
        async with service.socket() as one_more:
            await say(one_more, {"type": "auth", "token": service.house.token()})
            reason, code = await goodbye(one_more)
        assert f"{MOST_OF_A_USER} connections" in reason
        assert code == 1008
        async with service.stream() as stream:
            assert (await anext(stream))[1]["error"] == "rate-limited"
        async with service.signed_in("ben"):
            assert await service.figures() == (MOST_OF_A_USER + 1, 2)
            metrics = (await service.http.get(f"http://{service.host}/metrics")).text
            assert f"mana_sync_connections_total {MOST_OF_A_USER + 1}.0" in metrics
            assert "mana_sync_users_connected 2.0" in metrics
        for socket in sockets:
            await socket.__aexit__(None, None, None)


async def test_a_client_that_goes_away_is_forgotten(live):
    async with live() as service:
        async with service.signed_in() as socket, service.stream() as stream:
            await service.push(insertion("1"))
            await hear(socket)
            await anext(stream)
            assert await service.figures() == (2, 1)
        async for figures in service.figures_again_and_again():
            if figures == (0, 0):
                break
