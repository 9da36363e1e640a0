"""Header fields that are few enough and cannot be read in two ways."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.errors import HeadersTooLargeError, InvalidInputError, ManaLabError
from mana_lab.gateway.answers import OnRefusal
from mana_lab.web.errors import refusal

MAX_HEADERS: Final = 100
"""How many header fields a request may have."""

_BLANK = b" \t"
_SINGLE = (b"authorization", b"host", b"mcp-session-id", b"origin", b"x-mana-space")


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of that name, which is in lower case; None where there is none."""
    for each, value in scope["headers"]:
        if each == name:
            found: str = value.decode("latin-1")
            return found
    return None


class HeaderSanity:
    """Refuses too many headers, and repeated ones that decide who or where.

    White space around MCP's own is stripped (RFC 9110 §5.5); not every HTTP parser does it.

    Args:
        app: What stands behind.
        refused: Is told of what is refused.
    """

    def __init__(self, app: ASGIApp, refused: OnRefusal) -> None:
        self._app = app
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with clean headers, or answer 400 or 431."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        error = _objection(headers)
        if error is not None:
            self._refused(scope, error.code)
            await refusal(error)(scope, receive, send)
            return
        if any(value != value.strip(_BLANK) for _, value in headers):
            scope = {**scope, "headers": [_stripped(*each) for each in headers]}
        await self._app(scope, receive, send)


def _objection(headers: list[tuple[bytes, bytes]]) -> ManaLabError | None:
    if len(headers) > MAX_HEADERS:
        return HeadersTooLargeError(f"a request has at most {MAX_HEADERS} headers")
    names = [name for name, _ in headers]
    if len(set(names)) == len(names):
        return None
    for name in _SINGLE:
        if names.count(name) > 1:
            message = f"the header {name.decode()} is there more than once; send one"
            return InvalidInputError(message)
    return None


def _stripped(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return name, value.strip(_BLANK) if name.startswith(b"mcp-") else value
