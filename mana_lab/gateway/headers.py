"""Header fields that cannot be read in two ways."""

from __future__ import annotations

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.errors import InvalidInputError
from mana_lab.gateway.answers import refusal

_SINGLE = (b"authorization", b"host", b"mcp-session-id", b"origin", b"x-mana-space")


class HeaderSanity:
    """Refuses repeated headers that decide who or where, and strips white space around MCP's own.

    The stripping is RFC 9110 §5.5; not every HTTP parser does it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with clean headers, or answer 400."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        count = Counter(name for name, _ in headers)
        repeated = [name.decode() for name in _SINGLE if count[name] > 1]
        if repeated:
            error = InvalidInputError(f"the header {repeated[0]} is there more than once; send one")
            await refusal(error)(scope, receive, send)
            return
        stripped = [
            (name, value.strip(b" \t") if name.startswith(b"mcp-") else value)
            for name, value in headers
        ]
        await self._app({**scope, "headers": stripped}, receive, send)
