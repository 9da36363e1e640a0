"""The two kinds of error bodies that the gateway's own layers answer with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OnRefusal: TypeAlias = Callable[[Scope, str], None]
"""Is told which request was refused, and by which rule."""

_RETRY = "mana.retry-later"


class LaterTries:
    """Says in a header when a call that came too early may be tried again.

    Args:
        app: What stands behind; it uses :func:`retry_later`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add ``Retry-After`` to an answer that needs it."""
        told: list[int] = []
        held: list[Message] = []
        may_wait = scope["type"] == "http" and scope["method"] == "POST"

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start" and may_wait and not told:
                held.append(message)  # the SDK begins a stream before it asks whether a call may be
                return
            if held:
                await send(_with(told, held.pop()))
            await send(_with(told, message))

        await self._app({**scope, _RETRY: told}, receive, add)
        if held:
            await send(held.pop())


def _with(told: Sequence[int], message: Message) -> Message:
    if not told or message["type"] != "http.response.start":
        return message
    return {**message, "headers": [*message["headers"], (b"retry-after", str(told[0]).encode())]}


def retry_later(scope: Scope, seconds: int) -> None:
    """Have the answer to this request say that it may be tried again in so many seconds."""
    scope[_RETRY].append(seconds)


def protocol_error(
    code: int,
    message: str,
    request_id: str | int | None = None,
    data: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Return a JSON-RPC error with status 400 for a message that is not one of MCP.

    Args:
        code: A code of JSON-RPC or of MCP.
        message: What is wrong, in one sentence.
        request_id: The message's id, where it has a usable one.
        data: What a client can act on.
    """
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = dict(data)
    return JSONResponse({"jsonrpc": "2.0", "id": request_id, "error": error}, 400)
