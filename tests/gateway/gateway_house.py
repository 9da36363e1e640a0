"""A gateway with real services around it, and tools that show what reached them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from sqlalchemy import delete
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from mana_lab import gateway
from mana_lab.crypto import SigningKey, TokenVerifier
from mana_lab.errors import NotFoundError
from mana_lab.gateway import GatewayConfig, GatewayKeys, Memory
from mana_lab.identity import server as identity_server
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import IdentityConfig, PasswordCost
from mana_lab.registry import (
    ADMITTED,
    Backend,
    Done,
    Registry,
    ToolContext,
    ToolInput,
    ToolOutput,
    tool,
)
from mana_lab.storage import Store
from mana_lab.sync.client import SyncClient
from mana_lab.web import carry_trace

ISSUER = "http://identity.test"
SYNC = "http://sync.test"
GATEWAY = "http://gateway.test"
ERAS = ("auto", "legacy")
PASSWORD = "correct horse battery"
SERVICE_KEY = "a service key of the tests"


class EchoInput(ToolInput):
    text: str = ""


class Echo(ToolOutput):
    text: str
    user_id: str
    email: str
    space_id: str
    space_type: str
    first_id: str
    nothing: str | None = None


def schema_with(model, **descriptions):
    """Describe the fields of a test model, which every tool must do."""
    for name, text in descriptions.items():
        model.model_fields[name].description = text
    model.model_rebuild(force=True)
    return model


schema_with(EchoInput, text="What to say back.")


class Nothing(ToolInput):
    pass


@dataclass
class TestTools:
    """Tools that write down every call."""

    __test__ = False
    calls: list[str] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def registry(self) -> Registry:
        calls = self.calls

        @tool("test.echo", policy_hint="read")
        async def echo(given: EchoInput, ctx: ToolContext) -> Echo:
            """Say what came, from whom and where."""
            calls.append("test.echo")
            await asyncio.sleep(0)
            return Echo(
                text=given.text,
                userId=ctx.principal.user_id,
                email=ctx.principal.email,
                spaceId=ctx.space.id,
                spaceType=ctx.space.type,
                firstId=ctx.new_id(),
            )

        @tool("test.crash", policy_hint="write")
        async def crash(_given: Nothing, _ctx: ToolContext) -> Done:
            """Break in a way that nobody planned."""
            calls.append("test.crash")
            raise RuntimeError("the canary sings")

        @tool("test.miss", policy_hint="read")
        async def miss(_given: Nothing, _ctx: ToolContext) -> Done:
            """Find nothing."""
            calls.append("test.miss")
            raise NotFoundError("there is no such thing")

        @tool("test.purge", policy_hint="destructive")
        async def purge(_given: Nothing, _ctx: ToolContext) -> Done:
            """Take everything away."""
            calls.append("test.purge")
            return Done()

        @tool("admin.wipe", policy_hint="destructive", scope="admin")
        async def wipe(_given: Nothing, _ctx: ToolContext) -> Done:
            """Take everybody away."""
            calls.append("admin.wipe")
            return Done()

        @tool("test.wait", policy_hint="read")
        async def wait(_given: Nothing, _ctx: ToolContext) -> Done:
            """Wait until nobody wants the answer any more."""
            self.waiting.set()
            try:
                return await asyncio.Future()
            finally:
                self.cancelled.set()

        everything = dict.fromkeys(ADMITTED)
        return Registry([echo, crash, miss, purge, wait, wipe], admitted=everything)


@dataclass
class Service:
    """An application that writes down what it is asked, and can be made to answer otherwise."""

    app: ASGIApp
    answer: Response | None = None
    asked: list[str] = field(default_factory=list)
    hidden: str | None = None

    async def __call__(self, scope, receive, send):
        self.asked.append(scope["path"])
        if scope["path"] == self.hidden:
            await PlainTextResponse("down", 503)(scope, receive, send)
            return
        await (self.answer or self.app)(scope, receive, send)


@dataclass
class House:
    """Identity, and a gateway in front of test tools."""

    store: Store
    identity_service: Service
    sync_service: Service
    identity: IdentityClient
    app: Starlette
    tools: TestTools
    new_app: Callable[..., Starlette]
    memory: Memory

    @asynccontextmanager
    async def running_again(self, **other):
        """Run another gateway on the same services; give what makes a client of it."""
        async with gateway.running(self.new_app(**other)) as app:
            yield lambda user: http_into(app, user.headers)

    async def user(self, name: str) -> User:
        email = f"{name}@mana.test"
        await self.identity.register(email, PASSWORD, name)
        return await self.sign_in(email)

    async def share(self, name: str, *users: User) -> str:
        """Make a team space with these members; the first one owns it."""
        first, *others = users
        space = await self.identity.create_space(first.token, name, f"team-{name.lower()}", "team")
        for user in others:
            asked = await self.identity.invite(first.token, space.id, user.email)
            await self.identity.accept_invitation(user.token, asked.id)
        return space.id

    async def unshare(self, space: str, user: User) -> None:
        """Take a member out of a space."""
        members = identity_server.METADATA.tables["members"]
        gone = delete(members).where(
            members.c.organization_id == space, members.c.user_id == user.id
        )
        await self.store.write(lambda connection: connection.execute(gone).rowcount)

    async def signing_key(self) -> SigningKey:
        """Return the key that identity signs tokens with."""
        return await self.identity_service.app.state.rooms.tokens.signing_key()

    async def sign_in(self, email: str) -> User:
        login = await self.identity.login(email, PASSWORD)
        spaces = await self.identity.spaces(login.access_token)
        return User(login.user.id, email, login.access_token, spaces[0].id)

    def http(self, user: User | None = None, **headers: str) -> httpx2.AsyncClient:
        """Return a client that goes straight into the gateway's app."""
        return http_into(self.app, {} if user is None else user.headers, **headers)


