import asyncio
import json
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp.server import Server
from mcp.types import (
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolResult,
    ListToolsResult,
    TextContent,
    Tool,
)
from runner_house import GATEWAY, SECRET
from starlette.responses import JSONResponse, PlainTextResponse

from mana_lab.clock import ManualClock
from mana_lab.crypto import canonical_hash
from mana_lab.errors import (
    InvalidCredentialsError,
    ManaLabError,
    NotAMemberError,
    NotFoundError,
    ServiceUnavailableError,
)
from mana_lab.personas import persona_password
from mana_lab.registry.manifest import tool_hash
from mana_lab.runner import App, Endpoint, Recorder
from mana_lab.runner.account import Account
from mana_lab.runner.audited import TOOL_META
from mana_lab.tools import default_registry
from mana_lab.web.serving import listen, serve


def other_versions(_scope):
    error = {"code": UNSUPPORTED_PROTOCOL_VERSION, "message": "no", "data": {"supported": ["2027"]}}
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)


@pytest.fixture
async def app(mana, anna):
    async with await mana.app(anna) as app:
        yield app


def refusing(status, code):
    body = {"error": code, "message": "no, because of the test", "status": status}
    return lambda _scope: JSONResponse(body, status)


async def test_a_persona_signs_in_and_acts_in_its_personal_space(app, anna):
    """The token is the access token, and it lists the spaces."""
    assert app.user.email == anna.email
    assert app.user.kind == "persona"
    assert app.space.type == "personal"
    listed = await app.call("spaces.list")
    assert listed.ok
    assert listed.data["activeSpaceId"] == app.space.id


async def test_what_one_call_writes_the_next_one_reads(app):
    made = await app.call("todo.create", {"title": "Hausarbeit abgeben"})
    listed = await app.call("todo.list")
    assert [task["id"] for task in listed.data["tasks"]] == [made.data["task"]["id"]]
    assert [action.seq for action in app.recorder.actions] == [0, 1]


async def test_the_tools_are_listed_with_schema_and_hints(app):
    tools = {tool.name: tool for tool in await app.tools()}
    assert list(tools) == sorted(tools)
    assert tools["todo.list"].reads
    assert not tools["todo.create"].reads
    assert not tools["todo.create"].destroys
    assert tools["todo.create"].module == "todo"
    assert tools["todo.create"].input_schema["required"] == ["title"]
    assert tools["todo.create"].description


async def test_the_list_of_tools_is_fetched_once_for_all_sessions_of_a_user(mana, anna):
    for _ in range(3):
        async with await mana.app(anna) as app:
            assert len(await app.tools()) == len(default_registry())
            assert (await app.call("todo.list")).ok
    methods = mana.gateway_service.methods
    assert (methods.count("server/discover"), methods.count("tools/list")) == (1, 1)


async def test_what_the_gateway_says_of_itself_is_asked_for_each_user(mana, anna, maya):
    """The gateway marks it as private."""
    for persona in (anna, maya, anna, maya):
        async with await mana.app(persona) as app:
            assert (await app.call("todo.list")).ok
    assert mana.gateway_service.methods.count("server/discover") == 2


async def test_a_gateway_is_asked_again_when_its_answer_is_too_old(mana, anna):
    clock = ManualClock()
    mana.endpoint = Endpoint(GATEWAY, httpx2.ASGITransport(mana.gateway_service), clock=clock)
    for minutes, asked in ((0, 1), (4, 1), (2, 2)):
        clock.advance(60 * minutes)
        async with await mana.app(anna):
            assert mana.gateway_service.methods.count("server/discover") == asked


@pytest.mark.parametrize("refusal", [refusing(503, "service-unavailable"), other_versions])
async def test_a_gateway_that_was_lost_is_asked_again_at_the_door(mana, anna, refusal):
    async with await mana.app(anna) as app:
        mana.gateway_service.refuse = refusal
        assert not (await app.call("todo.list")).ok
    with pytest.raises(ManaLabError):
        await mana.app(anna)
    mana.gateway_service.refuse = lambda _scope: None
    async with await mana.app(anna) as app:
        assert (await app.call("todo.list")).ok


