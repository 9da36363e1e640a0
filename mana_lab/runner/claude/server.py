"""The MCP server that Claude sees: the gateway's tools, each call through the audited client.

The SDK could speak to the gateway itself. Then neither the idempotency key of a call nor its row
in the audit would be ours, and a tick that is done again would write twice. So Claude is given a
server within this process that offers what the gateway offers and hands each call on. The only
tool of its own is the one by which a person leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from mcp.server import Server, ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from mana_lab.runner.claude.pairing import Pairing
from mana_lab.runner.claude.process import finished
from mana_lab.runner.playing.hands import Hands, Told
from mana_lab.runner.playing.leaving import Farewell, Leave
from mana_lab.runner.playing.prompt import LEAVE
from mana_lab.runner.playing.wording import sendable_json

SERVER = "mana"
_USE_META = "claudecode/toolUseId"


class ToolServer:
    """Serves the tools of one visit.

    Args:
        functions: What the app offers.
        hands: Calls the app's tools.
        farewell: Lets the person go.
        pairing: Is told which use of a tool became which call.
        stop: Is set when the person has left, so that Claude is asked nothing more.

    Attributes:
        server: The MCP server.
    """

    def __init__(
        self,
        functions: Sequence[Mapping[str, Any]],
        hands: Hands,
        farewell: Farewell,
        pairing: Pairing,
        stop: asyncio.Event,
    ) -> None:
        self._tools = [
            Tool(
                name=each["name"], description=each["description"], input_schema=each["parameters"]
            )
            for each in functions
        ]
        self._tools.append(
            Tool(name=LEAVE, description=Leave.__doc__, input_schema=Leave.model_json_schema())
        )
        self._hands = hands
        self._farewell = farewell
        self._pairing = pairing
        self._one_at_a_time = asyncio.Lock()
        self._stop = stop
        self.server: Server[Any] = Server(
            SERVER, on_list_tools=self._list_tools, on_call_tool=self._call_tool
        )

    async def _list_tools(
        self, _context: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=self._tools)

    async def _call_tool(
        self, _context: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult:
        meta: Mapping[str, Any] = params.meta or {}
        given = sendable_json(params.arguments or {})
        if params.name == LEAVE:
            told = await self._leave(given)
        else:
            # a call that has begun is audited, whatever becomes of the session
            told = await finished(self._call(meta.get(_USE_META), params.name, given))
        return CallToolResult(
            content=[TextContent(type="text", text=told.text)], is_error=told.failed
        )

    async def _call(self, use_id: object, function: str, given: Any) -> Told:
        async with self._one_at_a_time:
            told = await self._hands.call(function, given)
            self._pairing.answered(use_id, function, given, told)
            return told

    async def _leave(self, given: Any) -> Told:
        refused = self._farewell.leave(given)
        if refused is None:
            self._stop.set()
            await asyncio.Event().wait()  # Claude is stopped here; an answer would be asked about
        return refused or Told("", failed=False)