@dataclass(frozen=True)
class User:
    id: str
    email: str
    token: str = field(repr=False)
    personal_space: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def http_into(app, shown, **headers):
    """Return a client that goes straight into *app*."""
    transport = httpx2.ASGITransport(app)
    return httpx2.AsyncClient(transport=transport, base_url=GATEWAY, headers={**shown, **headers})


def modern(method="tools/call", **params):
    """Return headers and body of a request of the stateless era."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
    }
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    return {"headers": headers, "json": body}


def call_echo(text="hello"):
    """Return headers and body of one stateless call."""
    return modern(name="test.echo", arguments={"text": text})


def legacy(method, session=None, id=1, **params):
    """Return headers and body of a request of the older era."""
    headers = {"Accept": "application/json, text/event-stream"}
    if session is not None:
        headers |= {"Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-11-25"}
    body = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    return {"headers": headers, "json": body}


async def open_session(http):
    """Open a session of the older era; return its id."""
    hello = legacy(
        "initialize",
        protocolVersion="2025-11-25",
        capabilities={},
        clientInfo={"name": "test", "version": "1"},
    )
    answer = await http.post("/mcp", **hello)
    assert answer.status_code == 200, answer.text
    session = answer.headers["mcp-session-id"]
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    headers = {**hello["headers"], "Mcp-Session-Id": session}
    assert (await http.post("/mcp", headers=headers, json=done)).status_code == 202
    return session


def from_stream(answer):
    """Return the one message of an event stream."""
    [data] = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return json.loads(data.removeprefix("data: "))


def gateway_app(
    identity,
    http,
    clock,
    registry,
    memory,
    jwks_http=None,
    random=uuid.uuid4,
    passes=None,
    variants=None,
    **limits,
):
    verifier = TokenVerifier(
        f"{ISSUER}/api/auth/jwks", jwks_http or http, issuer=ISSUER, audience="mana", clock=clock
    )
    config = GatewayConfig(
        resource_url=f"{GATEWAY}/mcp",
        authorization_server=ISSUER,
        **limits,
    )
    sync = SyncClient(SYNC, http, "gateway")
    backend = Backend(identity, sync, clock=clock, random=random, passes=passes)
    return gateway.create_app(
        registry,
        backend,
        verifier=verifier,
        identity=identity,
        sync=sync,
        config=config,
        clock=clock,
        memory=memory,
        variants=variants,
    )


def identity_config():
    return IdentityConfig(
        issuer=ISSUER,
        audience="mana",
        kek=bytes(range(32)),
        service_key=SERVICE_KEY,
        password_cost=PasswordCost(16, 8, 1),
        long_tokens=True,
    )


@asynccontextmanager
async def open_house(folder, clock, *, registry=None, **limits):
    """Set up identity in *folder* and a running gateway, with test tools unless told otherwise."""
    config = identity_config()
    async with AsyncExitStack() as stack:
        store = await Store.open(f"sqlite:///{folder}/identity.db", identity_server.METADATA)
        stack.push_async_callback(store.close)
        await identity_server.prepare(store, config, clock)
        identity_app = identity_server.create_app(store, config, clock=clock)
        service, sync_service = Service(identity_app), Service(PlainTextResponse("down", 503))
        services = {ISSUER: service, SYNC: sync_service}
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(PlainTextResponse("nobody is here", 502)),
                mounts={url: httpx.ASGITransport(app) for url, app in services.items()},
                event_hooks={"request": [carry_trace]},
            )
        )
        identity = IdentityClient(ISSUER, http)
        tools = TestTools()
        kept = await Store.open(f"sqlite:///{folder}/gateway.db", gateway.METADATA)
        stack.push_async_callback(kept.close)
        memory = Memory(kept, GatewayKeys(bytes(32)), wall_clock=clock)

        def new_app(**other):
            given = {"memory": memory, **limits, **other}
            return gateway_app(identity, http, clock, registry or tools.registry(), **given)

        app = await stack.enter_async_context(gateway.running(new_app()))
        yield House(store, service, sync_service, identity, app, tools, new_app, memory)


@asynccontextmanager
async def connected(http, era, url=f"{GATEWAY}/mcp", **options):
    """Connect the SDK's client in one protocol era."""
    transport = streamable_http_client(url, http_client=http)
    async with Client(transport, mode=era, **options) as client:
        yield client
