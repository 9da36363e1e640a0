"""The MCP server that a registry makes: its tools listed, described and called.

Who calls and in which space comes from the HTTP request that carries the call, in both protocol
eras; nothing is remembered from the start of a session.
"""

from __future__ import annotations

import asyncio
import base64
from bisect import bisect_right
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, Final, cast

from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    ListToolsResult,
    PaginatedRequestParams,
)
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request

from mana_lab.errors import UnknownToolError
from mana_lab.gateway.answers import retry_later
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.calls import Call, Calls
from mana_lab.gateway.consents import LIFETIME, Inquiry
from mana_lab.gateway.results import wait_of
from mana_lab.gateway.spaces import space_of
from mana_lab.gateway.statuses import was_answered
from mana_lab.registry import Registry

SERVER_NAME: Final = "mana"
"""What the gateway calls itself to MCP clients."""
PAGE_SIZE: Final = 100
"""How many tools one page of the list has."""

_LIST_TTL_MS = 300_000
_INSTRUCTIONS = (
    "Tools of the Mana app, named module.verb. They act for the signed-in user, in the space that "
    "the X-Mana-Space header names, or in the user's personal space."
)


def build_server(registry: Registry, calls: Calls) -> Server:
    """Return an MCP server that offers the tools of *registry*.

    Args:
        registry: The tools; only such as may be exposed.
        calls: Calls them.
    """
    surface = _Surface(registry, calls)
    server: Server = Server(
        SERVER_NAME,
        version=version("mana-lab"),
        title="Mana",
        instructions=_INSTRUCTIONS,
        get_tool_input_schema=surface.schemas.get,
        on_list_tools=surface.list_tools,
        on_call_tool=cast(Any, surface.call_tool),  # a mapping serves as well as the model
    )
    # The SDK's own middleware only makes OpenTelemetry spans; the gateway makes its own.
    server.middleware.clear()
    return server


class _Surface:
    def __init__(self, registry: Registry, calls: Calls) -> None:
        self._calls = calls
        self._cursors = {_cursor_after(spec.name): spec.name for spec in registry}
        self._reporting = {spec.name for spec in registry if spec.reports_progress}
        self.schemas = {spec.name: spec.input_schema() for spec in registry}

    async def list_tools(
        self, ctx: ServerRequestContext, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        request: Request = ctx.request  # type: ignore[assignment]
        offer = self._calls.offers.to(principal_of(request.scope).user_id)
        cursor = None if params is None else params.cursor
        start = 0 if cursor is None else bisect_right(list(offer), self._last_name(cursor))
        tools = [tool.listed for tool in offer.values()]
        page = tools[start : start + PAGE_SIZE]
        has_more = start + PAGE_SIZE < len(tools)
        return ListToolsResult(
            tools=page,
            next_cursor=_cursor_after(page[-1].name) if has_more else None,
            ttl_ms=_LIST_TTL_MS,
            cache_scope="private",
        )

    def _last_name(self, cursor: str) -> str:
        """Return the last name of the page that a cursor stands after."""
        name = self._cursors.get(cursor)
        if name is None:
            raise MCPError(
                INVALID_PARAMS, "there is no such cursor; leave it out for the first page"
            )
        return name

    async def call_tool(
        self, ctx: ServerRequestContext, params: CallToolRequestParams
    ) -> dict[str, Any]:
        request: Request = ctx.request  # type: ignore[assignment]
        scope = request.scope
        call = Call(
            params.name,
            params.arguments,
            principal_of(scope),
            space_of(scope),
            meta=dict(ctx.meta or {}),
            inquiry=_inquiry(ctx),
            headers=request.headers,
            report=ctx.session.report_progress if params.name in self._reporting else None,
        )
        try:
            result = await self._calls.call(call)
        except MCPError as error:
            if (error.error.data or {}).get("code") == UnknownToolError.code:
                was_answered(ctx)
            raise
        wait_s = wait_of(result)
        if wait_s is not None:
            retry_later(scope, wait_s)
        return result


def _inquiry(ctx: ServerRequestContext) -> Inquiry:
    raw = ctx.params or {}
    capabilities = ctx.session.client_capabilities
    capable = capabilities is not None and capabilities.elicitation is not None
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        replies = raw.get("inputResponses")
        return Inquiry(
            stateless=True,
            capable=capable,
            state=raw.get("requestState"),
            replies=replies if isinstance(replies, Mapping) else {},
        )
    return Inquiry(capable=capable, ask=partial(_ask, ctx))


async def _ask(ctx: ServerRequestContext, message: str, form: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(LIFETIME.total_seconds()):
        answer = await ctx.session.elicit_form(message, form, ctx.request_id)
    return answer.model_dump(mode="json")


def _cursor_after(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()
