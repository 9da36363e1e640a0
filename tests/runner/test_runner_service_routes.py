"""The routes of the runner's service."""

import asyncio
from decimal import Decimal

import pytest
from playing_house import few_tools
from runner_house import SERVICE_KEY, open_mana
from service_house import ANNA, MAYA, Paced, at_work, crashed, hired, id_of, until
from sqlalchemy import update
from starlette.responses import JSONResponse, PlainTextResponse

from mana_lab.errors import StoreClosedError
from mana_lab.identity import server as identity_server
from mana_lab.runner import Budget, Holder, Ledger
from mana_lab.runner.ledger import TickOutcome
from mana_lab.runner.meter import Usage
from mana_lab.runner.service import Diagnosis
from mana_lab.runner.service.app import LONGEST_BODY

CONTROLS = ("/pause", "/resume", "/diag/login", "/diag/tick")
HERE = {"persona": "anna"}


@pytest.fixture
async def mana(tmp_path):
    async with open_mana(tmp_path, [ANNA, MAYA], registry=few_tools()) as mana:
        yield mana


@pytest.fixture
async def paused(mana):
    """Return a runner at work that has nobody come in."""
    async with at_work(hired(mana, Paced(), paused=True)) as service:
        await until(lambda: service.duty.waiting == 2)
        yield service


@pytest.fixture(scope="module")
async def shared(tmp_path_factory):
    """Return a paused runner at work that tests share which leave it as it is."""
    folder = tmp_path_factory.mktemp("mana")
    async with (
        open_mana(folder, [ANNA, MAYA], registry=few_tools()) as mana,
        at_work(hired(mana, Paced(), paused=True)) as service,
    ):
        await until(lambda: service.duty.waiting == 2)
        yield service


def asks(mana):
    """Return how often it was asked who is there."""
    return mana.identity_service.requests.count("/api/v1/internal/personas")


def refusal(answer):
    """Return the status and the code of an answer in the one shape of errors."""
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["message"]
    return answer.status_code, body["error"]


async def test_health_says_how_it_works_and_whether_it_is_paused(shared):
    async with shared.http("203.0.113.9") as http:
        answer = await http.get("/health")
    assert answer.json() == {
        "status": "ok",
        "service": "mana-persona-runner",
        "tickIntervalMs": 60_000,
        "concurrency": 4,
        "brain": "paced",
        "paused": True,
        "pausedBecause": None,
        "inFlight": 0,
        "waiting": 2,
    }


async def test_pause_and_resume_can_be_said_again(paused):
    async with paused.http() as http:
        for _ in range(2):
            answer = (await http.post("/resume")).json()
            assert (answer["paused"], answer["pausedBecause"]) == (False, None)
        await until(lambda: len(paused.duty.terms.brain.left) == 2)
        for _ in range(2):
            assert (await http.post("/pause")).json()["paused"] is True
        assert (await http.get("/health")).json()["paused"] is True
        assert paused.count("paused") == 1


async def test_ready_says_what_is_well_and_that_it_drains(mana):
    service = hired(mana, Paced())
    async with service.http("203.0.113.9") as http:
        answer = await http.get("/ready")
        assert (answer.status_code, answer.json()) == (
            200,
            {"status": "ready", "checks": {"ledger": True, "identity": True}},
        )
        service.duty.draining.begun.set()
        answer = await http.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "draining")
        assert answer.headers["retry-after"] == "1"
        assert (await http.get("/health")).json()["status"] == "draining"


async def test_ready_says_what_is_not_well(mana):
    service = hired(mana, Paced())
    mana.identity_service.refuse = lambda _scope: PlainTextResponse("down", 503)
    await mana.ledger_store.close()
    async with service.http() as http:
        answer = await http.get("/ready")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "not-ready", "checks": {"ledger": False, "identity": False}},
    )
    with pytest.raises(StoreClosedError):
        await service.ledger.is_well()


