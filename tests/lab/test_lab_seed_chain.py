"""Where the original chain broke, from seeding to rating, this one holds; a test each."""

from datetime import timedelta

import httpx
from lab_house import (
    GATEWAY,
    changes,
    decoded,
    email_of,
    gateway_http,
    mcp_client,
    new_space,
    password_of,
    secret_of,
)

from mana_lab import Lab, SimulatedClock
from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.runner import module_of
from mana_lab.sync.wire import Change

STAMP = "2026-01-05T00:00:00.000Z"


async def test_what_the_sync_service_sends_is_what_the_tools_read(lab):
    anna = await lab.persona("anna")
    for tool in ("habits.list", "todo.list", "notes.search", "spaces.list"):
        assert (await anna.call(tool, **({"query": ""} if tool == "notes.search" else {}))).ok
    assert (await anna.call("habits.create", title="Run")).ok
    assert (await anna.call("todo.create", title="Essay")).ok


async def test_a_tool_sees_its_own_records_in_this_session_and_in_any_other(lab):
    anna = await lab.persona("anna")
    made = (await anna.call("habits.create", title="Run")).data["habit"]
    again = await lab.persona("anna")
    for session in (anna, again):
        listed = (await session.call("habits.list")).data["habits"]
        assert [habit["id"] for habit in listed] == [made["id"]]


async def test_updates_and_completions_change_what_is_listed(lab):
    anna = await lab.persona("anna")
    task = (await anna.call("todo.create", title="Essay")).data["task"]
    await anna.call("todo.complete", id=task["id"])
    assert (await anna.call("todo.list")).data["tasks"] == []
    habit = (await anna.call("habits.create", title="Run")).data["habit"]
    await anna.call("habits.update", id=habit["id"], title="Swim")
    assert [h["title"] for h in (await anna.call("habits.list")).data["habits"]] == ["Swim"]
    await anna.call("habits.archive", id=habit["id"])
    assert (await anna.call("habits.list")).data["habits"] == []


async def test_a_list_has_the_records_beyond_the_first_thousand_changes(lab):
    token = await lab.token("anna")
    (space,) = await lab._services.identity.spaces(token)
    record = {"title": "x", "icon": "star", "color": "#6366f1", "isArchived": True}
    record |= {"spaceId": space.id, "createdAt": STAMP, "updatedAt": STAMP}
    inserts = (Change.to_insert("habits", f"old-{n}", record | {"order": n}) for n in range(1100))
    old = [change.model_copy(update={"space_id": space.id}) for change in inserts]
    for start in range(0, len(old), 500):
        await lab._services.sync.push(token, "habits", old[start : start + 500])
    anna = await lab.persona("anna")
    made = (await anna.call("habits.create", title="Run")).data["habit"]
    assert made["order"] == 1100
    listed = (await anna.call("habits.list")).data["habits"]
    assert [habit["id"] for habit in listed] == [made["id"]]


async def test_a_list_has_the_records_of_the_active_space_only(lab):
    anna = await lab.persona("anna")
    await anna.call("todo.create", title="Mine")
    space = await new_space(lab, "anna")
    token = await lab.token("anna")
    async with (
        gateway_http(lab, token, **{"X-Mana-Space": space}) as http,
        mcp_client(http) as client,
    ):
        made = await client.call_tool("todo.create", {"title": "Ours"})
        assert not made.is_error
        listed = await client.call_tool("todo.list", {})
    assert [task["title"] for task in listed.structured_content["tasks"]] == ["Ours"]
    assert [task["title"] for task in (await anna.call("todo.list")).data["tasks"]] == ["Mine"]


async def test_a_record_says_itself_which_space_it_is_in(lab):
    anna = await lab.persona("anna")
    await anna.call("todo.create", title="Essay")
    token = await lab.token("anna")
    (space,) = await lab._services.identity.spaces(token)
    (change,) = await changes(lab, "anna", "todo", "tasks")
    assert change.data["spaceId"] == change.space_id == space.id


