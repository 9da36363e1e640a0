import json
import logging

import httpx
import pytest
from sync_house import FLAT, ISSUER, SERVICE_KEY, Members, insertion, make_app, verifier

from mana_lab.crypto import SigningKey, sign
from mana_lab.errors import SettingsError
from mana_lab.storage import Store
from mana_lab.sync import Change
from mana_lab.sync.server import METADATA, create_app


async def test_health_needs_no_token(house):
    answer = await house.http.get("/health")
    assert answer.json() == {
        "status": "ok",
        "service": "mana-sync",
        "timestamp": "2026-01-05T00:00:00.000Z",
        "connections": 0,
        "users": 0,
    }


ROUTES = [("POST", "/sync/todo"), ("GET", "/sync/todo/pull?collection=tasks")]


async def test_no_token_no_answer(house):
    for method, path in ROUTES:
        answer = await house.http.request(method, path)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_of_somebody_else_is_refused(house):
    now = int(house.clock.now().timestamp())
    claims = {"sub": "anna", "iss": ISSUER, "aud": "mana", "iat": now, "exp": now + 900}
    forged = [
        sign(claims, SigningKey.generate()),
        sign(claims, SigningKey(house.key.kid, bytes(32))),
        sign(claims | {"aud": "other"}, house.key),
        sign(claims | {"iss": "http://evil.test"}, house.key),
        sign(claims | {"exp": now - 3600, "iat": now - 4500}, house.key),
        "x.y.z",
    ]
    for method, path in ROUTES:
        for token in forged:
            headers = {"authorization": f"Bearer {token}"}
            answer = await house.http.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"] in {"invalid-token", "token-expired"}


async def test_the_token_is_judged_before_anything_else(house):
    answer = await house.http.post("/sync/..%2e", content=b"[" * 1000)
    assert answer.status_code in {401, 404}
    answer = await house.http.get("/sync/todo/pull?limit=x")
    assert answer.status_code == 401


async def test_a_body_above_ten_mebibytes_is_refused(house):
    body = json.dumps({"clientId": "x", "changes": [insertion(data={"x": "y" * 2**20})] * 10})
    assert len(body) > 10 * 2**20
    answer = await house.push_raw(body)
    assert (answer.status_code, answer.json()["error"]) == (413, "payload-too-large")


async def test_a_body_of_nearly_ten_mebibytes_is_taken(house):
    change = insertion(data={"x": "y" * (10 * 2**20 - 300)})
    answer = await house.push(change, since="2099-01-01T00:00:00Z")
    assert answer.status_code == 200


async def test_a_body_without_a_length_is_counted_as_it_comes(house):
    async def endless():
        while True:
            yield b" " * 2**16

    answer = await house.http.post("/sync/todo", content=endless(), headers=house.bearer())
    assert (answer.status_code, answer.json()["error"]) == (413, "payload-too-large")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/sync", 404),
        ("GET", "/sync/", 404),
        ("GET", "/sync/todo", 405),
        ("PUT", "/sync/todo", 405),
        ("TRACE", "/sync/todo", 405),
        ("POST", "/sync/todo/", 404),
        ("POST", "//sync/todo", 404),
        ("POST", "/sync/todo/pull", 405),
        ("GET", "/sync/todo/pull/", 404),
        ("GET", "/sync/a%2Fb/pull", 404),
        ("GET", "/docs", 404),
    ],
)
async def test_other_paths_and_methods_are_answered_in_the_same_shape(house, method, path, status):
    answer = await house.http.request(method, path, headers=house.bearer())
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "message", "status"}
    assert answer.json()["status"] == status


async def test_the_description_of_the_service_has_no_loose_ends(house):
    document = (await house.http.get("/openapi.json")).json()
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= schemas.keys()
    assert "$defs" not in text
    push = document["paths"]["/sync/{app_id}"]["post"]
    body = push["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"].keys() == {"clientId", "since", "schemaVersion", "changes"}
    kinds = body["properties"]["changes"]["items"]["oneOf"]
    assert [kind["properties"]["op"]["const"] for kind in kinds] == ["insert", "update", "delete"]
    known = {field.alias for field in Change.model_fields.values()}
    assert all(kind["properties"].keys() < known for kind in kinds)


