"""The quick way of a call: tools that answer at once are called past the MCP server.

The answer is what the server behind would have given, to the byte, in both protocol eras. Only the
plainest calls are taken; what is odd about a request in any way is left to that server, and so are
all other methods, tools that report progress, and tools that a person is asked about.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from mcp import MCPError
from mcp.server import Server
from mcp.shared.inbound import x_mcp_header_map
from mcp.types import (
    CLIENT_CAPABILITIES_META_KEY,
    INTERNAL_ERROR,
    PROTOCOL_VERSION_META_KEY,
    ErrorData,
)
from mcp.types.methods import CLIENT_REQUESTS
from mcp.types.version import (
    HANDSHAKE_PROTOCOL_VERSIONS,
    LATEST_HANDSHAKE_VERSION,
    MODERN_PROTOCOL_VERSIONS,
)
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.gateway.answers import retry_later
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.calls import Call, Calls
from mana_lab.gateway.headers import header
from mana_lab.gateway.lingering import Lingering, Patience, Rounds
from mana_lab.gateway.messages import message_of
from mana_lab.gateway.replies import ModernReply, OlderReply, Reply
from mana_lab.gateway.results import wait_of
from mana_lab.gateway.spaces import space_of
from mana_lab.registry import AnyToolSpec, Registry
from mana_lab.web.tracing import TRACEPARENT

REQUEST_CANCELLED: Final = -32800
"""What clients of the older era are told of a call that they cancelled, as the SDK tells them."""

_CALL = "tools/call"
_CANCELLED = "notifications/cancelled"
_MEMBERS = {"jsonrpc", "id", "method", "params"}
_PARAMS = {"name", "arguments", "_meta"}
_TRACEPARENT = TRACEPARENT.encode()
_SESSION = b"mcp-session-id"
_JSON, _STREAM = b"application/json", b"text/event-stream"
_USUAL = _JSON + b", " + _STREAM
_logger = logging.getLogger(__name__)

_Fields: TypeAlias = dict[bytes, bytes]


class QuickCalls:
    """Answers plain calls of quick tools.

    Args:
        app: The MCP server, which answers everything else.
        registry: The tools; only such as may be exposed.
        calls: Calls them.
        server: Whose answers they are.
        patience: When a call is not quick after all.
    """

    def __init__(
        self,
        app: ASGIApp,
        registry: Registry,
        calls: Calls,
        server: Server,
        patience: Patience | None = None,
    ) -> None:
        self._app = app
        self._calls = calls
        self._tools = {spec.name: spec.name.encode() for spec in registry if _is_quick(spec)}
        self._server_info = server.server_info_stamp
        self._patience = patience or Patience()
        self._rounds = Rounds(self._patience.moment_s)
        self._going: dict[bytes, dict[str, Lingering]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the call, or pass the request on."""
        message = message_of(scope)
        method = message.get("method")
        if method == _CALL:
            fields = dict(scope["headers"])
            # A header that is there twice is odd enough.
            is_plain = len(fields) == len(scope["headers"]) and not self._is_varied(scope)
            version = self._taken(message, fields) if is_plain else None
            if version is not None:
                session = None if version in MODERN_PROTOCOL_VERSIONS else fields.get(_SESSION)
                reply = self._reply(message["id"], version, session, send)
                await self._answer(message, session, reply, scope, receive)
                return
        elif method == _CANCELLED or scope["method"] == "DELETE":
            self._end(header(scope, _SESSION), message)
        await self._app(scope, receive, send)

    def _is_varied(self, scope: Scope) -> bool:
        """Tell whether the caller has the app otherwise than it is: without some tool, perhaps."""
        return self._calls.offers.variant_of(principal_of(scope).user_id) is not None

    def _taken(self, message: dict[str, Any], fields: _Fields) -> str | None:
        """Return the version of a call that is taken, of which the older era has only one."""
        params = message.get("params")
        if (
            message.keys() != _MEMBERS
            or message["jsonrpc"] != "2.0"
            or not isinstance(params, dict)
            or not params.keys() <= _PARAMS
            or fields.get(b"content-type") != _JSON
            or not _accepts_both(fields.get(b"accept", b""))
        ):
            return None
        name = params.get("name")
        header = self._tools.get(name) if isinstance(name, str) else None
        version = _version_of(fields, header, params)
        if header is None or version is None:
            return None
        try:
            CLIENT_REQUESTS[_CALL, version].model_validate(message, by_name=False)
        except ValidationError:
            return None
        return version

    def _reply(
        self, request_id: str | int, version: str, session: bytes | None, send: Send
    ) -> Reply:
        if version in MODERN_PROTOCOL_VERSIONS:
            return ModernReply(request_id, send, self._server_info)
        return OlderReply(request_id, send, session)

    async def _answer(
        self,
        message: dict[str, Any],
        session: bytes | None,
        reply: Reply,
        scope: Scope,
        receive: Receive,
    ) -> None:
        lingering = Lingering(receive, reply.ping, self._patience, self._rounds)
        # Overwritten unless the call is ended from outside.
        outcome: Any = ErrorData(code=REQUEST_CANCELLED, message="Request cancelled")
        if session is None:
            with lingering:
                outcome = await self._outcome(message["params"], scope)
        else:
            with self._held(session, str(message["id"]), lingering), lingering:
                outcome = await self._outcome(message["params"], scope)
        if not lingering.hung_up:
            await reply.end(outcome)

    async def _outcome(self, params: dict[str, Any], scope: Scope) -> dict[str, Any] | ErrorData:
        call = Call(
            params["name"],
            params.get("arguments"),
            principal_of(scope),
            space_of(scope),
            meta=params.get("_meta") or {},
            headers=_trace_of(scope),
        )
        try:
            result = await self._calls.call(call)
        except MCPError as error:
            return error.error
        except Exception:
            _logger.exception("%s failed", call.name)
            return ErrorData(code=INTERNAL_ERROR, message="Internal server error")
        wait_s = wait_of(result)
        if wait_s is not None:
            retry_later(scope, wait_s)
        return result

    @contextmanager
    def _held(self, session: bytes, call_id: str, call: Lingering) -> Iterator[None]:
        """Let a call of a session be cancelled for as long as it goes on."""
        going = self._going.setdefault(session, {})
        going[call_id] = call
        try:
            yield
        finally:
            del going[call_id]
            if not going:
                self._going.pop(session, None)

    def _end(self, session: str | None, message: dict[str, Any]) -> None:
        """End the call that a notification names, or all calls of a session that is deleted."""
        going = self._going.get((session or "").encode("latin-1"), {})
        params = message.get("params")
        named = params.get("requestId") if isinstance(params, dict) else None
        for call_id, call in list(going.items()):
            if not message or (type(named) in (int, str) and call_id == str(named)):
                call.cancel()