async def test_every_call_is_audited(app, mana):
    await app.call("todo.create", {"title": "a", "priority": "high"})
    await app.call("todo.create", {"priority": "asap", "title": "b"})
    good, bad = app.recorder.actions
    assert good.id == f"{app.recorder.tick_id}-0-todo.create"
    assert good.input_hash == canonical_hash({"priority": "high", "title": "a"})
    assert (good.module, good.result, good.error_kind) == ("todo", "ok", None)
    assert good.occurred_at == mana.clock.now()
    assert (bad.result, bad.error_kind, bad.seq) == ("error", "invalid-input", 1)
    assert "priority" in bad.error_message
    promised = tool_hash(default_registry().get("todo.create"))
    assert [action.tool_hash for action in (good, bad)] == [promised] * 2


async def test_a_tool_that_nobody_knows_has_no_version(app):
    await app.call("todo.gone")
    assert app.recorder.actions[0].tool_hash is None


async def test_latency_is_measured_on_the_monotonic_clock(mana, anna):
    clock = ManualClock()
    mana.gateway_service.refuse = lambda _scope: clock.advance(0.25)
    mana.clock = clock
    async with await mana.app(anna) as app:
        await app.tools()
        outcome = await app.call("todo.list")
    assert outcome.latency_ms == 250
    assert app.recorder.actions[0].latency_ms == 250


async def test_an_invalid_argument_is_named(app):
    outcome = await app.call("todo.create", {"title": "a", "priority": "asap"})
    assert (outcome.error.kind, outcome.error.path) == ("invalid-input", "priority")
    assert not outcome.ok
    assert outcome.data is None


async def test_an_unknown_record_and_an_unknown_tool_are_not_found(app):
    gone = await app.call("todo.complete", {"id": "7b0c2b5e-5a50-4b9a-9a5e-0d1f2c3b4a59"})
    assert (gone.error.kind, gone.error.code) == ("not-found", "not-found")
    unknown = await app.call("todo.invent")
    assert (unknown.error.kind, unknown.error.code) == ("not-found", "unknown-tool")
    assert [action.error_code for action in app.recorder.actions] == ["not-found", "unknown-tool"]


async def test_arguments_that_have_no_json_text_are_not_sent(app, mana):
    before = len(mana.gateway_service.requests)
    outcome = await app.call("todo.create", {"title": float("nan")})
    assert (outcome.error.kind, outcome.error.code) == ("invalid-input", "unserializable-value")
    assert len(mana.gateway_service.requests) == before
    assert app.recorder.actions[0].input_hash is None


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "not-a-member", "refused"),
        (429, "rate-limited", "refused"),
        (503, "service-unavailable", "infrastructure"),
        (500, "whatever", "infrastructure"),
    ],
)
async def test_an_http_failure_keeps_its_meaning(app, mana, status, code, kind):
    mana.gateway_service.refuse = refusing(status, code)
    outcome = await app.call("todo.list")
    assert outcome.error.kind == kind
    assert outcome.error.message == "no, because of the test"
    mana.gateway_service.refuse = lambda _scope: None
    assert (await app.call("todo.list")).ok


async def test_an_answer_that_is_no_json_is_a_failure_of_the_infrastructure(app, mana):
    mana.gateway_service.refuse = lambda _scope: PlainTextResponse("<html>", 502)
    outcome = await app.call("todo.list")
    assert outcome.error.kind == "infrastructure"
    assert "<html>" not in outcome.error.message


async def test_an_unreachable_gateway_is_an_outcome_and_the_session_survives(mana, anna):
    def unplugged(request):
        raise httpx2.ConnectError("nobody listens", request=request)

    plugs = [None]

    class Cable(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request):
            if plugs:
                return await inner.handle_async_request(request)
            return unplugged(request)

    inner = httpx2.ASGITransport(app=mana.gateway_service)
    mana.endpoint = Endpoint(GATEWAY, Cable(), clock=mana.clock)
    async with await mana.app(anna) as app:
        plugs.clear()
        outcome = await app.call("todo.list")
        assert (outcome.error.kind, outcome.error.code) == ("infrastructure", "service-unavailable")
        plugs.append(None)
        assert (await app.call("todo.list")).ok


async def test_a_transport_that_breaks_ends_the_session_but_raises_nothing(mana, anna):
    broken = []

    class Cable(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request):
            if broken:
                raise ZeroDivisionError
            return await inner.handle_async_request(request)

    inner = httpx2.ASGITransport(app=mana.gateway_service)
    mana.endpoint = Endpoint(GATEWAY, Cable(), clock=mana.clock)
    async with await mana.app(anna) as app:
        broken.append(True)
        for _ in range(2):
            outcome = await app.call("todo.list")
            assert outcome.error.code == "service-unavailable"
        with pytest.raises(ServiceUnavailableError):
            await app.tools()


