"""With which HTTP status a handler's protocol error is answered.

The SDK answers every error of the code -32602 with 400, which a client that speaks both eras may
take for a server of the older one. That is right for a request that is malformed; one that is well
formed and names a tool that is not there was answered (MCP 2026-07-28, tools, error handling).
"""

from __future__ import annotations

from typing import Any, Final

from mcp.server import ServerRequestContext
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ANSWERED: Final = "mana.answered"


def was_answered(ctx: ServerRequestContext) -> None:
    """Have the error that this request's handler is about to raise answered with 200."""
    request: Any = ctx.request
    if request is not None:
        request.scope[_ANSWERED] = True


class HandlersStatus:
    """Answers an error with 200 where its handler said that this is an answer.

    Args:
        app: What runs the handlers, with the very scope that it is given.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        marked = {**scope, _ANSWERED: False}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and marked[_ANSWERED]:
                message = {**message, "status": 200}
            await send(message)

        await self._app(marked, receive, answer)
