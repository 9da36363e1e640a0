"""Where an MCP server is, how to reach it, and what one client learnt that the next can use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import httpx2
from mcp.client.caching import CacheConfig, CacheEntry, CacheKey, InMemoryResponseCacheStore
from mcp.types import UNSUPPORTED_PROTOCOL_VERSION, CacheableResult

from mana_lab.clock import Clock, SystemClock
from mana_lab.errors import ManaLabError, ServiceUnavailableError, error_from_wire
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.discovery import Discoveries

_INTERNAL_ERROR = -32603
_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=256)
"""How many calls there are at a time is said by whoever makes them."""


class Endpoint:
    """A server's address and transport, shared by the apps of a lab.

    What the server says of itself and its list of tools are fetched once for each user, or for
    all where it marks them as the same for everybody, and kept for as long as it allows.

    Args:
        url: Of the MCP endpoint, such as ``http://127.0.0.1:3069/mcp``.
        transport: What requests go through, such as ``httpx2.ASGITransport(app)`` for a gateway
            in this process; None for the network. One that was given is not closed here.
        clock: Measures how long a list may be kept.
        timeout_s: How long the server may be silent.
        peer: What to call the server in errors.
        partition: Under which name is kept what a user is told; by default under their id.

    Attributes:
        url: The server's address.
        discoveries: What the server said of itself.
    """

    def __init__(
        self,
        url: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        clock: Clock | None = None,
        timeout_s: float = 60.0,
        peer: str = "the gateway",
        partition: Callable[[str], str] = str,
    ) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self.partition = partition
        self._owns_transport = transport is None
        self._clock = clock or SystemClock()
        self.discoveries = Discoveries(self._clock.monotonic)
        self._transport = _Legible(
            transport or httpx2.AsyncHTTPTransport(limits=_LIMITS), peer, self.discoveries.forget
        )
        self._lists = _OneOfEach()
        self._last_offer: Sequence[ToolInfo] = ()

    def http_client(self, auth: httpx2.Auth | None, headers: dict[str, str]) -> httpx2.AsyncClient:
        """Return a client for one signed-in user."""
        return httpx2.AsyncClient(
            transport=_Borrowed(self._transport),
            auth=auth,
            headers=headers,
            timeout=self._timeout_s,
        )

    def cache(self, user_id: str) -> CacheConfig:
        """Return what may be kept for that user; only public lists are shared with others."""
        return CacheConfig(
            store=self._lists,
            partition=self.partition(user_id),
            target_id=self.url,
            share_public=True,
            clock=self._clock.monotonic,
        )

    def once(self, offer: Sequence[ToolInfo]) -> Sequence[ToolInfo]:
        """Return the tools of *offer*; those that were offered to the last one, if they are equal.

        A list takes a megabyte, and most users are offered the same.
        """
        if offer != self._last_offer:
            self._last_offer = offer
        return self._last_offer

    async def close(self) -> None:
        """Let go of the network connections."""
        if self._owns_transport:
            await self._transport.aclose()


class _OneOfEach(InMemoryResponseCacheStore):
    """Keeps equal answers to different users once: most users are offered the same tools."""

    def __init__(self) -> None:
        super().__init__()
        self._known: WeakValueDictionary[str, CacheableResult] = WeakValueDictionary()

    async def set(self, key: CacheKey, entry: CacheEntry) -> None:
        digest = hashlib.sha256(entry.value.model_dump_json().encode()).hexdigest()
        value = self._known.setdefault(digest, entry.value)
        await super().set(key, replace(entry, value=value))


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

    Args:
        inner: What requests go through.
        peer: What to call the server.
        lost: Called when the server cannot be reached, fails, or speaks other versions than before.
    """

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, peer: str, lost: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._peer = peer
        self._lost = lost

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TransportError as error:
            self._lost()
            text = f"{self._peer} cannot be reached ({type(error).__name__})"
            return failure(ServiceUnavailableError(text), 503)
        if response.status_code < 400:
            return response
        body = _json_or_none(await response.aread())
        await response.aclose()
        if response.status_code >= 500 or _code_of(body) == UNSUPPORTED_PROTOCOL_VERSION:
            self._lost()
        if "jsonrpc" in body:
            return response
        status = response.status_code
        silent = f"{self._peer} gave no reason (HTTP {status})"
        message = str(body.get("message") or body.get("error") or silent)
        told = failure(error_from_wire(status, str(body.get("error", "")), message), status)
        if challenge := response.headers.get("WWW-Authenticate"):
            told.headers["WWW-Authenticate"] = challenge
        return told

    async def aclose(self) -> None:
        await self._inner.aclose()


def failure(error: ManaLabError, status: int) -> httpx2.Response:
    """Return the answer to a request that fails with *error*, as the MCP client reads it."""
    data = {"code": error.code, "kind": error.kind, "status": status}
    told = {"code": _INTERNAL_ERROR, "message": error.message, "data": data}
    return httpx2.Response(status, json={"jsonrpc": "2.0", "id": None, "error": told})


def _json_or_none(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _code_of(body: dict[str, Any]) -> Any:
    error = body.get("error")
    return error.get("code") if isinstance(error, dict) else None
