"""Requests straight into an application, and every byte of what comes back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

HOST = "gateway.test"
ELICITATION = {"elicitation": {"form": {}}}
_ACCEPT = "application/json, text/event-stream"


@dataclass(frozen=True)
class Request:
    """One HTTP request, without the token."""

    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """Everything that a caller received."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def raw(self) -> bytes:
        """All of it, for a search."""
        lines = "\r\n".join(f"{name}: {value}" for name, value in self.headers)
        return f"{self.status}\r\n{lines}\r\n\r\n".encode() + self.body

    @property
    def messages(self) -> list[dict]:
        """The JSON values in the body, whether it is one or a stream of events."""
        text = self.body.decode()
        if dict(self.headers).get("content-type", "").startswith("text/event-stream"):
            lines = [line for line in text.splitlines() if line.startswith("data: {")]
            return [json.loads(line.removeprefix("data: ")) for line in lines]
        return [json.loads(text)] if text else []

    @property
    def last(self) -> dict:
        """The answer proper."""
        return self.messages[-1] if self.messages else {}

    @property
    def result(self) -> dict:
        """What a call returned; empty where it returned nothing."""
        return self.last.get("result") or {}

    @property
    def data(self) -> dict:
        """What the tool said; empty where it failed."""
        return {} if self.result.get("isError") else self.result.get("structuredContent") or {}

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        return dict(self.headers).get(name)


def modern(method: str, params: dict, *, space=None, meta=None, session=None, number=1) -> Request:
    """Return a request of the stateless era; *session* is one that it has no business with."""
    version = "2026-07-28"
    headers = [
        ("accept", _ACCEPT),
        ("content-type", "application/json"),
        ("mcp-protocol-version", version),
        ("mcp-method", method),
    ]
    if "name" in params:
        headers.append(("mcp-name", params["name"]))
    if session is not None:
        headers.append(("mcp-session-id", session))
    told = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": ELICITATION,
        **(meta or {}),
    }
    return _post(headers, space, method, {**params, "_meta": told}, number)


def legacy(method: str, params: dict, *, space=None, meta=None, session=None, number=1) -> Request:
    """Return a request of the older era, in a session unless it opens one."""
    headers = [("accept", _ACCEPT), ("content-type", "application/json")]
    if session is not None:
        headers += [("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25")]
    return _post(headers, space, method, {**params, **({"_meta": meta} if meta else {})}, number)


def opening() -> Request:
    """Return the request that opens a session; its client can put forms to nobody."""
    client = {"name": "test", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    return legacy("initialize", hello)


def closing(session: str) -> Request:
    """Return the request that ends a session."""
    return Request("DELETE", (("accept", _ACCEPT), ("mcp-session-id", session)))


def _post(headers, space, method, params, number) -> Request:
    if space is not None:
        headers.append(("x-mana-space", space))
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return Request("POST", tuple(headers), json.dumps(message).encode())


async def send(app, request: Request, token: str | None) -> Answer:
    """Send *request*, wait for the end of the answer, and return it."""
    shown = [] if token is None else [("authorization", f"Bearer {token}")]
    pairs = [("host", HOST), *shown, *request.headers]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
        "client": ("127.0.0.1", 1),
        "server": (HOST, 80),
        "state": {},
    }
    whole = [{"type": "http.request", "body": request.body, "more_body": False}]
    start: dict = {}
    pieces: list[bytes] = []

    async def receive():
        return whole.pop() if whole else await asyncio.Future()

    async def take(message):
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            pieces.append(message.get("body", b""))

    await app(scope, receive, take)
    headers = tuple((name.decode(), value.decode("latin-1")) for name, value in start["headers"])
    return Answer(start["status"], headers, b"".join(pieces))
