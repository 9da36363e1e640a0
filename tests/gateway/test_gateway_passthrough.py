"""The caller's own token goes no further than the gateway, whatever becomes of a call."""

import json
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from gateway_house import ERAS, SERVICE_KEY, TestTools, call_echo, connected, open_house
from mcp import MCPError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.responses import PlainTextResponse
from test_gateway_with_tools import open_sync, user_with_vault

from mana_lab import gateway
from mana_lab.gateway import IDEMPOTENCY_META, GatewayKeys, Memory
from mana_lab.registry import ADMITTED, Registry, ToolContext, ToolInput, ToolOutput, tool
from mana_lab.registry.passes import Forwarding
from mana_lab.tools import default_registry

EXCHANGE = "/api/v1/auth/token-exchange"


class Nosy(ToolInput):
    pass


class Found(ToolOutput):
    text: str


@tool("test.nosy", policy_hint="read")
async def nosy(_given: Nosy, ctx: ToolContext) -> Found:
    """Say all that a tool can see of its caller."""
    return Found(text=f"{ctx!r} {vars(ctx.principal)}")


def registry():
    tests = TestTools().registry()
    admitted = {kind: modules and modules | {"test"} for kind, modules in ADMITTED.items()}
    return Registry([*default_registry(), nosy, tests.get("test.crash")], admitted=admitted)


@dataclass
class Tap:
    """A service behind the gateway; every byte that it is sent is kept.

    Attributes:
        heard: What came, but for what is there to be exchanged.
        exchanges: The bodies of exchanges.
    """

    app: object
    heard: list[bytes] = field(default_factory=list)
    exchanges: list[bytes] = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        said = [scope["raw_path"] or scope["path"].encode(), scope["query_string"]]
        said += [part for pair in scope["headers"] for part in pair]
        if scope["path"] == EXCHANGE:
            self.exchanges.append(body)
        else:
            said.append(body)
        self.heard.append(b"\n".join(said))
        again = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay():
            return again.pop() if again else await receive()

        await self.app(scope, replay, send)


@dataclass
class Watched:
    """A gateway, and everything that leaves it or stays of it."""

    house: object
    folder: object
    taps: tuple[Tap, Tap]
    spans: InMemorySpanExporter
    logged: object
    told: list[str] = field(default_factory=list)

    async def traces_of(self, token):
        """Return where something that only *token* has was found."""
        parts = [part.encode() for part in token.split(".")[1:]]
        await gateway.log_of(self.house.app).flush()
        places = {
            "downstream": b"".join(each for tap in self.taps for each in tap.heard),
            "log": b"".join(
                f"{record.getMessage()} {vars(record)}".encode() for record in self.logged.records
            ),
            "spans": b"".join(span.to_json().encode() for span in self.spans.get_finished_spans()),
            "audit": b"".join(
                each.read_bytes() for each in sorted(self.folder.glob("gateway.db*"))
            ),
            "answers": "".join(self.told).encode(),
        }
        assert all(places[each] for each in ("downstream", "log", "spans", "audit", "answers"))
        return {name for name, said in places.items() if any(part in said for part in parts)}

    def exchanged(self, token):
        """Return how many exchanges *token* was shown for."""
        return sum(token.encode() in body for tap in self.taps for body in tap.exchanges)


@asynccontextmanager
async def watching(folder, clock, logged, passes=None):
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(
            open_house(folder, clock, registry=registry(), passes=passes)
        )
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(house.identity_service))
        )
        store, sync_app = await open_sync(folder, clock, http)
        stack.push_async_callback(store.close)
        taps = Tap(house.identity_service.app), Tap(sync_app)
        house.identity_service.app, house.sync_service.app = taps
        keys = GatewayKeys(bytes(32))
        memory = Memory(house.memory.store, keys, wall_clock=clock, tracer_provider=provider)
        house.app = await stack.enter_async_context(
            gateway.running(house.new_app(memory=memory, passes=passes))
        )
        logged.set_level(logging.DEBUG)
        yield Watched(house, folder, taps, spans, logged)


@pytest.fixture
async def watched(tmp_path, clock, caplog):
    async with watching(tmp_path, clock, caplog) as watched:
        yield watched