async def test_metrics_count_what_happened(mana):
    brain = Paced(costs=Usage(2, 100, 10, Decimal("0.25")))
    brain.hold("maya")
    refused = 0

    def refuse(scope):
        nonlocal refused
        if scope["path"] != "/mcp" or (b"mcp-method", b"tools/call") not in scope["headers"]:
            return None
        refused += 1
        return JSONResponse({"error": "no", "message": "no"}, 403) if refused == 1 else None

    mana.gateway_service.refuse = refuse
    async with at_work(hired(mana, brain, concurrency=1)) as service:
        await until(lambda: len(brain.entered) == 2)
        await until(lambda: service.count("tokens_total", direction="input") == 200)
        assert service.count("ticks_in_flight") == 1
        assert service.count("ticks_total", status="done") == 1
        brain.free("maya")
        await service.looked()
        async with service.http() as http:
            answer = await http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert answer.content == service.duty.counts.text()
        assert service.count("ticks_total", status="done") == 2
        assert service.count("ticks_total", status="failed") == 0
        assert service.count("ticks_total", status="abandoned") == 0
        assert service.count("tool_calls_total") == 2
        assert service.count("tool_errors_total") == 1
        assert service.count("model_requests_total") == 4
        assert service.count("tokens_total", direction="output") == 20
        assert service.count("cost_usd_total") == 0.5
        assert service.count("tick_duration_seconds_count") == 2
        assert service.count("ticks_in_flight") == 0
        assert service.count("ticks_waiting") == 0
        assert service.count("paused") == 0


async def test_metrics_count_failed_ticks(mana):
    mana.gateway_service.refuse = lambda _scope: PlainTextResponse("down", 503)
    async with at_work(hired(mana, Paced())) as service:
        await service.looked()
        assert service.count("ticks_total", status="failed") == 2


async def test_a_persona_signs_in_and_no_token_is_told(shared):
    before = await shared.mana.rows("sessions")
    async with shared.http() as http:
        for name in ("anna", " Anna ", ANNA.email):
            answer = await http.post("/diag/login", json={"persona": name})
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert (told["ok"], told["email"]) == (True, ANNA.email)
            [space] = told["spaces"]
            assert (space["id"], space["type"]) == (told["spaceId"], "personal")
            assert set(told) == {"ok", "email", "userId", "spaceId", "spaces"}
            assert "eyJ" not in answer.text
    assert await shared.mana.rows("sessions") == before


async def test_a_wrong_seed_secret_is_told_as_what_it_is(mana):
    duty = hired(mana, Paced()).duty
    wrong = Diagnosis(mana.identity, SERVICE_KEY, duty, "another secret")
    service = hired(mana, Paced(), app={"diagnosis": wrong})
    async with service.http() as http:
        answer = await http.post("/diag/login", json=HERE)
    assert refusal(answer) == (409, "conflict")
    assert "PERSONA_SEED_SECRET" in answer.json()["message"]


async def test_a_tick_is_lived_now_whether_it_is_due_or_not(mana):
    async with at_work(hired(mana, Paced())) as service, service.http() as http:
        await service.looked()
        for number in (2, 3):
            answer = await http.post("/diag/tick", json=HERE)
            assert answer.status_code == 200, answer.text
            result = answer.json()["result"]
            assert (result["email"], result["status"]) == (ANNA.email, "done")
            assert (result["calls"], result["errors"], result["error"]) == (1, 0, None)
            [row] = [each for each in await mana.rows("ticks") if each["id"] == result["tickId"]]
            assert (row["number"], row["run_id"]) == (number, result["runId"])
        assert len(await mana.rows("persona_actions")) == 4


async def test_a_tick_that_is_asked_for_waits_for_room_and_comes_first(mana):
    brain = Paced()
    brain.hold("anna")
    async with at_work(hired(mana, brain, concurrency=1)) as service, service.http() as http:
        await until(lambda: len(brain.entered) == 1)
        both = [
            asyncio.create_task(http.post("/diag/tick", json={"persona": "maya"})) for _ in range(2)
        ]
        [twice], [asked] = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert refusal(await twice) == (409, "lab-busy")
        now = await http.post("/diag/tick", json=HERE)
        assert refusal(now) == (409, "lab-busy")
        brain.free("anna")
        assert (await asked).json()["result"]["status"] == "done"


