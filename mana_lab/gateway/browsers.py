"""What browsers are told of other sites' pages (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).

Only pages of the allowed origins learn anything, each of itself and never of all; the others get
answers that their browser does not let them read. Cookies are never asked for: callers show a
bearer token, which no browser sends by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mana_lab.gateway.origins import is_allowed_origin

METHODS: Final = ("GET", "POST", "DELETE")
"""What pages may do: the stateless era posts, sessions of the older one are also read and ended."""
REQUEST_HEADERS: Final = frozenset(
    {
        "accept",
        "authorization",
        "baggage",
        "content-type",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "traceparent",
        "tracestate",
        "x-mana-space",
    }
)
"""What pages may send, besides the ``Mcp-Param-*`` headers that a tool's schema names."""
EXPOSED_HEADERS: Final = (
    "Mcp-Session-Id",
    "MCP-Protocol-Version",
    "Retry-After",
    "WWW-Authenticate",
)
"""What pages may read of an answer, besides its body."""

_PARAMETER = re.compile(r"mcp-param-[!#$%&'*+.^_`|~0-9a-z-]{1,128}")
_MOST_HEADERS = 64
_MAX_AGE_S = 600
_VARIES, _VARY = b"vary", "Origin"
_PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class BrowserAccess:
    """Tells browsers that pages of the allowed origins may use this server, its errors included.

    Args:
        app: What stands behind; it has to refuse other origins itself.
        origins: Rules for ``Origin``.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a browser's question, or pass the request on and let its page read the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = self._allowed([value for name, value in scope["headers"] if name == b"origin"])
        if scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            if "access-control-request-method" in headers:
                await _preflight(headers, origin)(scope, receive, send)
                return

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                _vary(message)
                if origin is not None:
                    told = MutableHeaders(scope=message)
                    told["Access-Control-Allow-Origin"] = origin
                    told["Access-Control-Expose-Headers"] = ", ".join(EXPOSED_HEADERS)
            await send(message)

        await self._app(scope, receive, readable)

    def _allowed(self, origins: list[bytes]) -> str | None:
        if len(origins) != 1:
            return None
        origin = origins[0].decode("latin-1")
        return origin if is_allowed_origin(origin, self._origins) else None


def _vary(answer: Message) -> None:
    """Say that the answer depends on the origin, as ``MutableHeaders.add_vary_header`` does."""
    if any(name == _VARIES for name, _ in answer["headers"]):
        MutableHeaders(scope=answer).add_vary_header(_VARY)
    else:
        answer["headers"] = [*answer["headers"], (_VARIES, _VARY.encode())]


def _preflight(headers: Headers, origin: str | None) -> Response:
    asked = _names(headers.get("access-control-request-headers", ""))
    if (
        origin is None
        or headers["access-control-request-method"] not in METHODS
        or len(asked) > _MOST_HEADERS
        or not all(map(_may_be_sent, asked))
    ):
        return Response(status_code=403, headers={"Vary": _PREFLIGHT_VARY})
    allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ", ".join(METHODS),
        "Access-Control-Allow-Headers": ", ".join(asked),
        "Access-Control-Max-Age": str(_MAX_AGE_S),
        "Vary": _PREFLIGHT_VARY,
    }
    if headers.get("access-control-request-private-network") == "true":
        allowed["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=allowed)


def _names(text: str) -> list[str]:
    return [name.strip(" \t").lower() for name in text.split(",")] if text else []


def _may_be_sent(name: str) -> bool:
    return name in REQUEST_HEADERS or _PARAMETER.fullmatch(name) is not None
