"""Where the gateway is, how to reach it, and what one client learnt that the next can use."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from mcp.client.caching import CacheConfig, InMemoryResponseCacheStore

from mana_lab.clock import Clock, SystemClock
from mana_lab.errors import ServiceUnavailableError, error_from_wire

_INTERNAL_ERROR = -32603
_TIMEOUT_S = 60.0


class Endpoint:
    """The gateway's address and transport, shared by the apps of a lab.

    What the server marks as the same for everybody, above all its list of tools, is fetched once
    and kept for as long as the server allows.

    Args:
        url: Of the MCP endpoint, such as ``http://127.0.0.1:3069/mcp``.
        transport: What requests go through, such as ``httpx2.ASGITransport(app)`` for a gateway
            in this process; None for the network. One that was given is not closed here.
        clock: Measures how long a list may be kept.
    """

    def __init__(
        self,
        url: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.url = url
        self._owns_transport = transport is None
        self._transport = _Legible(transport or httpx2.AsyncHTTPTransport())
        self._lists = InMemoryResponseCacheStore()
        self._clock = clock or SystemClock()

    def http_client(self, auth: httpx2.Auth, headers: dict[str, str]) -> httpx2.AsyncClient:
        """Return a client for one signed-in user."""
        return httpx2.AsyncClient(
            transport=_Borrowed(self._transport), auth=auth, headers=headers, timeout=_TIMEOUT_S
        )

    def cache(self, user_id: str) -> CacheConfig:
        """Return what may be kept for that user; only public lists are shared with others."""
        return CacheConfig(
            store=self._lists,
            partition=user_id,
            target_id=self.url,
            share_public=True,
            clock=self._clock.monotonic,
        )

    async def close(self) -> None:
        """Let go of the network connections."""
        if self._owns_transport:
            await self._transport.aclose()


class _Borrowed(httpx2.AsyncBaseTransport):
    """A transport that outlives the clients that use it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Leave the shared transport open."""


class _Legible(httpx2.AsyncBaseTransport):
    """Puts HTTP failures into JSON-RPC errors, which is all that the MCP client passes on.

    Without it the client says "Server returned an error response" whatever the status was, and a
    refused connection ends the whole session.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TransportError as error:
            code = ServiceUnavailableError.code
            return _failure(503, code, f"the gateway cannot be reached ({type(error).__name__})")
        if response.status_code < 400:
            return response
        body = _json_or_none(await response.aread())
        await response.aclose()
        if "jsonrpc" in body:
            return response
        message = str(body.get("message") or body.get("error") or "the gateway gave no reason")
        return _failure(response.status_code, str(body.get("error", "")), message)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _failure(status: int, code: str, message: str) -> httpx2.Response:
    known = error_from_wire(status, code, message)
    data = {"code": known.code, "kind": known.kind, "status": status}
    error = {"code": _INTERNAL_ERROR, "message": message, "data": data}
    return httpx2.Response(status, json={"jsonrpc": "2.0", "id": None, "error": error})


def _json_or_none(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
