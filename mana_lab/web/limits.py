"""A limit on request bodies, kept before anything parses them."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mana_lab.errors import PayloadTooLargeError
from mana_lab.web.errors import error_response


class BodyLimit:
    """Refuses bodies that are too long with 413; the application never sees them.

    Args:
        app: The application.
        limit: Longest body, in bytes.
        longer: Longest bodies of paths that end so, in bytes.
    """

    def __init__(self, app: ASGIApp, limit: int, longer: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._longer = dict(longer or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body of an HTTP request, then hand it on or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        body = None if _announced(scope) > limit else await _read(receive, limit)
        if body is None:
            error = PayloadTooLargeError(f"the body may have {limit} bytes; send less at a time")
            await error_response(error)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    def _limit_of(self, path: str) -> int:
        for ending, limit in self._longer.items():
            if path.endswith(ending):
                return limit
        return self._limit


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def _read(receive: Receive, limit: int) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
