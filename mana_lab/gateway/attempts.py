"""Attempts that never become calls: refused at the door, and in the audit all the same."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mana_lab.clock import Clock
from mana_lab.errors import ManaLabError
from mana_lab.gateway.audit import CallLog, Line
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.messages import message_of
from mana_lab.gateway.spaces import SPACE_HEADER
from mana_lab.web.tracing import TRACEPARENT, named_trace

PROTOCOL_RULE: Final = "not-a-request"
"""The rule of what the protocol itself refuses."""

_LONGEST = 128
_LONGEST_SPACE = 255
_taken: ContextVar[list[bool] | None] = ContextVar("mana_attempt", default=None)


def take_over() -> None:
    """Say that the attempt of this request became a call, which writes its own line."""
    taken = _taken.get()
    if taken is not None:
        taken.append(True)


class AttemptWatch:
    """Writes a line about every attempt at a tool that is refused before it becomes a call.

    Args:
        app: What stands behind.
        log: The audit.
        keys: Makes the audit's digests.
        clock: The lab's time.
        random: Makes ids.
    """

    def __init__(
        self,
        app: ASGIApp,
        log: CallLog,
        keys: GatewayKeys,
        clock: Clock,
        random: Callable[[], uuid.UUID],
    ) -> None:
        self._app = app
        self._log = log
        self._keys = keys
        self._clock = clock
        self._random = random

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at what it is answered."""
        if message_of(scope).get("method") != "tools/call":
            await self._app(scope, receive, send)
            return
        started = self._clock.monotonic()
        taken: list[bool] = []
        answer = _Refusal(send)
        mark = _taken.set(taken)
        rule: str | None = None
        try:
            await self._app(scope, receive, answer.watch)
            rule = answer.rule
        except ManaLabError as error:
            rule = error.code
            raise
        finally:
            _taken.reset(mark)
            if rule is not None and not taken:
                line = self._line(scope, rule)
                line.latency_ms = (self._clock.monotonic() - started) * 1000
                self._log.end(line)

    def _line(self, scope: Scope, rule: str) -> Line:
        params = _mapping(message_of(scope).get("params"))
        headers = Headers(scope=scope)
        name = params.get("name")
        said = (_mapping(params.get("_meta")).get(TRACEPARENT), headers.get(TRACEPARENT))
        return Line(
            id=str(self._random()),
            occurred_at=self._clock.now(),
            principal=principal_of(scope).user_id,
            space_id=headers.get(SPACE_HEADER, "")[:_LONGEST_SPACE],
            tool=name[:_LONGEST] if isinstance(name, str) else "",
            tool_hash=None,
            input_hmac=self._keys.digest(params.get("arguments")),
            trace_id=named_trace(said) or self._random().hex,
            decision="deny",
            rule=rule[:64],
            outcome="denied",
            error_code=rule[:64],
        )


class _Refusal:
    """Looks for a refusal in what is sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self.rule: str | None = None

    async def watch(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif self._status >= 400 and self.rule is None:
            self.rule = _rule_in(message.get("body", b""))
        await self._send(message)


def _rule_in(body: bytes) -> str:
    try:
        code = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return PROTOCOL_RULE
    return code if isinstance(code, str) else PROTOCOL_RULE


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
