"""The tools of an MCP server, page by page; a list without end is refused."""

from __future__ import annotations

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import Tool
from pydantic import ValidationError

from mana_lab.errors import ProtocolError
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.failures import GATEWAY, Failures, as_exception

MOST_TOOLS = 1_000
"""How many tools a server may list: many times as many as anybody can choose from."""
_MOST_PAGES = 100


async def every_tool(client: Client, failures: Failures = GATEWAY) -> list[Tool]:
    """Return the tools that the server lists, in its order.

    Args:
        client: Connected to the server.
        failures: How the server's failures are read.

    Raises:
        ProtocolError: The list is not one of MCP, or has no end.
        ManaLabError: The server refused, or cannot be reached.
    """
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        try:
            page = await client.list_tools(cursor=cursor)
        except MCPError as error:
            raise as_exception(failures.from_mcp(error)) from None
        except ValidationError:
            raise ProtocolError("the server's list of tools is not one of MCP") from None
        found += page.tools
        if len(found) > MOST_TOOLS:
            raise ProtocolError(f"the server lists more than {MOST_TOOLS} tools; this is too many")
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise ProtocolError(f"the server's list of tools goes on after {_MOST_PAGES} pages")


def tool_info(tool: Tool) -> ToolInfo:
    """Return what a brain needs to know of a tool."""
    hints = tool.annotations
    return ToolInfo(
        tool.name,
        tool.description or "",
        tool.input_schema,
        hints.model_dump(by_alias=True, exclude_none=True) if hints else {},
    )
