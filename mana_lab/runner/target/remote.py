"""A server that runs by itself and has an address (Streamable HTTP)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import httpx2
from mcp.client.streamable_http import streamable_http_client

from mana_lab.clock import Clock
from mana_lab.errors import SettingsError
from mana_lab.personas import Persona
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.target.bounded import BoundedTransport
from mana_lab.runner.target.server import USUAL_LIMITS, Line, ProtocolChoice, Server, ServerLimits

Credential: TypeAlias = str | httpx2.Auth | None
Auth: TypeAlias = Credential | Callable[[str], Credential]
"""A bearer token or an httpx2 authentication; or what gives it for a persona's short name."""

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKEN = re.compile(r"[!-~]+")
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


class RemoteServer(Server):
    """A server that is reached over HTTP.

    Args:
        url: Of its MCP endpoint.
        auth: How it knows who calls; None if it does not ask.
        headers: More headers to send with every request.
        clock: The lab's clock.
        protocol: Which versions of MCP to speak.
        limits: What the server is held to.
        transport: What requests go through; None for the network.

    Raises:
        SettingsError: One of them cannot be used.
    """

    def __init__(
        self,
        url: str,
        auth: Auth = None,
        headers: Mapping[str, str] | None = None,
        *,
        clock: Clock,
        protocol: ProtocolChoice = "auto",
        limits: ServerLimits = USUAL_LIMITS,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(protocol, limits)
        self._host = _host_of(url)
        self._auth = auth
        if auth is not None and not isinstance(auth, httpx2.Auth) and not callable(auth):
            _bearer(auth)
        self._headers = {name: _checked(name, value) for name, value in (headers or {}).items()}
        network = transport or httpx2.AsyncHTTPTransport(
            # each session of the older versions holds a stream open
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=limits.kept)
        )
        self._transport = BoundedTransport(network, limits.answer_bytes)
        self._endpoint = Endpoint(
            url, self._transport, clock=clock, timeout_s=limits.call_s, peer="the server"
        )

    @property
    def label(self) -> str:
        """Its host."""
        return self._host

    async def connect(self, persona: Persona) -> Line:
        """Connect as a persona."""
        auth, headers = self._credentials(persona.slug)
        http = self._endpoint.http_client(auth, headers)
        transport = streamable_http_client(
            self._endpoint.url, http_client=http, max_sse_event_size=self.limits.answer_bytes
        )
        return Line(await self._hold(transport, http))

    def _credentials(self, slug: str) -> tuple[httpx2.Auth | None, dict[str, str]]:
        given = self._auth
        if not isinstance(given, str | httpx2.Auth | None):
            given = given(slug)
        if given is None or isinstance(given, httpx2.Auth):
            return given, self._headers
        return None, self._headers | _bearer(given)

    async def close(self) -> None:
        """Let go of the network connections."""
        await self._transport.aclose()


def _host_of(url: str) -> str:
    try:
        parsed = httpx2.URL(url)
    except (TypeError, ValueError, httpx2.InvalidURL):
        parsed = httpx2.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SettingsError(
            f"url: got {str(url)[:80]!r}, need the address of an MCP endpoint such as "
            "http://127.0.0.1:8000/mcp"
        )
    if parsed.userinfo:
        raise SettingsError("url: has a password in it; give auth= instead")
    return parsed.host


def _bearer(token: str) -> dict[str, str]:
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise SettingsError(
            "auth: need a bearer token, an httpx2.Auth, or a function that gives one of them for "
            "a persona's short name"
        )
    return {"Authorization": f"Bearer {token}"}


def _checked(name: str, value: str) -> str:
    """Return a header's value; what it is never stands in an error."""
    if not _HEADER.fullmatch(name):
        raise SettingsError(f"headers: {name[:80]!r} is not the name of a header")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise SettingsError(f"{name}: its value is empty or cannot stand in a header")
    return value
