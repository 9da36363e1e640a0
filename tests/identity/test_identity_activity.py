from datetime import UTC, datetime, timedelta

import pytest
from identity_house import SERVICE_KEY, WRITTEN_AT, action, bearer, rating, service

from mana_lab.errors import ConflictError, InvalidInputError, NotFoundError
from mana_lab.identity.server.schema import PERSONA_ACTIONS, PERSONA_FEEDBACK, PERSONAS

ROOT = "/api/v1/internal/personas"


@pytest.fixture
async def ben(house):
    return (await house.persona("ben")).user_id


async def test_an_audited_call_is_stored_as_it_was_sent(house, ben):
    occurred_at = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    sent = action(
        3,
        "notes.create",
        run_id="run-1",
        input_hash="ab" * 32,
        tool_hash="cd" * 32,
        result="error",
        error_kind="refused",
        error_code="not-a-member",
        error_message="You are not a member of this space.",
        latency_ms=12.25,
        shown=4,
        occurred_at=occurred_at,
    )
    assert await house.identity.record_actions(SERVICE_KEY, ben, [sent]) == 1
    (row,) = await house.rows(PERSONA_ACTIONS)
    assert row._asdict() == {
        "id": "tick-1-3-notes.create",
        "persona_id": ben,
        "tick_id": "tick-1",
        "run_id": "run-1",
        "seq": 3,
        "tool_name": "notes.create",
        "tool_hash": "cd" * 32,
        "module": "notes",
        "input_hash": "ab" * 32,
        "result": "error",
        "error_kind": "refused",
        "error_code": "not-a-member",
        "error_message": "You are not a member of this space.",
        "latency_ms": 12.25,
        "shown": 4,
        "occurred_at": occurred_at,
        "created_at": WRITTEN_AT,
    }


async def test_the_least_that_the_original_runner_sends_is_enough(house, ben):
    body = {
        "actions": [
            {"tickId": "t", "toolName": "todo.list", "result": "ok"},
            {"tickId": "t", "toolName": "todo.list", "result": "ok", "latencyMs": 3},
        ]
    }
    answer = await house.http.post(f"{ROOT}/{ben}/actions", json=body, headers=service())
    assert answer.json() == {"ok": True, "written": 2}
    rows = await house.rows(PERSONA_ACTIONS)
    assert [(row.seq, row.occurred_at) for row in rows] == [(n, house.clock.now()) for n in (0, 1)]
    body = {"feedback": [{"tickId": "t", "module": "todo", "rating": 4}]}
    answer = await house.http.post(f"{ROOT}/{ben}/feedback", json=body, headers=service())
    assert answer.json() == {"ok": True, "written": 1}


async def test_what_is_sent_again_is_not_written_again(house, ben):
    """The original failed here: ``written`` counted what was submitted."""
    first = [action(0), action(1)]
    assert await house.identity.record_actions(SERVICE_KEY, ben, first) == 2
    assert await house.identity.record_actions(SERVICE_KEY, ben, first) == 0
    assert await house.identity.record_actions(SERVICE_KEY, ben, [*first, action(2)]) == 1
    assert await house.identity.record_feedback(SERVICE_KEY, ben, [rating()]) == 1
    assert await house.identity.record_feedback(SERVICE_KEY, ben, [rating(), rating("notes")]) == 1


async def test_a_retry_in_another_order_makes_the_same_rows(house, ben):
    """The original failed here: ids were made of places in the batch, so a retry doubled rows."""
    calls = [action(n, tool) for n, tool in enumerate(("todo.create", "todo.list", "todo.create"))]
    assert await house.identity.record_actions(SERVICE_KEY, ben, calls) == 3
    assert await house.identity.record_actions(SERVICE_KEY, ben, calls[::-1]) == 0
    assert await house.identity.record_actions(SERVICE_KEY, ben, [calls[2], calls[0]]) == 0
    assert len(await house.rows(PERSONA_ACTIONS)) == 3


async def test_two_batches_of_one_tick_are_both_stored(house, ben):
    """The original failed here: the same tool at the same place of two batches was one row."""
    await house.identity.record_actions(SERVICE_KEY, ben, [action(0), action(1)])
    assert await house.identity.record_actions(SERVICE_KEY, ben, [action(2), action(3)]) == 2


async def test_a_row_that_is_there_stays_as_it_is(house, ben):
    await house.identity.record_actions(SERVICE_KEY, ben, [action(0, latency_ms=1)])
    await house.identity.record_actions(SERVICE_KEY, ben, [action(0, latency_ms=2)])
    assert [row.latency_ms for row in await house.rows(PERSONA_ACTIONS)] == [1]


async def test_an_id_may_be_given_if_it_is_the_right_one(house, ben):
    right = action(0, id="tick-1-0-todo.create")
    assert await house.identity.record_actions(SERVICE_KEY, ben, [right]) == 1
    with pytest.raises(InvalidInputError, match=r"actions\.1\.id"):
        await house.identity.record_actions(SERVICE_KEY, ben, [action(1), action(2, id="mine")])
    assert len(await house.rows(PERSONA_ACTIONS)) == 1


async def test_an_id_is_cut_to_what_the_column_holds(house, ben):
    long = action(0, "t" * 200, tick_id="x" * 100)
    assert await house.identity.record_actions(SERVICE_KEY, ben, [long]) == 1
    (row,) = await house.rows(PERSONA_ACTIONS)
    assert row.id == ("x" * 100 + "-0-" + "t" * 200)[:255]


