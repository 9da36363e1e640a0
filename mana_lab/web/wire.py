"""HTTP/1.1 on one connection: strictly read, bounded in size and in time.

uvicorn's protocols do the work; here stands what they leave open. A request that two parsers could
read in two ways is refused before anybody acts on it (RFC 9112 §11.2), headers have an end, and a
client that dawdles is hung up on. Knows nothing of MCP.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mana_lab.errors import RateLimitedError, ServiceUnavailableError
from mana_lab.web.draining import Draining
from mana_lab.web.errors import refusal

_CLOSE = (b"connection", b"close")
_FIELD_OVERHEAD = 4
_HARD_LIMIT = 2
_VERSIONS = ("1.0", "1.1")

_Reading: TypeAlias = Literal["nothing", "head", "body"]


@dataclass(frozen=True)
class WireLimits:
    """What a connection may take.

    Attributes:
        header_s: How long a request's headers may take to arrive, in seconds, and how long a new
            connection may be silent.
        request_s: How long the whole request may take to arrive.
        answer_s: How long a client may leave a full buffer of its answer unread.
        idle_s: How long a connection is kept between two requests. Longer than clients keep
            theirs, as a rule (httpx 5 s, Node's fetch 4 s): who sends a request at the moment in
            which the server hangs up cannot know whether it was done.
        header_bytes: Length of a request's target and headers together.
        connections: Connections at a time; requests on further ones are answered 503, and twice as
            many are not taken at all.
        connections_per_address: Connections at a time from one address; requests on further ones
            are answered 429.
    """

    header_s: float = 10.0
    request_s: float = 60.0
    answer_s: float = 60.0
    idle_s: int = 65
    header_bytes: int = 32 * 1024
    connections: int = 800
    connections_per_address: int = 400


class Wire:
    """What the connections of one server share.

    Args:
        limits: What each of them may take.
        draining: Tells when the server stops.
        linger_s: How long a connection without a request is kept then, in seconds, for the
            request that may be on its way.
    """

    def __init__(self, limits: WireLimits, draining: Draining, linger_s: float) -> None:
        self.limits = limits
        self.draining = draining
        self.linger_s = linger_s
        self._by_address: Counter[str] = Counter()
        self._total = 0

    def enter(self, address: str) -> ASGIApp | None:
        """Count a connection; return what answers on it when there are too many."""
        self._by_address[address] += 1
        self._total += 1
        if self._total > self.limits.connections:
            return _too_many
        if self._by_address[address] > self.limits.connections_per_address:
            return _too_many_of_one
        return None

    def leave(self, address: str) -> None:
        """Count a connection out."""
        self._total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    @property
    def is_full(self) -> bool:
        """Whether there are so many connections that a further one is not even answered."""
        return self._total > _HARD_LIMIT * self.limits.connections


class _Bounded(asyncio.Protocol):
    """What uvicorn's protocols have in common, with deadlines and counted."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    app: Any
    cycle: Any
    client: tuple[str, int] | None
    wire: Wire
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _watched: tuple[Any, _Reading] = (None, "nothing")
    _address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        refusing = self.wire.enter(self._address)
        if refusing is not None:
            self.app = refusing
        if self.wire.is_full:
            self.transport.abort()
        elif self.wire.draining.begun.is_set():
            self.shutdown()
        self._timer = self.loop.call_later(self.wire.limits.header_s, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._release()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer what is being answered, or was already sent, and then hang up."""
        self._announce_close()
        self.loop.call_later(self.wire.linger_s, self._hang_up_if_unused)

    def pause_writing(self) -> None:
        self._write_timer = self.loop.call_later(self.wire.limits.answer_s, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def _reading(self) -> _Reading:
        raise NotImplementedError

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _announce_close(self) -> None:
        """Say in the answer that it is the last one here, unless its headers are sent already.

        A connection that is closed without that may have the next request on its way.
        """
        if self._answering() and _CLOSE not in self.cycle.default_headers:
            self.cycle.default_headers = [*self.cycle.default_headers, _CLOSE]

    def _hang_up_if_unused(self) -> None:
        if self.transport.is_closing():
            return
        if self._answering() or self._reading() != "nothing":
            self.loop.call_later(self.wire.linger_s, self._hang_up_if_unused)
        else:
            self.transport.close()

    def _watch(self) -> None:
        """Set the deadline of what is being read; more bytes of it do not move that."""
        if self.wire.draining.begun.is_set():
            self._announce_close()
        watched = (self.cycle, self._reading())
        if watched == self._watched:
            return
        self._watched = watched
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if watched[1] != "nothing":
            limits = self.wire.limits
            seconds = limits.header_s if watched[1] == "head" else limits.request_s
            self._timer = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self._reading() == "head" and self._answering():
            # It was sent behind a request that is still being answered: that one's time counts.
            self._timer = self.loop.call_later(self.wire.limits.header_s, self._too_slow)
        elif not self._answering() or not self.cycle.response_started:
            self._reply(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _reply(self, status: HTTPStatus) -> None:
        text = status.phrase.encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (status, text, len(text), text)
        )
        self.transport.close()

    def _release(self) -> None:
        self.wire.leave(self._address)
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()


class _RefusedError(Exception):
    """What was read is no request that is answered."""


class StrictHttp(_Bounded, HttpToolsProtocol):
    """Reads with httptools, and checks what that lets pass."""

    _phase: _Reading = "nothing"
    _head_bytes = 0
    _silent_bytes = 0
    _status = HTTPStatus.BAD_REQUEST
    _deaf = False
    _passes_on = False

    def __init__(self, *args: Any, wire: Wire, **options: Any) -> None:
        super().__init__(*args, **options)
        self.wire = wire

    def data_received(self, data: bytes) -> None:
        """Read on; what cannot be read ends the connection, after what came before it."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._silent_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(self._status)
            return
        if self._silent_bytes > self.wire.limits.header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self._watch()

    def on_message_begin(self) -> None:
        """Begin the next request."""
        self._phase = "head"
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header without white space around it; a trailer is no header of the request."""
        self._count(len(name) + len(value) + _FIELD_OVERHEAD)
        if self._phase == "head":
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """Let the request be answered, unless it can be read in two ways."""
        self._phase = "body"
        self._silent_bytes = 0
        self._check_head()
        if self.parser.should_upgrade() and not self._should_upgrade():
            self._passes_on = True
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._silent_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the request."""
        self._phase = "nothing"
        self._silent_bytes = 0
        if not self._passes_on:
            super().on_message_complete()

    def _reading(self) -> _Reading:
        return "head" if self._phase == "nothing" and self._silent_bytes else self._phase

    def _count(self, length: int) -> None:
        self._head_bytes += length
        if self._head_bytes > self.wire.limits.header_bytes:
            self._status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _RefusedError

    def _check_head(self) -> None:
        version = self.parser.get_http_version()
        hosts = [value for name, value in self.headers if name == b"host"]
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if (
            version not in _VERSIONS
            or len(hosts) > 1
            or (version == "1.1" and not hosts)
            or codings not in ([], [b"chunked"])
            or (version == "1.0" and codings)
            or not self.url.startswith(b"/")
            or b"#" in self.url
        ):
            raise _RefusedError

    def _refuse(self, status: HTTPStatus) -> None:
        if self._answering() and not self.cycle.more_body:
            # The request before this junk is whole and gets its answer.
            self.cycle.keep_alive = False
            self._deaf = True
        elif self._answering() and self.cycle.response_started:
            self.transport.close()
        else:
            self._reply(status)

    def _switch(self, rest: bytes) -> None:
        if self._should_upgrade():
            self._release()
            self.handle_websocket_upgrade()
        elif self._answering():
            self._refuse(HTTPStatus.BAD_REQUEST)
        else:
            self._hand_over(rest)

    def _hand_over(self, rest: bytes) -> None:
        """Let h11 read on, which takes no notice of an offer to speak another protocol.

        httptools reads nothing behind such an offer, and clients in Java make one (RFC 7540 §3.2).
        """
        self._release()
        self.connections.discard(self)
        successor = _PatientHttp(
            self.config, self.server_state, self.app_state, self.loop, wire=self.wire
        )
        self.transport.set_protocol(successor)
        successor.connection_made(self.transport)
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers]
        successor.data_received(b"\r\n".join([*lines, b"", rest]))


class _PatientHttp(_Bounded, H11Protocol):
    """Reads with h11."""

    def __init__(self, *args: Any, wire: Wire, **options: Any) -> None:
        super().__init__(*args, **options)
        self.wire = wire

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def _reading(self) -> _Reading:
        state = str(self.conn.their_state)
        if state == "SEND_BODY":
            return "body"
        return "head" if state == "IDLE" and self.conn.trailing_data[0] else "nothing"


def protocol_of(wire: Wire) -> Any:
    """Return what makes the protocol of each connection, for uvicorn."""
    return partial(StrictHttp, wire=wire)


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    error = ServiceUnavailableError("too many connections are open; try again later")
    await refusal(error, {"Connection": "close"})(scope, receive, send)


async def _too_many_of_one(scope: Scope, receive: Receive, send: Send) -> None:
    error = RateLimitedError("too many connections come from your address", retry_after_s=1)
    await refusal(error, {"Connection": "close"})(scope, receive, send)