def _trace_of(scope: Scope) -> dict[str, str]:
    """Return what a call needs of its request's headers."""
    said = header(scope, _TRACEPARENT)
    return {} if said is None else {TRACEPARENT: said}


def _is_quick(spec: AnyToolSpec) -> bool:
    return (
        not spec.reports_progress
        and spec.policy_hint != "destructive"
        and not x_mcp_header_map(spec.input_schema())
    )


def _version_of(fields: _Fields, name: bytes | None, params: dict[str, Any]) -> str | None:
    """Return by which version a call is checked; None where its header and body do not agree."""
    header = fields.get(b"mcp-protocol-version")
    said = None if header is None else header.decode("latin-1")
    if said is None or said in HANDSHAKE_PROTOCOL_VERSIONS:
        return LATEST_HANDSHAKE_VERSION
    meta = params.get("_meta")
    agrees = (
        said in MODERN_PROTOCOL_VERSIONS
        and isinstance(meta, dict)
        and meta.get(PROTOCOL_VERSION_META_KEY) == said
        and CLIENT_CAPABILITIES_META_KEY in meta
        and fields.get(b"mcp-method") == _CALL.encode()
        and fields.get(b"mcp-name") == name
    )
    return said if agrees else None


def _accepts_both(accept: bytes) -> bool:
    """Tell whether both media types are named; patterns such as ``*/*`` are none."""
    if accept == _USUAL:
        return True
    types = {each.partition(b";")[0].strip() for each in accept.split(b",")}
    return _JSON in types and _STREAM in types
