import logging

import pytest
from identity_house import PASSWORD, SERVICE_KEY, bearer, service
from sqlalchemy import text

from mana_lab.identity.server.schema import USERS

REGISTER = "/api/v1/auth/register"
ACTIONS = "/api/v1/internal/personas/x/actions"
JSON = {"Content-Type": "application/json"}


def shape(answer):
    body = answer.json()
    assert set(body) - {"details"} == {"error", "message", "status"}
    assert body["status"] == answer.status_code
    return answer.status_code, body["error"]


async def test_the_service_says_that_it_is_well(house):
    answer = await house.http.get("/health")
    assert answer.json() == {
        "status": "ok",
        "service": "mana-auth",
        "timestamp": "2026-01-05T00:00:00.000Z",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 30_000,
        b'{"email":' * 7_000,
        b'{"email": "a@b.test", "password": NaN}',
        b'{"email": "\\ud800@b.test", "password": "12345678"}',
        b'{"\\ud800": 1}',
        b'{"email": ' + b"9" * 5000 + b"}",
        b"\x00",
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("path", [REGISTER, "/api/v1/auth/login", ACTIONS])
async def test_a_body_that_is_no_request_is_a_400(house, path, body):
    answer = await house.http.post(path, content=body, headers=JSON | service())
    assert shape(answer) == (400, "invalid-input")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_a_body_that_is_not_said_to_be_json_is_a_400(house, kind):
    body = f'{{"email": "anna@a.test", "password": "{PASSWORD}"}}'
    answer = await house.http.post(REGISTER, content=body, headers={"Content-Type": kind})
    assert shape(answer) == (400, "invalid-input")
    assert len(await house.rows(USERS)) == 1


async def test_a_body_above_64_kb_is_a_413(house):
    body = {"email": "anna@a.test", "password": PASSWORD, "name": "x" * 65_536}
    assert shape(await house.http.post(REGISTER, json=body)) == (413, "payload-too-large")


async def test_a_body_of_unknown_length_is_measured_too(house):
    async def chunks():
        for _ in range(70):
            yield b"x" * 1024

    answer = await house.http.post(REGISTER, content=chunks(), headers=JSON)
    assert shape(answer) == (413, "payload-too-large")


@pytest.mark.parametrize("size", [1_900_000, 2_200_000])
async def test_a_batch_may_have_2_mb(house, size):
    body = b'{"actions": [' + b" " * size + b"]}"
    answer = await house.http.post(ACTIONS, content=body, headers=JSON | service())
    assert shape(answer)[0] == (400 if size < 2_000_000 else 413)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", REGISTER), ("PUT", REGISTER), ("TRACE", "/health"), ("POST", "/api/auth/jwks")],
)
async def test_a_wrong_method_is_a_405(house, method, path):
    answer = await house.http.request(method, path, headers={"X-HTTP-Method-Override": "POST"})
    assert shape(answer)[0] == 405
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/auth/register", "POST"),
        ("/api/v1/admin/personas", "GET, POST"),
        ("/api/v1/admin/personas/x", "DELETE, GET"),
        ("/api/v1/spaces/x/policy", "GET, PUT"),
        ("/api/v1/me/encryption-vault/recovery-wrap", "DELETE, POST, PUT"),
    ],
)
async def test_a_wrong_method_is_told_all_the_right_ones(house, path, methods):
    answer = await house.http.patch(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/api/v1/auth/register/",
        "//api/v1/auth/register",
        "/api/v1/admin/personas/",
        "/api/v1/internal/personas/%2e%2e/%2e%2e/due",
    ],
)
async def test_a_wrong_path_is_a_404(house, path):
    assert shape(await house.http.get(path)) == (404, "not-found")


async def test_an_unknown_member_is_refused_by_name(house):
    body = {"email": "anna@a.test", "password": PASSWORD, "pasword": "oops"}
    answer = await house.http.post(REGISTER, json=body)
    assert answer.json()["details"] == [
        {"path": "pasword", "message": "is not a known field; leave it out"}
    ]


async def test_a_refusal_does_not_repeat_what_was_sent(house):
    canary = "canary-canary"
    body = {"email": canary, "password": [canary], "name": {"x": canary}, "sourceAppUrl": 7}
    answer = await house.http.post(REGISTER, json=body)
    assert answer.status_code == 400
    assert len(answer.json()["details"]) == 4
    assert canary not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Basic YTpi")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer x"), ("Authorization", "Bearer y")],
        [("Authorization", "Bearer x.y.z")],
        [("Authorization", "Bearer " + "x" * 9000)],
    ],
    ids=["none", "basic", "empty", "two", "nonsense", "long"],
)
async def test_without_one_good_token_the_answer_is_401(house, headers):
    answer = await house.http.get("/api/auth/organization/list", headers=headers)
    assert shape(answer)[0] == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_in_the_query_opens_nothing(house):
    login = await house.person()
    answer = await house.http.get(
        "/api/auth/organization/list", params={"access_token": login.access_token}
    )
    assert answer.status_code == 401


async def test_the_unexpected_is_logged_and_not_told(house, caplog):
    login = await house.person()
    house.tamper(text("DROP TABLE members"))
    with caplog.at_level(logging.ERROR):
        answer = await house.http.get(
            "/api/auth/organization/list", headers=bearer(login.access_token)
        )
    assert shape(answer) == (500, "internal-error")
    assert "members" not in answer.text
    assert any(record.exc_info for record in caplog.records)


async def test_other_origins_are_not_let_in_with_credentials(house):
    answer = await house.http.get("/health", headers={"Origin": "http://evil.test"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_description_says_what_is_answered(house):
    document = (await house.http.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "422" not in operation["responses"], path
            if path != "/health":
                refusal = operation["responses"]["4XX"]["content"]["application/json"]
                assert refusal["schema"]["$ref"].endswith("/ErrorBody")
    login = document["paths"]["/api/v1/auth/login"]["post"]["responses"]["200"]
    assert login["content"]["application/json"]["schema"]["$ref"].endswith("/Login")
    schemes = set(document["components"]["securitySchemes"])
    assert schemes == {"HTTPBearer", "APIKeyHeader", "APIKeyCookie"}
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))


async def test_a_long_address_takes_no_long_time_to_refuse(house):
    body = {"email": "a@" + "." * 50_000, "password": PASSWORD}
    assert shape(await house.http.post(REGISTER, json=body)) == (400, "invalid-input")


async def test_the_service_key_is_not_in_any_answer(house):
    answer = await house.http.get("/api/v1/internal/personas/due", headers=service("wrong"))
    assert SERVICE_KEY not in answer.text
