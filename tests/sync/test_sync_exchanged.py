"""Tokens that a service exchanged for somebody's own: one space, one purpose, one push."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from sync_house import BASE, CLUB, FLAT, House, insertion, make_app, on_a_port
from websockets.asyncio.client import connect

from mana_lab.crypto.exchanged import SPACES_READ, SYNC_READ, SYNC_WRITE
from mana_lab.storage import Store
from mana_lab.sync.server import METADATA
from mana_lab.sync.server.tables import sync_spent

OWN = "_personal:ben"


def minted(house, scope=SYNC_READ, space=FLAT, user="ben", **other):
    """Return a token of a minute; what is None is left out."""
    now = int(house.clock.now().timestamp())
    said = {"aud": "sync", "scope": scope, "space": space, "jti": "1", "exp": now + 60} | other
    return house.token(user, **{name: value for name, value in said.items() if value is not None})


def bearer(token):
    return {"authorization": f"Bearer {token}"}


async def push(house, token, *changes, http=None, app="todo"):
    body = {"clientId": "gateway", "since": "", "changes": list(changes)}
    return await (http or house.http).post(f"/sync/{app}", json=body, headers=bearer(token))


async def pull(house, token, **query):
    query = {"collection": "tasks"} | query
    return await house.http.get("/sync/todo/pull", params=query, headers=bearer(token))


def answered(answer):
    return answer.status_code, answer.json().get("error")


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [change["id"] for change in answer.json()["serverChanges"]]


@pytest.fixture
async def told(house):
    """Write a task into each space that ben is in."""
    for name, space in (("in the flat", FLAT), ("in the club", CLUB), ("his own", OWN)):
        await house.push(insertion(name, spaceId=space), user="ben")
    return house


@pytest.mark.parametrize(
    ("space", "seen"), [(FLAT, "in the flat"), (CLUB, "in the club"), (OWN, "his own")]
)
async def test_a_token_reads_its_space_and_no_other(told, space, seen):
    token = minted(told, space=space)
    assert ids(await pull(told, token)) == [seen]
    for other in (FLAT, CLUB, OWN, "_personal:anna", "org-unknown"):
        answer = await pull(told, token, spaceId=other)
        if other == space:
            assert ids(answer) == [seen]
        else:
            assert answered(answer) == (403, "forbidden")
    assert ids(await pull(told, minted(told, space=space))) == [seen]  # it may be used again


@pytest.mark.parametrize("space", [FLAT, CLUB, OWN])
async def test_a_token_writes_its_space_and_no_other(house, space):
    for n, other in enumerate((FLAT, CLUB, OWN, None)):
        token = minted(house, SYNC_WRITE, space, jti=f"{n}")
        answer = await push(house, token, insertion(f"{n}", spaceId=other))
        assert (answer.status_code == 200) == ((other or OWN) == space), answer.text
        mixed = insertion("mixed", spaceId=space), insertion("x", spaceId=other)
        if (other or OWN) != space:
            assert answered(await push(house, token, *mixed)) == (403, "forbidden")
            inside = insertion("x", spaceId=space, data={"spaceId": other or OWN})
            assert answered(await push(house, token, inside)) == (403, "forbidden")
    assert {row.space_id for row in house.rows()} == {space}


async def test_the_answer_to_a_push_tells_of_no_other_space(told):
    token = minted(told, SYNC_WRITE, CLUB)
    assert ids(await push(told, token, insertion("2", spaceId=CLUB))) == ["in the club", "2"]


async def test_a_token_for_a_space_that_its_user_left_opens_nothing(house):
    for user in ("dora", "cleo"):
        assert answered(await pull(house, minted(house, user=user)))[0] == 403
        answer = await push(
            house, minted(house, SYNC_WRITE, user=user), insertion("1", spaceId=FLAT)
        )
        assert answered(answer) == (403, "not-a-member")
    foreign = minted(house, space="_personal:anna")
    assert answered(await pull(house, foreign)) == (403, "not-a-member")


async def test_a_token_ends_with_its_session(house):
    house.members.ended.add("over")
    for scope in (SYNC_READ, SYNC_WRITE):
        token = minted(house, scope, sid="over", space=OWN)
        for answer in (await pull(house, token), await push(house, token)):
            assert answer.status_code in {401, 403}
    assert answered(await pull(house, minted(house, sid="over"))) == (401, "session-ended")


ONLY = {
    "sync, to read": ({}, True, False),
    "sync, to write": ({"scope": SYNC_WRITE}, False, True),
    "sync, for nothing": ({"scope": None}, False, False),
    "sync, for both": ({"scope": f"{SYNC_READ} {SYNC_WRITE}"}, False, False),
    "sync, for something else": ({"scope": SPACES_READ}, False, False),
    "sync, in no space": ({"space": None}, False, False),
    "sync, in no space, to write": ({"space": None, "scope": SYNC_WRITE}, False, False),
    "sync, to write, without an id": ({"scope": SYNC_WRITE, "jti": None}, False, False),
    "sync and the app": ({"aud": ["mana", "sync"]}, True, False),
    "identity": ({"aud": "identity", "scope": SPACES_READ}, False, False),
    "identity, to write": ({"aud": "identity", "scope": SYNC_WRITE}, False, False),
    "the gateway": ({"aud": "gateway"}, False, False),
    "nobody": ({"aud": None}, True, True),  # the house's own: mana
    "the app": ({"aud": "mana", "scope": None, "space": None}, True, True),
    "the app, in a space": ({"aud": "mana", "scope": "mcp:tools"}, True, True),
}


@pytest.mark.parametrize("audience", ONLY)
async def test_who_is_taken_for_what(house, audience):
    changes, reads, writes = ONLY[audience]
    token = minted(house, **changes)
    answers = (await pull(house, token), await push(house, token, insertion(spaceId=FLAT)))
    assert [answer.status_code == 200 for answer in answers] == [reads, writes]
    for answer in answers:
        assert answer.status_code in {200, 401, 403}
    if not reads:  # who reads is answered without end
        answer = await house.http.get("/sync/todo/stream", headers=bearer(token))
        assert answer.status_code in {401, 403}


async def test_a_token_to_write_is_good_for_one_push(house):
    token = minted(house, SYNC_WRITE)
    assert (await push(house, token, insertion("1", spaceId=FLAT))).status_code == 200
    for change in (insertion("1", spaceId=FLAT), insertion("2", spaceId=FLAT)):
        assert answered(await push(house, token, change)) == (401, "invalid-token")
    assert answered(await push(house, token)) == (401, "invalid-token")
    assert [row.record_id for row in house.rows()] == ["1"]


async def test_of_many_pushes_at_once_with_one_token_one_is_taken(house):
    token = minted(house, SYNC_WRITE)
    answers = await asyncio.gather(
        *(push(house, token, insertion(f"{n}", spaceId=FLAT)) for n in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    assert len(house.rows()) == 1


async def test_a_token_that_was_used_is_known_after_a_restart_and_elsewhere(house):
    token = minted(house, SYNC_WRITE)
    assert (await push(house, token, insertion("1", spaceId=FLAT))).status_code == 200
    async with await Store.open(house.home.url("sync"), METADATA) as store:
        app = make_app(store, house.clock, house.key, house.members)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            again = await push(house, token, insertion("2", spaceId=FLAT), http=http)
    assert answered(again) == (401, "invalid-token")


async def test_a_push_whose_answer_was_lost_is_done_again_with_another_token(house):
    event = "018f3a00-0000-7000-8000-000000000001"
    change = insertion("1", spaceId=FLAT, eventId=event)
    for jti in ("first", "second"):
        answer = await push(house, minted(house, SYNC_WRITE, jti=jti), change)
        assert answer.status_code == 200
    assert len(house.rows()) == 1


async def test_a_push_that_was_refused_uses_nothing_up(house):
    token = minted(house, SYNC_WRITE)
    for change in (insertion("1", spaceId=CLUB), {"table": "tasks"}, insertion("1")):
        assert (await push(house, token, change)).status_code in {400, 403}
    assert (await push(house, token, insertion("1", spaceId=FLAT))).status_code == 200


async def test_used_tokens_are_remembered_as_long_as_somebody_might_take_them(house):
    spent = {}
    for n in range(40):
        token = minted(house, SYNC_WRITE, jti=f"{n}")
        spent[n] = token, house.clock.monotonic()
        assert (await push(house, token, insertion(f"{n}", spaceId=FLAT))).status_code == 200
        house.clock.advance(30)
        for used, _ in spent.values():
            assert answered(await push(house, used, insertion("x", spaceId=FLAT)))[0] == 401
    assert len(house.home.rows("sync", sync_spent)) <= 14


@pytest.fixture
async def live(house):
    """Serve the house's store on a port."""
    app = make_app(house.store, house.clock, house.key, house.members)
    async with asyncio.timeout(40), on_a_port(app) as host:
        yield host


