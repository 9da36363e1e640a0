"""The MCP server that a registry makes: its tools listed, described and called.

Who calls and in which space comes from the HTTP request that carries the call, in both protocol
eras; nothing is remembered from the start of a session.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from mana_lab.errors import (
    ForbiddenError,
    InfrastructureError,
    ManaLabError,
    ToolInputError,
    UnknownToolError,
)
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.spaces import space_of
from mana_lab.registry import AnyToolSpec, Backend, Registry
from mana_lab.registry.manifest import tool_hash

IDEMPOTENCY_META: Final = "how.mana/idempotencyKey"
"""In a call's ``_meta``: the caller's name for the call. A call done again under the same name
writes the same records."""
TOOL_META: Final = "how.mana/toolHash"
"""In the ``_meta`` of every result: which version of the tool answered, as the manifest has it."""
ERROR_META: Final = "how.mana/error"
"""In the ``_meta`` of a tool's failure: ``{code, kind, path?}``."""

_LIST_TTL_MS = 300_000
_MAX_KEY_CHARS = 255
_INSTRUCTIONS = (
    "Tools of the Mana app, named module.verb. They act for the signed-in user, in the space that "
    "the X-Mana-Space header names, or in the user's personal space."
)
_logger = logging.getLogger(__name__)


def build_server(registry: Registry, backend: Backend) -> Server:
    """Return an MCP server that offers the tools of *registry*, except those of admin scope.

    Args:
        registry: The tools.
        backend: Gives each call its context.
    """
    surface = _Surface(registry.exposable(), backend)
    schemas = {tool.name: tool.input_schema for tool in surface.tools}
    server: Server = Server(
        "mana",
        version=version("mana-lab"),
        title="Mana",
        instructions=_INSTRUCTIONS,
        get_tool_input_schema=schemas.get,
        on_list_tools=surface.list_tools,
        on_call_tool=surface.call_tool,
    )
    # The SDK's own middleware only makes OpenTelemetry spans, which nobody collects here.
    server.middleware.clear()
    return server


class _Surface:
    def __init__(self, registry: Registry, backend: Backend) -> None:
        self._registry = registry
        self._backend = backend
        self.tools = [_describe(spec) for spec in registry]
        self._hashes = {spec.name: tool_hash(spec) for spec in registry}

    async def list_tools(
        self, _: ServerRequestContext, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        if params is not None and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "The list of tools is one page; there is no such cursor")
        return ListToolsResult(tools=self.tools, ttl_ms=_LIST_TTL_MS, cache_scope="private")

    async def call_tool(
        self, ctx: ServerRequestContext, params: CallToolRequestParams
    ) -> CallToolResult:
        try:
            spec = self._registry.get(params.name)
        except UnknownToolError as error:
            raise MCPError(INVALID_PARAMS, error.message, _details(error)) from None
        key = _idempotency_key(params)
        result = await self._answer(spec, params.arguments, ctx, key)
        return result.model_copy(
            update={"meta": {**(result.meta or {}), TOOL_META: self._hashes[spec.name]}}
        )

    async def _answer(
        self,
        spec: AnyToolSpec,
        arguments: Mapping[str, Any] | None,
        ctx: ServerRequestContext,
        key: str | None,
    ) -> CallToolResult:
        try:
            return await self._run(spec, arguments, ctx, key)
        except ManaLabError as error:
            if isinstance(error, InfrastructureError):
                _logger.warning("%s failed: %s", spec.name, error.code)
            return _failure(error)
        except Exception:
            _logger.exception("%s failed", spec.name)
            return _failure(InfrastructureError("Internal error"))

    async def _run(
        self,
        spec: AnyToolSpec,
        arguments: Mapping[str, Any] | None,
        ctx: ServerRequestContext,
        key: str | None,
    ) -> CallToolResult:
        if spec.policy_hint == "destructive":
            raise ForbiddenError(
                f"{spec.name} takes something away for good, and the owner of the space has not "
                "allowed such tools"
            )
        request: Any = ctx.request
        scope = request.scope
        call = self._backend.context(principal_of(scope), space_of(scope), key)
        output = await self._registry.invoke(spec.name, arguments, call)
        return _success(output.model_dump(mode="json", by_alias=True))


def _describe(spec: AnyToolSpec) -> Tool:
    title = f"{spec.module.capitalize()}: {spec.name.partition('.')[2]}"
    return Tool(
        name=spec.name,
        title=title,
        description=spec.description,
        input_schema=spec.input_schema(),
        output_schema=spec.output_schema(),
        annotations=ToolAnnotations(
            title=title,
            read_only_hint=spec.policy_hint == "read",
            destructive_hint=spec.policy_hint == "destructive",
            idempotent_hint=spec.idempotent,
            open_world_hint=False,
        ),
    )


def _idempotency_key(params: CallToolRequestParams) -> str | None:
    key = (params.meta or {}).get(IDEMPOTENCY_META)
    if key is None or (isinstance(key, str) and 0 < len(key) <= _MAX_KEY_CHARS):
        return key
    raise MCPError(
        INVALID_PARAMS,
        f"_meta {IDEMPOTENCY_META} must be a text of 1 to {_MAX_KEY_CHARS} characters",
    )


def _success(data: dict[str, Any]) -> CallToolResult:
    text = json.dumps(data, ensure_ascii=False)
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=data, is_error=False
    )


def _failure(error: ManaLabError) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=error.message)],
        is_error=True,
        _meta={ERROR_META: _details(error)},
    )


def _details(error: ManaLabError) -> dict[str, str]:
    details: dict[str, str] = {"code": error.code, "kind": error.kind}
    if isinstance(error, ToolInputError) and error.path:
        details["path"] = error.path
    return details
