"""Replies to a call as the SDK writes them, which is not the same in the two protocol eras.

The stateless era gets JSON, or a stream once it had to wait for long. The older one always gets a
stream, with the status 200 whatever is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp.types import SERVER_INFO_META_KEY, ErrorData, JSONRPCError
from mcp.types.methods import serialize_server_result
from mcp.types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION
from pydantic_core import to_json
from starlette.types import Send

Outcome: TypeAlias = dict[str, Any] | ErrorData
"""The result of a call, or why there is none."""

_CALL = "tools/call"
_MODERN_MEMBERS = ("_meta", "content", "isError", "resultType", "structuredContent")
_OLDER_MEMBERS = ("_meta", "content", "isError", "structuredContent")
_KNOWN = frozenset(_MODERN_MEMBERS)
_write = json.JSONEncoder(separators=(",", ":")).encode
_PING: Final = b": ping\r\n\r\n"
_MODERN_STREAM = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]


class Reply(Protocol):
    """The reply to one call."""

    async def ping(self) -> None:
        """Tell the caller that there will be an answer."""
        ...

    async def end(self, outcome: Outcome) -> None:
        """Answer."""
        ...


class ModernReply:
    """A reply of the stateless era.

    Args:
        request_id: The id of the call's message.
        send: To the caller.
        server_info: What the server says of itself.
    """

    def __init__(self, request_id: str | int, send: Send, server_info: Mapping[str, Any]) -> None:
        self._id = request_id
        self._send = send
        self._server_info = server_info
        self._streams = False

    async def ping(self) -> None:
        """Tell the caller that there will be an answer."""
        if not self._streams:
            self._streams = True
            await _start(self._send, 200, _MODERN_STREAM)
        await self._send({"type": "http.response.body", "body": _PING, "more_body": True})

    async def end(self, outcome: Outcome) -> None:
        """Answer."""
        status = 200
        if isinstance(outcome, ErrorData):
            status = ERROR_CODE_HTTP_STATUS.get(outcome.code, 200)
            error = JSONRPCError(jsonrpc="2.0", id=self._id, error=outcome)
            message = error.model_dump(mode="json", by_alias=True, exclude_none=True)
        else:
            message = {"jsonrpc": "2.0", "id": self._id, "result": self._result(outcome)}
        body = _write(message).encode()
        if self._streams:
            body = _event(body)
        else:
            length = (b"content-length", b"%d" % len(body))
            await _start(self._send, status, [length, (b"content-type", b"application/json")])
        await self._send({"type": "http.response.body", "body": body})

    def _result(self, result: dict[str, Any]) -> dict[str, Any]:
        shaped = _shaped(result, _MODERN_MEMBERS, LATEST_MODERN_VERSION)
        shaped["_meta"] = {**shaped.get("_meta", {}), SERVER_INFO_META_KEY: self._server_info}
        return shaped


class OlderReply:
    """A reply of the older era.

    Args:
        request_id: The id of the call's message.
        send: To the caller.
        session: The session that it came in.
    """

    def __init__(self, request_id: str | int, send: Send, session: bytes | None) -> None:
        self._id = request_id
        self._send = send
        self._session = session
        self._started = False

    async def ping(self) -> None:
        """Tell the caller that there will be an answer."""
        await self._begin()
        await self._send({"type": "http.response.body", "body": _PING, "more_body": True})

    async def end(self, outcome: Outcome) -> None:
        """Answer."""
        if isinstance(outcome, ErrorData):
            error = JSONRPCError(jsonrpc="2.0", id=self._id, error=outcome)
            body = error.model_dump_json(by_alias=True, exclude_unset=True).encode()
        else:
            result = _shaped(outcome, _OLDER_MEMBERS, LATEST_HANDSHAKE_VERSION)
            body = to_json({"jsonrpc": "2.0", "id": self._id, "result": result})
        await self._begin()
        await self._send({"type": "http.response.body", "body": _event(body)})

    async def _begin(self) -> None:
        if self._started:
            return
        self._started = True
        session = [] if self._session is None else [(b"mcp-session-id", self._session)]
        headers = [
            (b"cache-control", b"no-cache, no-transform"),
            (b"connection", b"keep-alive"),
            (b"content-type", b"text/event-stream"),
            *session,
            (b"x-accel-buffering", b"no"),
        ]
        await _start(self._send, 200, headers)


def _shaped(result: dict[str, Any], members: tuple[str, ...], version: str) -> dict[str, Any]:
    """Return a result with the members that an era has, in the SDK's order."""
    if not _KNOWN.issuperset(result) or not all(map(_is_text, result.get("content", ()))):
        return serialize_server_result(_CALL, version, result)
    return {name: result[name] for name in members if name in result}


def _is_text(item: dict[str, Any]) -> bool:
    return tuple(item) == ("text", "type")


def _event(message: bytes) -> bytes:
    return b"event: message\r\ndata: %b\r\n\r\n" % message


async def _start(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