async def signed_in(watched):
    """Sign in; forget what that took, in which the token is shown on purpose."""
    anna = await user_with_vault(watched.house, "anna")
    for tap in watched.taps:
        tap.heard.clear()
        tap.exchanges.clear()
    watched.logged.clear()
    return anna


async def live_through_it(watched, clock, call):
    """Use the app while it works, fails, is down, changes its keys and comes back."""
    identity, sync = watched.house.identity_service, watched.house.sync_service
    made = await call("todo.create", {"title": "one"}, meta={IDEMPOTENCY_META: "first"})
    assert made.is_error is False, made.content
    assert (await call("todo.list", {})).is_error is False
    assert (await call("spaces.list", {})).is_error is False
    assert (await call("test.nosy", {})).is_error is False
    assert (await call("todo.create", {"title": 1})).is_error is True
    assert (await call("todo.complete", {"id": "nothing"})).is_error is True
    assert (await call("test.crash", {})).is_error is True
    sync.answer = PlainTextResponse("down", 503)
    assert (await call("todo.create", {"title": "two"})).is_error is True
    sync.answer = None
    clock.advance(31)
    identity.hidden = EXCHANGE
    with pytest.raises(MCPError):
        await call("todo.list", {})
    identity.hidden, identity.answer = None, PlainTextResponse("down", 503)
    clock.advance(31)
    with pytest.raises(MCPError):
        await call("todo.create", {"title": "three"})
    identity.answer = None
    await watched.house.identity.rotate_keys(SERVICE_KEY)
    clock.advance(31)
    assert (await call("todo.list", {})).is_error is False


@pytest.mark.parametrize("era", ERAS)
async def test_nobody_but_the_exchange_ever_sees_it(watched, clock, era):
    anna = await signed_in(watched)
    async with watched.house.http(anna) as http, connected(http, era) as client:
        await live_through_it(watched, clock, telling(watched, client))
        assert await watched.traces_of(anna.token) == set()
        assert watched.exchanged(anna.token) > 3
        # another token of hers, in the same session
        fresh = await watched.house.sign_in(anna.email)
        for tap in watched.taps:
            tap.heard.clear()
        http.headers["Authorization"] = f"Bearer {fresh.token}"
        await live_through_it(watched, clock, telling(watched, client))
        assert await watched.traces_of(fresh.token) == set()
        assert watched.exchanged(fresh.token) > 3


async def test_where_it_is_forwarded_the_services_behind_see_it(tmp_path, clock, caplog):
    async with watching(tmp_path, clock, caplog, Forwarding()) as watched:
        anna = await signed_in(watched)
        async with watched.house.http(anna) as http, connected(http, "auto") as client:
            call = telling(watched, client)
            assert (await call("todo.create", {"title": "one"})).is_error is False
        assert await watched.traces_of(anna.token) == {"downstream"}
        assert watched.exchanged(anna.token) == 0


async def test_a_gateway_that_forwards_says_what_that_costs(tmp_path, clock, caplog):
    async with watching(tmp_path, clock, caplog, Forwarding()):
        pass
    assert "can act as a caller everywhere until the token ends" in caplog.text


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_the_way_out_is_named_where_identity_exchanges_no_tokens(house, status):
    anna, known = await house.user("anna"), house.identity_service.app

    async def older(scope, receive, send):
        missing = scope["path"] == EXCHANGE
        await (PlainTextResponse("no", status) if missing else known)(scope, receive, send)

    house.identity_service.app = older
    async with house.http(anna) as http:
        answer = await http.post("/mcp", **call_echo())
    assert answer.status_code == 502
    assert "MANA_FORWARD_TOKENS" in answer.json()["message"]
    assert house.tools.calls == []


def telling(watched, client):
    """Return what calls a tool and keeps all that is told, also of errors."""

    async def call(name, arguments, **options):
        try:
            answer = await client.call_tool(name, arguments, **options)
        except Exception as error:
            watched.told.append(repr(error))
            raise
        watched.told.append(json.dumps(answer.model_dump(mode="json")))
        return answer

    return call