async def test_the_tick_of_one_persona_is_not_anothers(house, ben):
    cleo = (await house.persona("cleo")).user_id
    await house.identity.record_actions(SERVICE_KEY, ben, [action()])
    await house.identity.record_feedback(SERVICE_KEY, ben, [rating()])
    with pytest.raises(ConflictError):
        await house.identity.record_actions(SERVICE_KEY, cleo, [action(9), action()])
    with pytest.raises(ConflictError):
        await house.identity.record_feedback(SERVICE_KEY, cleo, [rating()])
    assert {row.persona_id for row in await house.rows(PERSONA_ACTIONS)} == {ben}


async def test_a_rating_is_stored_with_what_it_rests_on(house, ben):
    occurred_at = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    sent = rating(
        stars=2,
        run_id="run-1",
        notes="I could not find my list.",
        evidence=["tick-1-0-todo.list"],
        brain="scripted",
        occurred_at=occurred_at,
    )
    await house.identity.record_feedback(SERVICE_KEY, ben, [sent])
    (row,) = await house.rows(PERSONA_FEEDBACK)
    assert row._asdict() == {
        "id": "tick-1-todo",
        "persona_id": ben,
        "tick_id": "tick-1",
        "run_id": "run-1",
        "module": "todo",
        "rating": 2,
        "notes": "I could not find my list.",
        "evidence": ["tick-1-0-todo.list"],
        "brain": "scripted",
        "occurred_at": occurred_at,
        "created_at": WRITTEN_AT,
    }


@pytest.mark.parametrize("stars", ["1.5", "0", "6", "NaN", '"3"', "true", "null", "4.0", "1e999"])
async def test_a_rating_is_a_whole_number_from_1_to_5(house, ben, stars):
    """The original failed here: 1.5 broke the insert, and NaN took the batch along."""
    body = f'{{"feedback": [{{"tickId": "t", "module": "todo", "rating": {stars}}}]}}'
    answer = await house.http.post(
        f"{ROOT}/{ben}/feedback",
        content=body,
        headers=service() | {"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert [each["path"] for each in answer.json()["details"]] == ["feedback.0.rating"]
    assert await house.rows(PERSONA_FEEDBACK) == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("tickId", ""),
        ("tickId", "t" * 121),
        ("toolName", ""),
        ("result", "maybe"),
        ("seq", -1),
        ("seq", 1.5),
        ("seq", True),
        ("errorKind", "odd"),
        ("latencyMs", -1),
        ("latencyMs", "fast"),
        ("occurredAt", "yesterday"),
        ("occurredAt", "2026-01-05T09:00:00"),
        ("occurredAt", "0001-01-01T00:00:00+14:00"),
        ("occurredAt", "9999-12-31T23:59:59-14:00"),
        ("occurredAt", 1e300),
        ("personaId", "x"),
    ],
)
async def test_one_wrong_member_refuses_the_whole_batch_and_names_it(house, ben, member, value):
    good = {"tickId": "t", "toolName": "todo.list", "result": "ok"}
    answer = await house.http.post(
        f"{ROOT}/{ben}/actions", json={"actions": [good, good | {member: value}]}, headers=service()
    )
    assert answer.status_code == 400
    assert [each["path"] for each in answer.json()["details"]] == [f"actions.1.{member}"]
    assert await house.rows(PERSONA_ACTIONS) == []


@pytest.mark.parametrize("count", [0, 501])
async def test_a_batch_has_1_to_500_calls(house, ben, count):
    calls = [{"tickId": "t", "toolName": "todo.list", "result": "ok"}] * count
    answer = await house.http.post(
        f"{ROOT}/{ben}/actions", json={"actions": calls}, headers=service()
    )
    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, "actions")


async def test_a_full_batch_with_long_messages_fits(house, ben):
    calls = [action(n, error_message="x" * 2000) for n in range(500)]
    assert await house.identity.record_actions(SERVICE_KEY, ben, calls) == 500


async def test_calls_make_the_persona_active_at_the_time_of_the_latest(house, ben):
    start = house.clock.now()
    times = [start + timedelta(minutes=minutes) for minutes in (1, 9, 4)]
    calls = [action(n, occurred_at=moment) for n, moment in enumerate(times)]
    await house.identity.record_actions(SERVICE_KEY, ben, calls)
    assert (await house.rows(PERSONAS))[0].last_active_at == times[1]
    await house.identity.record_actions(SERVICE_KEY, ben, [action(7, occurred_at=start)])
    assert (await house.rows(PERSONAS))[0].last_active_at == times[1]


@pytest.mark.parametrize("user_id", ["nobody", "a person"])
async def test_only_personas_are_recorded(house, user_id):
    if user_id == "a person":
        user_id = (await house.person()).user.id
    with pytest.raises(NotFoundError):
        await house.identity.record_actions(SERVICE_KEY, user_id, [action()])
    with pytest.raises(NotFoundError):
        await house.identity.record_feedback(SERVICE_KEY, user_id, [rating()])
    with pytest.raises(NotFoundError):
        await house.identity.record_tick(SERVICE_KEY, user_id, "t", house.clock.now())


@pytest.mark.parametrize("path", ["due", "x/actions", "x/feedback", "x/ticks"])
async def test_the_records_are_for_services_only(house, path):
    method = "GET" if path == "due" else "POST"
    for headers in ({}, service("dev-service-key"), bearer(await house.admin())):
        answer = await house.http.request(method, f"{ROOT}/{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
