"""A gateway whose tools write, take away and quote, and whose audit can be read."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from gateway_house import Nothing, connected, open_house, schema_with
from mcp.types import ElicitResult
from serving_house import served
from sqlalchemy import select

from mana_lab import gateway
from mana_lab.errors import NotFoundError, ServiceUnavailableError
from mana_lab.gateway.tables import ATTEMPTS
from mana_lab.registry import ADMITTED, Done, Registry, ToolContext, ToolInput, ToolOutput, tool


class Text(ToolInput):
    text: str


schema_with(Text, text="What to do it with.")


class Written(ToolOutput):
    id: str
    written_at: str


class Quote(ToolOutput):
    text: str


@dataclass
class Shelf:
    """What the tools of these tests did.

    Like the app's records, what is written under one id is there once.
    """

    written: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    runs: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    def registry(self) -> Registry:
        @tool("shelf.put", policy_hint="write")
        async def put(given: Text, ctx: ToolContext) -> Written:
            """Put a text on the shelf."""
            self.runs += 1
            record_id = ctx.new_id()
            self.written.setdefault(record_id, given.text)
            if self.broken:
                raise ServiceUnavailableError("the shelf creaks")
            if given.text == "wait":
                self.reached.set()
                await self.gate.wait()
            return Written(id=record_id, writtenAt=ctx.timestamp())

        @tool("shelf.quote", policy_hint="read")
        async def quote(given: Text, _ctx: ToolContext) -> Quote:
            """Say a text of the shelf."""
            self.runs += 1
            return Quote(text=given.text)

        @tool("shelf.miss", policy_hint="write")
        async def miss(_given: Nothing, _ctx: ToolContext) -> Done:
            """Look for what is not there."""
            self.runs += 1
            raise NotFoundError("there is no such text")

        @tool("shelf.burn", policy_hint="destructive")
        async def burn(given: Text, _ctx: ToolContext) -> Done:
            """Burn a text."""
            self.removed.append(given.text)
            return Done()

        @tool("shelf.shred", policy_hint="destructive")
        async def shred(given: Text, _ctx: ToolContext) -> Done:
            """Shred a text."""
            self.removed.append(given.text)
            return Done()

        @tool("shelf.climb", policy_hint="read", reports_progress=True)
        async def climb(_given: Nothing, ctx: ToolContext) -> Done:
            """Climb the shelf, board by board."""
            for board in range(1, 4):
                await ctx.progress(board, 3, f"board {board}")
            return Done()

        return Registry([put, quote, miss, burn, shred, climb], admitted=dict.fromkeys(ADMITTED))


@dataclass
class Room:
    """A gateway with a shelf."""

    house: object
    shelf: Shelf

    async def lines(self):
        """Return the audit, oldest first."""
        await gateway.log_of(self.house.app).flush()
        query = select(ATTEMPTS).order_by(ATTEMPTS.c.occurred_at, ATTEMPTS.c.latency_ms)
        return await self.house.memory.store.read(lambda c: list(c.execute(query)))

    async def allow(self, user, *tools, space=None):
        """Say as the owner of a space which destructive tools may be used there."""
        await self.house.identity.set_space_policy(
            user.token, space or user.personal_space, tools, acknowledged=True
        )

    @asynccontextmanager
    async def client(self, user, era="auto", **options):
        """Connect a client of *user*."""
        async with self.house.http(user) as http, connected(http, era, **options) as client:
            yield client

    @asynccontextmanager
    async def caller(self, user, era="auto", **options):
        """Connect a client of *user* over a port, so that it can be asked amid a call."""
        async with (
            served(self.house.new_app()) as url,
            httpx2.AsyncClient(headers=user.headers) as http,
            connected(http, era, f"{url}/mcp", **options) as client,
        ):
            yield client


@asynccontextmanager
async def open_room(folder, clock, **limits):
    shelf = Shelf()
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(
            open_house(folder, clock, registry=shelf.registry(), **limits)
        )
        yield Room(house, shelf)


class Person:
    """Somebody who is asked, and says always the same."""

    def __init__(self, action="accept", content=None):
        self.asked = []
        self._answer = ElicitResult(action=action, content=content)

    async def __call__(self, _context, params):
        self.asked.append(params)
        return self._answer


def agreeing():
    return Person("accept", {"confirm": True})