async def test_the_list_of_spaces_takes_the_access_token(lab):
    anna = await lab.persona("anna")
    spaces = (await anna.call("spaces.list")).data["spaces"]
    assert [(space["name"], space["type"]) for space in spaces] == [("Anna", "personal")]


async def test_the_access_token_opens_the_gateway_and_the_session_token_does_not(lab):
    login = await lab._services.identity.login(email_of("anna"), password_of(lab, "anna"))
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    for token, refused in ((login.access_token, False), (login.refresh_token, True)):
        async with gateway_http(lab, token, Accept="application/json, text/event-stream") as http:
            answer = await http.post(GATEWAY, json=hello)
        assert (answer.status_code == 401) is refused


async def test_a_seeded_persona_has_a_vault_and_uses_encrypted_tools(lab):
    anna = await lab.persona("anna")
    assert (await anna.call("notes.create", title="Secret", content="text")).ok
    found = (await anna.call("notes.search", query="secret")).data["notes"]
    assert [note["content"] for note in found] == ["text"]
    assert (await lab._services.identity.vault_status(await lab.token("anna"))).vault_exists


async def test_the_administrators_role_is_in_the_token_so_that_seeding_is_allowed(lab):
    assert decoded(await lab._admin_token())["role"] == "admin"
    assert decoded(await lab.token("anna"))["role"] == "user"
    assert not (await lab.seed()).failed


async def test_a_persona_without_a_subscription_may_sync(lab):
    anna = await lab.persona("anna")
    outcome = await anna.call("todo.create", title="Essay")
    assert outcome.error is None
    assert len(await changes(lab, "anna", "todo", "tasks")) == 1


async def test_a_call_has_its_module_however_a_client_writes_the_name(lab):
    for name in ("habits.create", "mcp__mana__habits.create", "mcp__mana__habits_create"):
        assert module_of(name) == "habits"
    run = await lab.run(days=1, personas=["maya"])
    touched = set(lab.actions_df(run)["module"])
    assert touched
    assert set(lab.feedback_df(run)["module"]) == touched


async def test_a_persona_may_call_every_tool_on_offer(lab):
    anna = await lab.persona("anna")
    for tool in await anna.tools():
        outcome = await anna.call(tool.name)
        allowed = {"refused"} if tool.destroys else {"invalid-input"}
        assert outcome.ok or outcome.error.kind in allowed


async def test_a_persona_who_does_nothing_is_not_due_again_at_once(lab):
    run = await lab.run(days=3, personas=["paul"])
    assert (run.calls, run.ticks) == (0, 3)
    due = await lab._services.identity.due_personas(secret_of(lab, "service_key"))
    assert email_of("paul") not in [each.email for each in due.personas]


async def test_signing_in_sets_the_cookie_that_a_browser_needs(lab):
    transport = httpx.ASGITransport(app=lab._services.identity_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mana.lab") as http:
        body = {"email": email_of("anna"), "password": password_of(lab, "anna")}
        answer = await http.post("/api/v1/auth/login", json=body)
    assert answer.headers["set-cookie"].startswith("mana.session_token=")


async def test_a_session_outlives_its_token_and_follows_its_space(folder, few):
    clock = SimulatedClock(SIMULATION_EPOCH)
    async with await Lab.open(folder, catalog=few, clock=clock) as lab:
        anna = await lab.persona("anna")
        assert (await anna.call("todo.create", title="Before")).ok
        clock.move_to(SIMULATION_EPOCH + timedelta(hours=1))
        assert (await anna.call("todo.create", title="An hour later")).ok
        space = await new_space(lab, "anna")
        async with (
            gateway_http(lab, await lab.token("anna")) as http,
            mcp_client(http, "legacy") as client,
        ):
            listed = []
            for header in ({"X-Mana-Space": space}, {}):
                http.headers.pop("X-Mana-Space", None)
                http.headers |= header
                answer = await client.call_tool("todo.list", {})
                listed.append([task["title"] for task in answer.structured_content["tasks"]])
    assert listed == [[], ["Before", "An hour later"]]
