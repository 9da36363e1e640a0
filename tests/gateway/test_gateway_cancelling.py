"""Who hangs up cancels the call: it writes nothing from then on, and the audit says what it had."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import httpx2
import pytest
from calls_house import Room, Text
from gateway_house import Nothing, modern, open_house
from serving_house import served
from sqlalchemy import func, select
from test_gateway_with_tools import open_sync

from mana_lab.registry import ADMITTED, Done, Registry, Table, ToolContext, tool
from mana_lab.sync import server as sync_server

PATIENCE_S = 10
BOOKS = Table("shelf", "books")
CHANGES = sync_server.METADATA.tables["sync_changes"]


@dataclass
class Writer:
    """Tools that write, and wait where they are told to.

    Attributes:
        waits: Where: ``before`` the push, ``within`` it, or ``after`` it.
        reached: Set there.
        goes_on: What is waited for.
        ended: Set when the tool is over, however it ended.
    """

    waits: str = ""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def here(self, where):
        if where == self.waits:
            self.reached.set()
            await self.goes_on.wait()

    def registry(self):
        @tool("shelf.keep", policy_hint="write", tables=(BOOKS,))
        async def keep(given: Text, ctx: ToolContext) -> Done:
            """Keep a text on the shelf."""
            try:
                await self.here("before")
                await ctx.records(BOOKS).create({"title": given.text})
                await self.here("after")
            finally:
                self.ended.set()
            return Done()

        @tool("shelf.climb", policy_hint="write", reports_progress=True, tables=(BOOKS,))
        async def climb(_given: Nothing, ctx: ToolContext) -> Done:
            """Climb the shelf for as long as there is somebody who looks."""
            try:
                await ctx.progress(1, 2, "first board")
                await asyncio.Event().wait()
                await ctx.records(BOOKS).create({"title": "too late"})
            finally:
                self.ended.set()
            return Done()

        return Registry([keep, climb], admitted=dict.fromkeys(ADMITTED))


@dataclass
class Office:
    """A gateway on a port, in front of tools that write to a sync service."""

    room: Room
    writer: Writer
    url: str
    user: object
    store: object

    def client(self):
        return httpx2.AsyncClient(base_url=self.url, headers=self.user.headers)

    async def ended(self):
        """Wait until the call is over; return what the audit says."""
        await self.writer.ended.wait()
        while not (lines := await self.room.lines()) or lines[0].outcome == "begun":  # noqa: ASYNC110
            await asyncio.sleep(0)
        [line] = lines
        return line.outcome, line.error_code

    async def written(self):
        """Return how much the sync service has."""
        counted = select(func.count()).select_from(CHANGES)
        return await self.store.read(lambda connection: connection.execute(counted).scalar_one())


@pytest.fixture
async def office(tmp_path, clock):
    writer = Writer()
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(
            open_house(tmp_path, clock, registry=writer.registry())
        )
        transport = httpx.ASGITransport(house.identity_service)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport))
        store, sync = await open_sync(tmp_path, clock, http)
        stack.push_async_callback(store.close)

        async def slow_sync(scope, receive, send):
            async def answer(message):
                if scope["method"] == "POST" and message["type"] == "http.response.start":
                    await writer.here("within")
                await send(message)

            await sync(scope, receive, answer)

        house.sync_service.app = slow_sync
        user = await house.user("anna")
        await stack.enter_async_context(asyncio.timeout(PATIENCE_S))
        url = await stack.enter_async_context(served(house.new_app()))
        yield Office(Room(house, None), writer, url, user, store)


def keep():
    return modern(name="shelf.keep", arguments={"text": "a book"})


@pytest.mark.parametrize(
    ("where", "told", "stored"),
    [("before", "not-written", 0), ("within", "unacknowledged", 1), ("after", "written", 1)],
)
async def test_a_call_that_is_hung_up_on_writes_no_more_and_the_audit_says_what_it_had(
    office, where, told, stored
):
    office.writer.waits = where
    async with office.client() as http:
        call = asyncio.create_task(http.post("/mcp", **keep()))
        await office.writer.reached.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert await office.ended() == ("cancelled", told)
        office.writer.goes_on.set()
        assert (await http.get("/health")).status_code == 200  # it serves on
    assert await office.written() == stored


async def test_closing_a_stream_of_progress_cancels_the_tool(office):
    request = modern(name="shelf.climb", arguments={})
    request["json"]["params"]["_meta"]["progressToken"] = "p"
    async with office.client() as http:
        async with http.stream("POST", "/mcp", **request) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            while "first board" not in await anext(lines):
                pass
            assert not office.writer.ended.is_set()
        assert await office.ended() == ("cancelled", "not-written")
    assert await office.written() == 0


async def test_a_call_that_ends_by_itself_says_nothing_of_the_kind(office):
    async with office.client() as http:
        answer = await http.post("/mcp", **keep())
    assert answer.json()["result"]["isError"] is False
    assert await office.ended() == ("success", None)
    assert await office.written() == 1