async def test_a_stream_tells_of_one_space(told: House, live):
    async with (
        httpx.AsyncClient(timeout=40) as http,
        http.stream(
            "GET", f"http://{live}/sync/todo/stream", headers=bearer(minted(told, space=CLUB))
        ) as stream,
    ):
        assert stream.status_code == 200
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                told_of = json.loads(line.removeprefix("data: "))["changes"]
                break
    assert [change["id"] for change in told_of] == ["in the club"]


async def test_a_stream_needs_a_token_to_read(house, live):
    async with httpx.AsyncClient(timeout=40) as http:
        answer = await http.get(
            f"http://{live}/sync/todo/stream", headers=bearer(minted(house, SYNC_WRITE))
        )
    assert answered(answer) == (403, "insufficient-scope")


async def test_a_socket_tells_of_one_space(house, live):
    async with connect(f"ws://{live}/ws") as socket:
        await socket.send(json.dumps({"type": "auth", "token": minted(house, space=CLUB)}))
        assert json.loads(await socket.recv()) == {"type": "auth-ok"}
        async with httpx.AsyncClient(base_url=f"http://{live}") as http:
            for app, space in (("flat", FLAT), ("club", CLUB)):
                token = minted(house, SYNC_WRITE, space, jti=app)
                change = insertion(spaceId=space)
                assert (await push(house, token, change, http=http, app=app)).status_code == 200
        heard = json.loads(await socket.recv())
        assert heard == {"type": "sync-available", "appId": "club", "tables": ["tasks"]}


@pytest.mark.parametrize(
    "changes", [{"scope": SYNC_WRITE}, {"space": "org-unknown"}, {"aud": "identity"}], ids=str
)
async def test_a_socket_needs_a_token_to_read_in_a_space_of_its_user(house, live, changes):
    async with connect(f"ws://{live}/ws") as socket:
        await socket.send(json.dumps({"type": "auth", "token": minted(house, **changes)}))
        told = json.loads(await socket.recv())
        assert told == {"type": "error", "tables": ["invalid token"]}
        await socket.wait_closed()
        assert socket.close_code == 1008
