import json
from uuid import uuid4

import httpx
import pytest
from sync_house import CLUB, FLAT, SERVICE_KEY, task

from mana_lab.errors import (
    ConflictError,
    ForbiddenError,
    FutureStampError,
    InvalidInputError,
    NotAMemberError,
    PayloadTooLargeError,
    ProtocolError,
    ServiceUnavailableError,
    TokenExpiredError,
    UnauthenticatedError,
    UnserializableValueError,
)
from mana_lab.sync import Change, PushResult, SyncClient

STAMP = "2026-01-05T00:00:00.000Z"


def there(*changes, space=FLAT):
    return [change.model_copy(update={"space_id": space}) for change in changes]


async def test_what_was_pushed_can_be_pulled(house):
    client = house.client("phone")
    await client.push(house.token(), "todo", there(task("1", STAMP, title="Milk")))
    page = await client.pull(house.token("ben"), "todo", "tasks", "", FLAT)
    (change,) = page.changes
    assert (change.data["title"], change.client_id, change.space_id) == ("Milk", "phone", FLAT)
    assert not page.has_more
    assert (await client.pull(house.token("ben"), "todo", "tasks", page.cursor)).changes == ()


async def test_pages_are_as_long_as_asked(house):
    client = house.client()
    await client.push(house.token(), "todo", [task(str(n), STAMP) for n in range(3)])
    page = await client.pull(house.token(), "todo", "tasks", "", limit=2)
    assert (len(page.changes), page.has_more) == (2, True)


async def test_a_push_answers_with_nothing_older_unless_it_is_asked_to(house):
    client = house.client()
    await client.push(house.token(), "todo", [task("1", STAMP)])
    house.clock.advance(60)
    later = [task("2", "2026-01-05T00:01:00.500Z")]
    assert (await client.push(house.token(), "todo", later)).changes == ()
    delta = await client.push(house.token(), "todo", [], since="")
    assert isinstance(delta, PushResult)
    assert [change.id for change in delta.changes] == ["1", "2"]


async def test_a_refusal_comes_back_as_the_error_that_the_service_raised(house):
    client, token = house.client(), house.token()
    event = str(uuid4())
    await client.push(token, "todo", [task("1", STAMP, event_id=event)])
    for error, changes in [
        (InvalidInputError, [task("1", "yesterday")]),
        (FutureStampError, [task("1", "2026-01-06T00:00:00Z")]),
        (NotAMemberError, there(task("1", STAMP), space=CLUB)),
        (ConflictError, [task("2", STAMP, event_id=event)]),
        (PayloadTooLargeError, [task("1", STAMP)] * 1001),
        (UnserializableValueError, [task("1", STAMP, x=float("nan"))]),
    ]:
        with pytest.raises(error) as caught:
            await client.push(token, "todo", changes)
        assert type(caught.value) is error
    with pytest.raises(NotAMemberError, match="org-club"):
        await client.pull(token, "todo", "tasks", "", CLUB)
    house.clock.advance(3600)
    with pytest.raises(TokenExpiredError):
        await client.pull(token, "todo", "tasks", "")


async def test_a_user_can_be_forgotten(house):
    client = house.client()
    await client.push(house.token(), "todo", [task("1", STAMP)])
    assert await client.forget_user(SERVICE_KEY, "anna") == 1
    with pytest.raises(UnauthenticatedError):
        await client.forget_user("wrong", "anna")


async def test_health_is_told(house):
    assert await house.client().health()


def client_of(answer):
    """Return a client of a service that always gives *answer*, and what it was asked."""
    asked = []

    def handle(request):
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return SyncClient("http://sync.test/base/", http, "lab"), asked


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (httpx.ConnectError("refused"), ServiceUnavailableError, "ConnectError"),
        (httpx.ReadTimeout("slow"), ServiceUnavailableError, "ReadTimeout"),
        (httpx.Response(502, text="<html>"), ServiceUnavailableError, "<html>"),
        (httpx.Response(500), ServiceUnavailableError, "answered 500"),
        (httpx.Response(401, text="unauthorized: no"), UnauthenticatedError, "unauthorized: no"),
        (httpx.Response(400, json={"error": 5}), InvalidInputError, "error"),
        (httpx.Response(403, json=["x"]), ForbiddenError, "x"),
        (httpx.Response(200, text="hello"), ProtocolError, "no SyncAnswer"),
        (httpx.Response(200, json={"changes": []}), ProtocolError, "no SyncAnswer"),
        (httpx.Response(200, content=b"\xff"), ProtocolError, "no SyncAnswer"),
    ],
)
async def test_an_answer_outside_the_protocol_is_an_error_of_the_lab(answer, error, message):
    client, _ = client_of(answer)
    with pytest.raises(error, match=message) as caught:
        await client.pull("t", "todo", "tasks", "")
    assert type(caught.value) is error


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), httpx.Response(503)])
async def test_a_service_that_is_not_well_is_told(answer):
    client, _ = client_of(answer)
    assert not await client.health()


ORIGINAL = {
    "serverChanges": [],
    "conflicts": [],
    "syncedUntil": "2026-01-05T08:00:00.123456789Z",
}


async def test_requests_are_ones_that_the_original_service_understands():
    """It wants a ``since`` on every pull, and leaves out the rows of the client that asks."""
    client, asked = client_of(httpx.Response(200, json=ORIGINAL))
    page = await client.pull("t", "todo", "tasks", "", "org")
    assert page.cursor == ORIGINAL["syncedUntil"]
    (request,) = asked
    assert request.url.path == "/base/sync/todo/pull"
    assert dict(request.url.params) == {
        "collection": "tasks",
        "since": "1970-01-01T00:00:00.000Z",
        "limit": "1000",
        "spaceId": "org",
    }
    assert "x-client-id" not in request.headers
    assert request.headers["authorization"] == "Bearer t"


async def test_a_push_is_one_that_the_original_service_understands():
    client, asked = client_of(httpx.Response(200, json=ORIGINAL))
    early, late = "2026-01-05T08:00:00+01:00", "2026-01-05T07:30:00Z"
    update = Change.to_update("tasks", "1", {"done": True}, late)
    await client.push("t", "a/b", [Change.to_delete("tasks", "2", early), update])
    (request,) = asked
    assert request.url.raw_path == b"/base/sync/a%2Fb"
    body = json.loads(request.content)
    assert body.keys() == {"clientId", "since", "schemaVersion", "changes"}
    assert (body["clientId"], body["schemaVersion"]) == ("lab", 1)
    assert body["since"] == "2026-01-05T07:30:00.000Z"