async def test_the_description_says_who_gets_in_and_what_may_be_answered(house):
    document = (await house.http.get("/openapi.json")).json()
    told = {
        path: (list(operation["responses"]), operation.get("security"))
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }
    answers = ["200", "4XX", "503"]
    assert told == {
        "/sync/{app_id}": (answers, [{"HTTPBearer": []}]),
        "/sync/{app_id}/pull": (answers, [{"HTTPBearer": []}]),
        "/api/v1/internal/users/{user_id}/changes": (answers, [{"APIKeyHeader": []}]),
        "/sync/{app_id}/stream": (["200", "4XX", "503"], [{"HTTPBearer": []}]),
        "/metrics": (["200"], None),
        "/health": (["200"], None),
    }


async def forget(house, user, key=SERVICE_KEY):
    headers = {} if key is None else {"x-service-key": key}
    return await house.http.delete(f"/api/v1/internal/users/{user}/changes", headers=headers)


async def test_a_deleted_users_changes_go_and_nobody_elses(house):
    house.members.spaces["anna"].add("org-annas-alone")
    named = {"actor": {"displayName": "Anna"}, "origin": "user"}
    for user in ("anna", "ben"):
        await house.push(
            insertion(user, spaceId=FLAT, **named), insertion("own", **named), user=user
        )
    await house.push(insertion("alone", spaceId="org-annas-alone"))
    answer = await forget(house, "anna")
    assert answer.json() == {"deleted": 2}
    assert await house.pull_ids("anna") == ["anna", "ben"]
    assert await house.pull_ids("ben") == ["anna", "ben", "own"]
    actors = {(row.user_id, row.record_id): row.actor for row in house.rows()}
    assert actors == {
        ("anna", "anna"): None,
        ("ben", "ben"): named["actor"],
        ("ben", "own"): named["actor"],
    }
    assert (await forget(house, "anna")).json() == {"deleted": 0}


async def test_nothing_is_removed_while_it_cannot_be_found_out_what_is_whose(house):
    await house.push(insertion(spaceId=FLAT), insertion("own"))
    house.members.is_down = True
    assert (await forget(house, "anna")).status_code == 503
    assert len(house.rows()) == 2


@pytest.mark.parametrize("key", [None, "", "dev-service-key", SERVICE_KEY + " x", "ä"])
async def test_only_a_service_removes_changes(house, key):
    await house.push(insertion())
    raw = None if key is None else key.encode("latin-1")
    answer = await forget(house, "anna", raw)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
    assert await house.pull_ids() == ["1"]


async def test_a_users_token_is_not_a_service_key(house):
    answer = await house.http.delete(
        "/api/v1/internal/users/anna/changes", headers=house.bearer("anna")
    )
    assert answer.status_code == 401


async def test_a_service_without_a_key_is_not_made(house):
    with pytest.raises(SettingsError, match="service key"):
        create_app(
            house.store,
            clock=house.clock,
            verifier=verifier(house.key, house.clock),
            memberships=house.members,
            service_key="",
        )


async def test_a_store_that_is_closed_is_the_services_failure(house, caplog):
    await house.store.close()
    with caplog.at_level(logging.CRITICAL):
        answer = await house.push(insertion())
    assert answer.status_code == 500
    assert answer.json()["error"] == "store-closed"


async def test_another_process_continues_where_the_last_one_stopped(house):
    await house.push(insertion("1"))
    cursor = (await house.pull()).json()["syncedUntil"]
    await house.store.close()
    async with await Store.open(house.home.url("sync"), METADATA) as store:
        app = make_app(store, house.clock, house.key, Members(anna=[FLAT]))
        house.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://sync.test"
        )
        async with house.http:
            await house.push(insertion("2"))
            assert await house.pull_ids(since=cursor) == ["2"]
            assert await house.pull_ids() == ["1", "2"]