async def test_a_tick_that_is_asked_for_ends_with_the_runner(mana):
    brain = Paced()
    brain.hold("anna")
    service = hired(mana, brain)
    await service.duty.begin()
    async with service.http() as http:
        asked = asyncio.create_task(http.post("/diag/tick", json=HERE))
        await until(lambda: brain.entered)
        await service.duty.drain(0)
        assert refusal(await asked) == (503, "service-unavailable")
        late = await http.post("/diag/tick", json=HERE)
        assert refusal(late) == (503, "service-unavailable")


async def test_a_tick_that_another_runner_has_or_had_is_not_lived_twice(mana):
    left = await crashed(mana, ANNA)
    service = hired(mana, Paced(), holder="two")
    await service.duty.begin()
    async with service.http() as http:
        busy = await http.post("/diag/tick", json=HERE)
        assert refusal(busy) == (409, "lab-busy")
        await Ledger(mana.ledger_store, Holder("dead")).close_tick(left.id, TickOutcome())
        result = (await http.post("/diag/tick", json=HERE)).json()["result"]
    await service.duty.drain(0)
    ticks = {row["id"]: row for row in await mana.rows("ticks")}
    assert ticks[result["tickId"]]["number"] == 2
    assert ticks[result["tickId"]]["scheduled_at"] > ticks[left.id]["scheduled_at"]


async def test_a_tick_that_the_budget_does_not_admit_pauses_the_runner(mana):
    brain = Paced(costs=Usage(1, 100, 10, Decimal("0.40")))
    service = hired(mana, brain, budget=Budget.of("0.30"))
    await service.duty.begin()
    async with service.http() as http:
        answer = await http.post("/diag/tick", json=HERE)
        assert refusal(answer) == (402, "budget-exhausted")
        told = (await http.get("/health")).json()
        assert (told["paused"], told["pausedBecause"]) == (True, answer.json()["message"])
        assert (await http.post("/resume")).json()["pausedBecause"] is None
    await service.duty.drain(0)


async def test_who_shares_a_name_is_found_by_their_address(mana):
    tables = identity_server.METADATA.tables
    user_id = await id_of(mana, MAYA)

    async def change(table, **values):
        key = tables[table].c["id" if table == "users" else "user_id"]
        statement = update(tables[table]).where(key == user_id).values(**values)
        await mana.identity_store.write(lambda connection: connection.execute(statement).rowcount)

    await change("users", name="Anna")
    async with hired(mana, Paced()).http() as http:
        answer = await http.post("/diag/login", json=HERE)
        assert refusal(answer) == (409, "conflict")
        assert "e-mail address" in answer.json()["message"]
        answer = await http.post("/diag/login", json={"persona": MAYA.email})
        assert answer.json()["email"] == MAYA.email
        await change("personas", timezone="Mars/Olympus")  # nobody whom the catalog could have
        answer = await http.post("/diag/login", json=HERE)
        assert answer.json()["email"] == ANNA.email


async def test_a_paused_runner_begins_no_tick_that_is_asked_for(paused):
    async with paused.http() as http:
        assert refusal(await http.post("/diag/tick", json=HERE)) == (409, "conflict")
        assert (await http.post("/diag/login", json=HERE)).status_code == 200


