"""HTTP answers of a bounded size, from a server that nobody here knows."""

from __future__ import annotations

import httpx2

from mana_lab.errors import InvalidOutputError, ProtocolError
from mana_lab.runner.endpoint import failure

_STREAM = "text/event-stream"
_FAILED = 502


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Reads whole answers up to a size, and answers in the server's stead beyond it.

    Streams of events pass: the MCP client bounds each event, and its own patience the stream.

    Args:
        inner: What requests go through.
        most: How many bytes an answer may have.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, most: int) -> None:
        self._inner = inner
        self._most = most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; a compressed answer, whose size cannot be foreseen, is not wanted."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            await response.aclose()
            return failure(ProtocolError("the server compresses its answer, unasked"), _FAILED)
        if response.headers.get("Content-Type", "").lower().startswith(_STREAM):
            return response
        return await self._whole(response)

    async def _whole(self, response: httpx2.Response) -> httpx2.Response:
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._most:
                    text = f"the server's answer has more than {self._most} bytes"
                    return failure(InvalidOutputError(text), _FAILED)
        finally:
            await response.aclose()
        framing = ("content-length", "transfer-encoding")
        headers = [(name, value) for name, value in response.headers.raw if _plain(name, framing)]
        return httpx2.Response(response.status_code, headers=headers, content=bytes(body))

    async def aclose(self) -> None:
        """Let go of the network connections."""
        await self._inner.aclose()


def _plain(name: bytes, left_out: tuple[str, ...]) -> bool:
    return name.decode("latin-1").lower() not in left_out
