"""Servers that are not Mana, to be used by personas: on a port, or as programs."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import serving_house
from mcp.server import Server
from mcp.types import (
    CallToolResult,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.responses import JSONResponse, Response

from mana_lab.clock import SystemClock
from mana_lab.runner import Recorder
from mana_lab.runner.target import (
    ModuleTable,
    ProgramServer,
    RemoteServer,
    ServerLimits,
    TargetDoor,
)

PROGRAM = Path(__file__).parent / "target_program.py"
QUICK = ServerLimits(start_s=20, call_s=20)
TEXT = {"type": "string"}


def command(how="well", *texts):
    """Return what starts the server of :mod:`target_program`."""
    return [sys.executable, "-I", str(PROGRAM), how, *texts]


def tool(name, fields=None, *, reads=None, description=None, **schema):
    """Return a tool; *reads* None leaves it silent about what it does."""
    form = {"type": "object", "properties": fields or {}, "required": sorted(fields or {})}
    hints = None if reads is None else ToolAnnotations(read_only_hint=reads, destructive_hint=False)
    return Tool(name=name, description=description, input_schema=form | schema, annotations=hints)


def answered(data):
    return CallToolResult(
        content=[TextContent(type="text", text=json.dumps(data))], structured_content=data
    )


def failed(text):
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


class Shop:
    """A little server with state: goods are added, listed and looked up.

    Attributes:
        users: What ``Authorization`` each request had.
        agents: The other headers that a test looks at.
        answer: Replaced by a test: what a tool call answers, or None for the usual.
        pages: Replaced by a test: what a cursor lists.
        refuse: Replaced by a test: the response to a request, or None.
        requests: How many there were.
    """

    tools = (
        tool("goods_add", {"name": TEXT, "price": {"type": "number", "minimum": 0}}, reads=False),
        tool("goods_list", reads=True),
        tool("goods_remove", {"id": TEXT}),
        tool("opening-hours", reads=True),
        tool("get_weather", {"city": TEXT}),
    )

    def __init__(self, *, era="both"):
        self.era = era
        self.goods = []
        self.users = []
        self.headers = []
        self.methods = []
        self.answer = lambda _name, _arguments: None
        self.pages = lambda _cursor: ListToolsResult(tools=list(self.tools))
        self.refuse = lambda _scope: None
        self.server = Server(
            "shops/corner-shop", version="1.2", on_list_tools=self._list, on_call_tool=self._call
        )

    async def _list(self, _context, params):
        return self.pages(params.cursor if params else None)

    async def _call(self, _context, params):
        given = params.arguments or {}
        other = self.answer(params.name, given)
        if other is not None:
            return await other if asyncio.iscoroutine(other) else other
        if params.name == "goods_add":
            self.goods.append({"id": f"g{len(self.goods)}", **given})
            return answered(self.goods[-1])
        if params.name == "goods_list":
            return answered({"goods": self.goods})
        if params.name == "get_weather":
            return failed(f"city not found: {given.get('city')}")
        return answered({"said": params.name})

    def nothing(self):
        """Answer that there are no goods, so that nobody sees what others do."""
        return answered({"goods": []})

    def app(self, **options):
        inner = self.server.streamable_http_app(host="127.0.0.1", **options)

        async def app(scope, receive, send):
            if scope["type"] == "http":
                headers = {key.decode(): value.decode() for key, value in scope["headers"]}
                self.users.append(headers.get("authorization"))
                self.headers.append(headers)
                self.methods.append(headers.get("mcp-method"))
                if answer := self.refuse(scope) or self._too_new(headers):
                    await answer(scope, receive, send)
                    return
            await inner(scope, receive, send)

        return app

    def _too_new(self, headers) -> Response | None:
        """Answer as the servers do that were written before 2026-07-28."""
        if self.era == "both" or headers.get("mcp-protocol-version") != "2026-07-28":
            return None
        error = {"code": -32600, "message": "Bad Request: Unsupported protocol version"}
        body = {"jsonrpc": "2.0", "id": "server-error", "error": error}
        return JSONResponse(body, 400)


def served(app):
    """Serve an app on a port of this machine, and say where its endpoint is."""
    return serving_house.served(app, path="/mcp")


def remote(url, *given, limits=QUICK, **other):
    return RemoteServer(url, *given, clock=SystemClock(), limits=limits, **other)


def program(folder, how="well", *texts, limits=QUICK, **other):
    return ProgramServer(command(how, *texts), folder=folder, limits=limits, **other)


@asynccontextmanager
async def door_to(server, persona, **table):
    door = await TargetDoor.look(server, persona, ModuleTable(**table), SystemClock())
    async with door:
        yield door


def recorder(name="tick", door=None):
    more = {} if door is None else {"modules": door.module_of}
    return Recorder("nobody", name, None, clock=SystemClock(), **more)


async def tick(door, persona, *names, outcomes=None, kept=None):
    """Let a persona call tools in a tick, and return what became of the calls.

    Args:
        outcomes: Where they stand also if the tick fails.
        kept: Where the audit collects.
    """
    done = [] if outcomes is None else outcomes
    async with door.open(persona, kept or recorder("tick", door)) as app:
        for name in names:
            done.append(await app.call(name))
    return done
