"""The audited call: whatever the app and whatever becomes of it, the audit has a row of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, RequestParamsMeta, TextContent
from pydantic import ValidationError

from mana_lab.clock import Clock
from mana_lab.crypto import canonical_json
from mana_lab.errors import InvalidOutputError, ManaLabError, ProtocolError
from mana_lab.runner.calls import CallError, CallOutcome
from mana_lab.runner.failures import GATEWAY, Failures
from mana_lab.runner.recorder import Recorder
from mana_lab.web.tracing import TRACEPARENT

IDEMPOTENCY_META = "how.mana/idempotencyKey"
"""Tells the gateway which call this is, so that a redone call writes the same record."""
TOOL_META = "how.mana/toolHash"
"""Where the gateway says which version of the tool answered."""
LATENCY_META = "how.mana/latencyMs"
"""Where an app whose time is simulated says how much longer the answer would have taken."""
_LONGEST_MS = 86_400_000.0

Reach: TypeAlias = Callable[[], Awaitable[Client]]
"""Returns the client to call with, connected; its errors are the call's outcome."""


@dataclass(frozen=True)
class _Answer:
    data: Any = None
    error: CallError | None = None
    tool_hash: str | None = None
    declared_ms: float = 0.0


class AuditedCalls:
    """Calls the tools of one app; each call leaves a row.

    Args:
        recorder: Where the audit collects.
        clock: Measures latencies.
        failures: How the app's failures are read.
    """

    def __init__(self, recorder: Recorder, clock: Clock, failures: Failures = GATEWAY) -> None:
        self.recorder = recorder
        self._clock = clock
        self._failures = failures

    async def call(
        self,
        reach: Reach,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        shared: bool = False,
        tool_hash: str | None = None,
    ) -> CallOutcome:
        """Call a tool.

        Args:
            reach: Gets the client.
            name: The tool.
            arguments: Its arguments.
            shared: Whether it acts in a space that is shared.
            tool_hash: Which version of the tool is called; where it is None, the answer may say.

        Returns:
            What the tool returned or why it failed; a failed call raises nothing.
        """
        given = dict(arguments or {})
        seq = self.recorder.begin(name, given, shared=shared)
        answer = _Answer()
        error: CallError | None = CallError("cancelled", "infrastructure", "the call was cancelled")
        started = self._clock.monotonic()
        latency_ms = 0.0
        try:
            client = await reach()
            started = self._clock.monotonic()
            answer = await self._send(client, name, given, self._meta(seq))
            error = answer.error
        except ManaLabError as refused:
            error = self._failures.from_library(refused)
        finally:
            latency_ms = (self._clock.monotonic() - started) * 1000 + answer.declared_ms
            action = self.recorder.record(
                seq,
                name,
                given,
                error=error,
                latency_ms=latency_ms,
                data=answer.data,
                tool_hash=tool_hash or answer.tool_hash,
            )
        return CallOutcome(name, answer.data, error, latency_ms, action.id, seq)

    def _meta(self, seq: int) -> RequestParamsMeta:
        key, trace = self.recorder.idempotency_key(seq), self.recorder.trace_parent(seq)
        return cast(RequestParamsMeta, {IDEMPOTENCY_META: key, TRACEPARENT: trace})

    async def _send(
        self, client: Client, name: str, arguments: dict[str, Any], meta: RequestParamsMeta
    ) -> _Answer:
        try:
            canonical_json(arguments)
            result = await _call(client, name, arguments, meta)
        except MCPError as error:
            return _Answer(error=self._failures.from_mcp(error))
        told: Mapping[str, Any] = result.meta or {}
        tool_hash = told.get(TOOL_META)
        known = tool_hash if isinstance(tool_hash, str) else None
        if result.is_error:
            return _Answer(error=self._failures.from_result(result), tool_hash=known)
        declared_ms = _declared(told.get(LATENCY_META))
        return _Answer(_data(result), tool_hash=known, declared_ms=declared_ms)


async def _call(
    client: Client, name: str, arguments: dict[str, Any], meta: RequestParamsMeta
) -> CallToolResult:
    try:
        return await client.call_tool(name, arguments, meta=meta)
    except ValidationError:
        raise ProtocolError("the server's answer is not one of MCP") from None
    except RuntimeError:
        # what the client raises when structured content breaks the tool's output schema
        raise InvalidOutputError("the tool's answer does not match its output schema") from None


def _declared(value: Any) -> float:
    """Return the latency that an answer declares, in milliseconds; 0 for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= _LONGEST_MS else 0.0


def _data(result: CallToolResult) -> Any:
    if result.structured_content is not None:
        return result.structured_content
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
