"""Traces: which call, of which agent, led to which request further in (W3C Trace Context).

A trace goes on from service to service whether anybody collects spans or not; spans are made where
a tracer provider is given.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

import httpx
from opentelemetry import context, trace
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TracerProvider,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRACEPARENT: Final = "traceparent"
"""The header, and the member of MCP's ``_meta``, that names a trace and a place in it."""

_FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """Opens the spans of one service.

    Args:
        service: What the service is called.
        provider: Where spans go; None makes none, and traces still go on.
        random_bits: Makes the ids of traces and spans, where there is no provider to do it.
    """

    def __init__(
        self,
        service: str,
        provider: TracerProvider | None = None,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._tracer = None if provider is None else provider.get_tracer(service)
        self._random_bits = random_bits

    def span(
        self,
        name: str,
        said: Iterable[Any],
        attributes: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[Span]:
        """Be in a span of the trace that a caller names, or else of a new one.

        Args:
            name: Of the span, one of few.
            said: What may be a ``traceparent``; the first that is one counts.
            attributes: Of the span; nothing that a user wrote.
        """
        parent = _parent(said)
        if self._tracer is None:
            return _Unrecorded(NonRecordingSpan(self._child(parent)))
        return self._tracer.start_as_current_span(
            name,
            context=context.Context() if parent is None else _within(parent),
            kind=SpanKind.SERVER,
            attributes=dict(attributes or {}),
            record_exception=False,
        )

    def _child(self, parent: SpanContext | None) -> SpanContext:
        drawn = self._random_bits(64 + 128)
        span_id = drawn >> 128 | 1  # none of the two ids may be zero
        if parent is None:
            return SpanContext(drawn % (1 << 128) | 1, span_id, False, _SAMPLED)
        return SpanContext(parent.trace_id, span_id, False, parent.trace_flags)


class _Unrecorded:
    """What carries a trace on where nobody collects its spans; every call is in one."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, *_: object) -> None:
        context.detach(self._token)


def trace_id(span: Span) -> str:
    """Return the trace of a span: 32 hexadecimal digits."""
    return trace.format_trace_id(span.get_span_context().trace_id)


def named_trace(said: Iterable[Any]) -> str | None:
    """Return the trace that a caller names, if it does: 32 hexadecimal digits."""
    parent = _parent(said)
    return None if parent is None else trace.format_trace_id(parent.trace_id)


async def carry_trace(request: httpx.Request) -> None:
    """Name the present trace in a request that is about to be sent; a hook of an HTTP client."""
    _PROPAGATOR.inject(request.headers)


class TracedApp:
    """Makes a span of every HTTP request to a service.

    Args:
        app: The service.
        tracing: Opens its spans.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, within a span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"
        ]
        with self._tracing.span(scope["method"], said) as span:

            async def watch(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _describe(span, scope, message["status"])
                await send(message)

            await self._app(scope, receive, watch)


def _describe(span: Span, scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def _parent(said: Iterable[Any]) -> SpanContext | None:
    for text in said:
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        if found is not None:
            flags = TraceFlags(int(found[3], 16))
            return SpanContext(int(found[1], 16), int(found[2], 16), True, flags)
    return None


def _within(parent: SpanContext) -> context.Context:
    return trace.set_span_in_context(NonRecordingSpan(parent), context.Context())
