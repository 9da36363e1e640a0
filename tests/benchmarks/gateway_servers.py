"""The servers that ``gateway.py`` measures, one to a process, and the services behind them.

Each prints one line of JSON when it answers, and serves until it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from mcp.server import Server
from mcp.types import CallToolResult, TextContent
from pydantic import Field
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parents[2]))

from mana_lab import gateway
from mana_lab.clock import SystemClock
from mana_lab.crypto import KeySet, TokenVerifier, bearer_token, verify
from mana_lab.gateway import GatewayConfig, GatewayKeys, Memory
from mana_lab.identity.client import IdentityClient
from mana_lab.registry import ADMITTED, Backend, Registry, ToolContext, ToolInput, ToolOutput, tool
from mana_lab.storage import Store
from mana_lab.sync.client import SyncClient
from mana_lab.web.serving import listen, serve

ISSUER = "http://identity.test"
AUDIENCE = "mana"
PASSWORD = "correct horse battery"
NO_LIMIT = 1_000_000_000
clock = SystemClock()


class Said(ToolOutput):
    text: str


class ToSay(ToolInput):
    text: str = Field("", description="What to say back")


@tool("test.echo", policy_hint="read")
async def echo(given: ToSay, _ctx: ToolContext) -> Said:
    """Say it again."""
    return Said(text=given.text)


def ready(sock, **more):
    print(json.dumps({"port": sock.getsockname()[1], **more}), flush=True)


async def serving(app, **more):
    sock = listen("127.0.0.1", 0)
    await serve(app, sock, on_ready=lambda: ready(sock, **more))


async def services(stack, folder, options):
    """Identity, with users who are signed in."""
    from mana_lab.identity import (
        server as identity_server,
    )  # no other server is to have it in memory
    from mana_lab.identity.server import IdentityConfig, PasswordCost

    config = IdentityConfig(
        issuer=ISSUER,
        audience=AUDIENCE,
        kek=bytes(range(32)),
        service_key="a service key of the benchmark",
        password_cost=PasswordCost(16, 8, 1),
    )
    url = f"sqlite:///{folder}/identity.db"
    store = await stack.enter_async_context(await Store.open(url, identity_server.METADATA))
    await identity_server.prepare(store, config, clock)
    app = identity_server.create_app(store, config, clock=clock)
    http = await stack.enter_async_context(httpx.AsyncClient(transport=httpx.ASGITransport(app)))
    identity = IdentityClient(ISSUER, http)
    tokens = []
    for number in range(options.users):
        email = f"user-{number}@mana.test"
        await identity.register(email, PASSWORD, f"User {number}")
        tokens.append((await identity.login(email, PASSWORD)).access_token)
    await serving(app, tokens=tokens, jwks=await identity.jwks())


async def ours(stack, folder, options):
    """The gateway as it is run, with a limit of calls that is out of the way."""
    http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
    url = f"sqlite:///{folder}/gateway.db"
    store = await stack.enter_async_context(await Store.open(url, gateway.METADATA))
    identity = IdentityClient(options.services, http)
    sync = SyncClient("http://sync.test", http, "gateway")
    app = gateway.create_app(
        Registry([echo], admitted=dict.fromkeys(ADMITTED)),
        Backend(identity, sync, clock=clock),
        verifier=verifier(options, http),
        identity=identity,
        sync=sync,
        config=GatewayConfig(calls_per_minute=NO_LIMIT),
        clock=clock,
        memory=Memory(store, GatewayKeys(bytes(32))),
    )
    await serving(app)


def verifier(options, http):
    return TokenVerifier(
        f"{options.services}/api/auth/jwks", http, issuer=ISSUER, audience=AUDIENCE, clock=clock
    )


async def ceiling(stack, _, options):
    """What a route of Starlette does that checks the same tokens, and knows those it has seen."""
    http = await stack.enter_async_context(httpx.AsyncClient())
    known = verifier(options, http)
    await echoing(lambda request: known.verify(bearer_token(request.scope["headers"])))


async def ceiling_anew(stack, _, options):
    """What a route of Starlette does that checks the signature of each request's token."""
    http = await stack.enter_async_context(httpx.AsyncClient())
    keys = KeySet.from_jwks(await IdentityClient(options.services, http).jwks())

    async def check(request):
        token = bearer_token(request.scope["headers"])
        return verify(token, keys, issuer=ISSUER, audience=AUDIENCE, now=clock.now())

    await echoing(check)


async def echoing(check):
    async def answer(request):
        await check(request)
        asked = await request.json()
        said = asked["params"]["arguments"]["text"]
        return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": {"text": said}})

    await serving(Starlette(routes=[Route("/mcp", answer, methods=["POST"])]))


async def bare(*_):
    """The SDK's own server with nothing in front of it, and nobody asked for a token."""

    async def call(_, params):
        said = {"text": params.arguments["text"]}
        text = TextContent(type="text", text=json.dumps(said))
        return CallToolResult(content=[text], structured_content=said)

    server = Server("bare", get_tool_input_schema={}.get, on_call_tool=call)
    await serving(server.streamable_http_app())


def pem(key):
    """Return a public key of a key set as PEM (RFC 8410)."""
    raw = base64.urlsafe_b64decode(key["x"] + "==")
    text = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + raw).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"


async def main():
    kinds = {each.__name__: each for each in (services, ours, ceiling, ceiling_anew, bare)}
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--services")
    parser.add_argument("--users", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            await kinds[options.kind](stack, folder, options)


if __name__ == "__main__":
    asyncio.run(main())
