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
from mana_lab.errors import ManaLabError, RateLimitedError
from mana_lab.gateway.admission import Allowance
from mana_lab.gateway.audit import CallLog, Line, line_id
from mana_lab.gateway.auth import caller_of
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.messages import NOT_A_REQUEST, message_of
from mana_lab.gateway.metrics import Metrics
from mana_lab.gateway.spaces import SPACE_HEADER
from mana_lab.registry import Principal
from mana_lab.web.tracing import TRACEPARENT, named_trace

CALL: Final = "tools/call"
"""The method of an attempt at a tool."""
NOBODY: Final = ""
"""Who is in the audit where nobody is known; no user has this id."""
STRANGERS_A_MINUTE: Final = 30
"""How many lines a minute are written about requests of whom nobody is known."""

_LONGEST = 128
_LONGEST_SPACE = 255
_taken: ContextVar[list[bool] | None] = ContextVar("mana_attempt", default=None)


def take_over() -> None:
    """Say that the attempt of this request became a call, which writes its own line."""
    taken = _taken.get()
    if taken is not None:
        taken.append(True)


class Attempts:
    """Writes a line about every attempt at a tool that is refused before it becomes a call.

    A message that nobody can read may have been one, and counts as one. Of somebody who is not
    known as many lines are written as a minute has room for, so that whoever likes can fill no
    disk; what goes beyond is counted like everything else.

    Args:
        log: The audit.
        keys: Makes the audit's digests.
        metrics: Counts what is refused.
        clock: The lab's time.
        random: Makes ids.
    """

    def __init__(
        self,
        log: CallLog,
        keys: GatewayKeys,
        metrics: Metrics,
        clock: Clock,
        random: Callable[[], uuid.UUID],
    ) -> None:
        self._log = log
        self._keys = keys
        self._metrics = metrics
        self._clock = clock
        self._random = random
        self._strangers = Allowance(clock, STRANGERS_A_MINUTE)

    def refused(self, scope: Scope, rule: str, latency_ms: float | None = None) -> None:
        """Write down that a request was refused, if it was an attempt, and count it.

        Args:
            scope: Of the request, as far as it got.
            rule: Why.
            latency_ms: How long it took, where somebody knows.
        """
        self._metrics.refused(rule)
        if message_of(scope).get("method", CALL) != CALL:
            return
        principal = caller_of(scope)
        if principal is not None or self._has_room():
            self._log.end(self._line(scope, principal, rule, latency_ms))

    def _has_room(self) -> bool:
        try:
            self._strangers.spend(NOBODY)
        except RateLimitedError:
            return False
        return True

    def _line(
        self, scope: Scope, principal: Principal | None, rule: str, latency_ms: float | None
    ) -> Line:
        params = _mapping(message_of(scope).get("params"))
        headers = Headers(scope=scope)
        name = params.get("name")
        said = (_mapping(params.get("_meta")).get(TRACEPARENT), headers.get(TRACEPARENT))
        space = "" if principal is None else headers.get(SPACE_HEADER, "")
        now = self._clock.now()
        return Line(
            id=line_id(now, self._random()),
            occurred_at=now,
            principal=NOBODY if principal is None else principal.user_id,
            space_id=space[:_LONGEST_SPACE],
            tool=name[:_LONGEST] if isinstance(name, str) else "",
            tool_hash=None,
            input_hmac=self._keys.digest(params.get("arguments")),
            trace_id=named_trace(said) or self._random().hex,
            decision="deny",
            rule=rule[:64],
            outcome="denied",
            error_code=rule[:64],
            latency_ms=latency_ms,
        )


class AttemptWatch:
    """Has every call written down that is refused by what stands behind.

    Args:
        app: What stands behind.
        attempts: Writes it down.
        clock: ``monotonic`` tells how long it took.
    """

    def __init__(self, app: ASGIApp, attempts: Attempts, clock: Clock) -> None:
        self._app = app
        self._attempts = attempts
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at what it is answered."""
        if message_of(scope).get("method") != CALL:
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
                self._attempts.refused(scope, rule, (self._clock.monotonic() - started) * 1000)


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
        return NOT_A_REQUEST
    return code if isinstance(code, str) else NOT_A_REQUEST


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