async def test_an_expired_token_is_replaced_once(app, mana):
    refusals = [refusing(401, "token-expired")(None)]
    mana.gateway_service.refuse = lambda _scope: refusals.pop() if refusals else None
    logins = mana.identity_service.requests.count("/api/v1/auth/refresh")
    assert (await app.call("todo.list")).ok
    assert mana.identity_service.requests.count("/api/v1/auth/refresh") == logins + 1


async def test_calls_at_once_replace_the_token_once(app, mana):
    refusals = [refusing(401, "token-expired")(None) for _ in range(3)]
    mana.gateway_service.refuse = lambda _scope: refusals.pop() if refusals else None
    logins = mana.identity_service.requests.count("/api/v1/auth/refresh")
    outcomes = await asyncio.gather(*(app.call("todo.list") for _ in range(3)))
    assert all(outcome.ok for outcome in outcomes)
    assert sorted(outcome.seq for outcome in outcomes) == [0, 1, 2]
    assert mana.identity_service.requests.count("/api/v1/auth/refresh") <= logins + 3


async def test_a_gateway_that_takes_no_token_refuses(app, mana):
    mana.gateway_service.refuse = refusing(401, "invalid-token")
    outcome = await app.call("todo.list")
    assert (outcome.error.kind, outcome.error.code) == ("refused", "invalid-token")


async def test_the_password_must_be_right(mana, anna):
    with pytest.raises(InvalidCredentialsError):
        await App.open(
            Account(mana.identity, anna.email, "wrong password"),
            identity=mana.identity,
            endpoint=mana.endpoint,
            recorder=Recorder("", "t", None, clock=mana.clock),
            clock=mana.clock,
        )


async def test_a_space_that_the_user_is_not_in_is_not_found(mana, anna):
    with pytest.raises(NotFoundError, match="not in that space"):
        await mana.app(anna, space_id="somebody else's")


async def test_a_gateway_that_is_down_or_refuses_says_so_at_the_door(mana, anna):
    tasks = await mana.tasks()
    mana.gateway_service.refuse = refusing(503, "service-unavailable")
    with pytest.raises(ServiceUnavailableError, match="because of the test"):
        await mana.app(anna)
    mana.gateway_service.refuse = refusing(403, "not-a-member")
    with pytest.raises(NotAMemberError):
        await mana.app(anna)
    assert await mana.tasks() == tasks


async def test_a_gateway_behind_a_port_is_reached_over_the_network(mana, anna):
    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
    ready = asyncio.Event()
    serving = asyncio.create_task(serve(mana.new_gateway(), sock, on_ready=ready.set))
    await ready.wait()
    mana.endpoint = Endpoint(url, clock=mana.clock)
    async with await mana.app(anna) as app:
        assert (await app.call("todo.create", {"title": "over the wire"})).ok
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    async with await mana.app(anna) as app:
        assert (await app.call("todo.list")).error.code == "service-unavailable"
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        await mana.app(anna)
    await mana.endpoint.close()


async def test_the_token_is_refused_when_signing_in_again_fails(app, mana):
    mana.gateway_service.refuse = refusing(401, "token-expired")
    mana.identity_service.refuse = refusing(503, "service-unavailable")
    outcome = await app.call("todo.list")
    assert (outcome.error.kind, outcome.error.code) == ("refused", "token-expired")


async def test_an_app_may_be_closed_by_another_task_than_opened_it(mana, anna):
    tasks = await mana.tasks()
    app = await asyncio.create_task(mana.app(anna))
    assert (await asyncio.create_task(app.call("todo.list"))).ok
    await asyncio.create_task(app.close())
    await app.close()
    assert await mana.tasks() == tasks
    closed = await app.call("todo.list")
    assert closed.error.code == "service-unavailable"


async def test_giving_up_while_connecting_leaves_no_task_behind(mana, anna):
    await (await mana.app(anna)).close()
    mana.endpoint.discoveries.forget()  # so that the next one has something to ask
    tasks = await mana.tasks()
    reached = asyncio.Event()
    mana.gateway_service.refuse = lambda _scope: reached.set()
    opening = asyncio.create_task(mana.app(anna))
    await reached.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert await mana.tasks() == tasks