@pytest.mark.parametrize("path", ["/diag/login", "/diag/tick"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", (400, "invalid-input")),
        (b"{", (400, "invalid-input")),
        (b"\xff\xfe", (400, "invalid-input")),
        (b"null", (400, "invalid-input")),
        (b"[]", (400, "invalid-input")),
        (b"{}", (400, "invalid-input")),
        (b'{"persona": 7}', (400, "invalid-input")),
        (b'{"persona": null}', (400, "invalid-input")),
        (b'{"persona": ""}', (400, "invalid-input")),
        (b'{"persona": "anna", "password": "x"}', (400, "invalid-input")),
        (b'{"persona": "\\ud800"}', (400, "invalid-input")),
        (b'{"persona": "' + b"a" * 255 + b'"}', (400, "invalid-input")),
        (b"[" * 4000, (400, "invalid-input")),
        (b'{"persona": "nobody"}', (404, "unknown-persona")),
        (b'{"persona": "operator@mana.test"}', (404, "unknown-persona")),
        (b'{"persona": "../anna"}', (404, "unknown-persona")),
        (b'{"persona": "anna\\u0000"}', (404, "unknown-persona")),
        (b'{"persona": "%"}', (404, "unknown-persona")),
        (b" " * (LONGEST_BODY + 1), (413, "payload-too-large")),
    ],
    ids=lambda value: value[:24].decode("latin1") if isinstance(value, bytes) else "",
)
async def test_bodies_that_name_nobody_are_refused_in_the_one_shape(shared, path, body, said):
    async with shared.http() as http:
        answer = await http.post(path, content=body)
    assert refusal(answer) == said
    assert "password" not in answer.json()["message"].replace("password: is not", "")


async def test_identity_that_is_down_is_told_as_what_it_is(mana):
    service = hired(mana, Paced())
    mana.identity_service.refuse = lambda _scope: PlainTextResponse("down", 503)
    async with service.http() as http:
        for path in ("/diag/login", "/diag/tick"):
            assert (await http.post(path, json=HERE)).status_code == 503


async def test_in_production_there_is_no_diagnosis(shared):
    service = hired(shared.mana, Paced(), app={"diagnosis": None})
    async with service.http() as http:
        for path in ("/diag/login", "/diag/tick"):
            assert refusal(await http.post(path, json=HERE)) == (404, "not-found")
        assert (await http.post("/pause")).status_code == 200


@pytest.mark.parametrize("path", [*CONTROLS, "/metrics"])
async def test_control_is_for_this_machine(shared, path):
    method = "GET" if path == "/metrics" else "POST"
    for client, headers in (
        ("203.0.113.9", {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"Origin": "https://evil.example"}),
        ("127.0.0.1", {"Origin": "null"}),
    ):
        async with shared.http(client, headers) as http:
            answer = await http.request(method, path, json=HERE)
        assert refusal(answer) == (403, "forbidden")
    assert shared.duty.paused


@pytest.mark.parametrize("path", [*CONTROLS, "/metrics"])
async def test_control_is_for_who_shows_the_token(shared, path):
    tokens = {"control_token": "open sesame", "metrics_token": "count sesame"}
    service = hired(shared.mana, Paced(), paused=True, app=tokens)
    method = "GET" if path == "/metrics" else "POST"
    right = tokens["metrics_token" if path == "/metrics" else "control_token"]
    wrong = tokens["control_token" if path == "/metrics" else "metrics_token"]
    for shown in ("", f"Bearer {wrong}", f"Basic {right}", right, "Bearer öffne dich".encode()):
        async with service.http(headers={"Authorization": shown}) as http:
            assert refusal(await http.request(method, path, json=HERE)) == (403, "forbidden")
    async with service.http("203.0.113.9", {"Authorization": f"Bearer {right}"}) as http:
        assert (await http.request(method, path, json=HERE)).status_code != 403


async def test_what_is_not_there_and_what_is_not_done_so_are_told_in_the_one_shape(shared):
    async with shared.http() as http:
        for path in ("/", "/nowhere", "/health/", "/diag", "/diag/", "//health", "/%00"):
            assert refusal(await http.get(path)) == (404, "not-found")
        for path in CONTROLS:
            answer = await http.get(path)
            assert refusal(answer) == (405, "invalid-input")
            assert answer.headers["allow"] == "POST"
        for path in ("/health", "/ready", "/metrics"):
            answer = await http.post(path)
            assert refusal(answer) == (405, "invalid-input")
            assert answer.headers["allow"] == "GET, HEAD"