async def test_a_cancelled_call_is_audited_as_such(app, mana):
    reached = asyncio.Event()
    mana.gateway_service.refuse = lambda _scope: reached.set()
    calling = asyncio.create_task(app.call("todo.list"))
    await reached.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert app.recorder.actions[0].error_code == "cancelled"
    assert (await app.call("todo.list")).seq == 1


async def test_a_call_that_is_done_again_writes_the_same_record(mana, anna):
    made = []
    for _ in range(2):
        recorder = Recorder("nobody", "one tick", None, clock=mana.clock)
        async with await mana.app(anna, recorder) as app:
            made.append((await app.call("todo.create", {"title": "once"})).data["task"]["id"])
            listed = (await app.call("todo.list")).data["tasks"]
    assert made[0] == made[1]
    assert [task["title"] for task in listed] == ["once"]


@asynccontextmanager
async def foreign(mana, result):
    """A server that is not our gateway, with one tool that answers with *result*."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    described = schema if result.structured_content is not None else None
    tool = Tool(name="other.tool", input_schema={"type": "object"}, output_schema=described)

    async def tools(_ctx, _params):
        return ListToolsResult(tools=[tool])

    async def call(_ctx, _params):
        return result

    app = Server("other", on_list_tools=tools, on_call_tool=call).streamable_http_app(
        json_response=True, host="gateway.test"
    )
    async with app.router.lifespan_context(app):
        mana.endpoint = Endpoint(GATEWAY, httpx2.ASGITransport(app=app), clock=mana.clock)
        yield


async def test_an_answer_that_breaks_its_own_schema_is_invalid_output(mana, anna):
    async with (
        foreign(mana, CallToolResult(content=[], structured_content={"n": "one"})),
        await mana.app(anna) as app,
    ):
        outcome = await app.call("other.tool")
        assert (outcome.error.kind, outcome.error.code) == ("infrastructure", "invalid-output")


@pytest.mark.parametrize(
    ("text", "data"), [(json.dumps({"n": 1}), {"n": 1}), ("just words", "just words")]
)
async def test_a_server_that_answers_in_text_is_understood(mana, anna, text, data):
    result = CallToolResult(content=[TextContent(type="text", text=text)])
    async with foreign(mana, result), await mana.app(anna) as app:
        assert [tool.annotations for tool in await app.tools()] == [{}]
        assert (await app.call("other.tool")).data == data


@pytest.mark.parametrize("said", [None, 7, "", "0" * 63, "G" * 64, "0" * 65, ["0" * 64]], ids=repr)
async def test_a_version_that_is_no_hash_is_left_out(mana, anna, said):
    result = CallToolResult(content=[], structured_content={"n": 1}, _meta={TOOL_META: said})
    async with foreign(mana, result), await mana.app(anna) as app:
        assert (await app.call("other.tool")).ok
        assert app.recorder.actions[0].tool_hash is None


async def test_a_foreign_tools_failure_is_one_of_the_infrastructure(mana, anna):
    result = CallToolResult(content=[TextContent(type="text", text="it broke")], is_error=True)
    async with foreign(mana, result), await mana.app(anna) as app:
        outcome = await app.call("other.tool")
        assert (outcome.error.kind, outcome.error.message) == ("infrastructure", "it broke")


async def test_who_is_signed_in_needs_no_password_again(mana, anna):
    sessions = {}
    password = persona_password(anna.email, SECRET)
    logins = mana.identity_service.requests.count("/api/v1/auth/login")
    for _ in range(3):
        user, _token = await Account(mana.identity, anna.email, password, sessions).enter()
        assert user.email == anna.email
    assert mana.identity_service.requests.count("/api/v1/auth/login") == logins + 1


async def test_who_was_signed_out_signs_in_again(mana, anna):
    sessions = {}
    account = Account(mana.identity, anna.email, persona_password(anna.email, SECRET), sessions)
    await mana.identity.logout(await account.token())
    before = sessions[anna.email]
    token = await account.token()
    assert sessions[anna.email] != before
    assert await mana.identity.spaces(token)


async def test_whose_password_no_longer_counts_is_refused_once_the_session_is_over(mana, anna):
    sessions = {}
    password = persona_password(anna.email, SECRET)
    token = await Account(mana.identity, anna.email, password, sessions).token()
    await mana.identity.logout(token)
    with pytest.raises(InvalidCredentialsError):
        await Account(mana.identity, anna.email, "wrong", sessions).enter()
    assert sessions == {}
