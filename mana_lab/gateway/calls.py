"""Calls: the one way in which a tool is called, whichever door the call came through.

A call is decided about, perhaps agreed to by a person, done once where it has a name of its own,
and audited whatever becomes of it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NoReturn

from mcp import MCPError
from mcp.types import INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY
from opentelemetry.trace import Span

from mana_lab.clock import Clock
from mana_lab.errors import (
    ConfirmationRequiredError,
    InfrastructureError,
    InvalidConsentError,
    ManaLabError,
    ServiceUnavailableError,
    UnauthenticatedError,
    UnknownToolError,
)
from mana_lab.gateway import policy as rules
from mana_lab.gateway.attempts import take_over
from mana_lab.gateway.audit import MAX_WAITING, CallLog, Line, line_id
from mana_lab.gateway.consents import Consents, Inquiry, Matter
from mana_lab.gateway.injection import has_marker
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.metrics import UNKNOWN_TOOL, Metrics
from mana_lab.gateway.offers import Offers, Tool
from mana_lab.gateway.once import Done, KeyedCall, Once
from mana_lab.gateway.policy import Decision, Policy
from mana_lab.gateway.results import Ending, details_of, ending_of, failure, flagged, success
from mana_lab.gateway.variants import Variants
from mana_lab.registry import Backend, Principal, ProgressReport, Registry
from mana_lab.registry.context import ToolContext
from mana_lab.registry.principal import SpaceLike
from mana_lab.sync.pushes import watched_pushes
from mana_lab.web import Tracing, trace_id
from mana_lab.web.tracing import TRACEPARENT

IDEMPOTENCY_META: Final = "how.mana/idempotencyKey"
"""In a call's ``_meta``: the caller's name for the call. A call done again under the same name
happens once, and brings the same answer."""
_MAX_KEY_CHARS = 255
_LONGEST_NAME = 128
_ELICITATION: Final[dict[str, Any]] = {"elicitation": {"form": {}}}
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """One call, as it came.

    Attributes:
        name: What is to be called.
        arguments: What with; None counts as nothing.
        principal: The verified caller.
        space: Where it acts; the caller is a member.
        meta: The ``_meta`` of the request.
        inquiry: How the person behind it can be asked.
        headers: The request's headers, for its trace; names in lower case.
        report: Tells the caller how far the tool is; None where nobody wants to know.
    """

    name: str
    arguments: Mapping[str, Any] | None
    principal: Principal
    space: SpaceLike
    meta: Mapping[str, Any] = field(default_factory=dict)
    inquiry: Inquiry = field(default_factory=Inquiry)
    headers: Mapping[str, str] = field(default_factory=dict)
    report: ProgressReport | None = None


@dataclass(frozen=True)
class Desk:
    """What calls are dealt with by.

    Attributes:
        policy: Decides.
        consents: Asks persons.
        once: Remembers calls with a key.
        log: Keeps the audit.
        metrics: Counts.
        keys: Makes the audit's digests.
        clock: The lab's time.
        random: Makes ids.
        tracing: Makes spans, and carries traces on.
    """

    policy: Policy
    consents: Consents
    once: Once
    log: CallLog
    metrics: Metrics
    keys: GatewayKeys
    clock: Clock
    random: Callable[[], uuid.UUID] = uuid.uuid4
    tracing: Tracing = field(default_factory=lambda: Tracing("mana-mcp"))


class Calls:
    """Calls the tools of a registry.

    Args:
        registry: The tools; only such as may be exposed.
        backend: Gives each call its context.
        desk: What calls are dealt with by.
        variants: Who has the app otherwise than it is.

    Attributes:
        offers: What each user is offered.
    """

    def __init__(
        self,
        registry: Registry,
        backend: Backend,
        desk: Desk,
        variants: Variants | None = None,
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._desk = desk
        self.offers = Offers(registry, variants or Variants())

    async def call(self, call: Call) -> dict[str, Any]:
        """Return the result of a call as MCP writes it: ``CallToolResult``, or the wish for input.

        A tool's failure is a result too.

        Raises:
            MCPError: The call is none that MCP knows: no such tool, a bad key, a bad consent.
        """
        take_over()
        tool = self.offers.to(call.principal.user_id).get(call.name)
        counted_as = UNKNOWN_TOOL if tool is None else call.name
        said = (call.meta.get(TRACEPARENT), call.headers.get(TRACEPARENT))
        about = {"mcp.method.name": "tools/call", "gen_ai.tool.name": counted_as}
        with self._desk.tracing.span(f"tools/call {counted_as}", said, about) as span:
            return await self._attempt(call, tool, counted_as, span)

    async def _attempt(
        self, call: Call, tool: Tool | None, counted_as: str, span: Span
    ) -> dict[str, Any]:
        started = self._desk.clock.monotonic()
        line = self._line(call, tool, trace_id(span))
        ending: Ending | None = None
        with watched_pushes() as pushes:
            try:
                answer = await self._answered(call, tool, line)
                ending = ending_of(answer)
            except MCPError as error:
                ending = Ending("invalid", (error.error.data or {}).get("code", "invalid-request"))
                raise
            finally:
                ending = ending or Ending("cancelled", pushes.fate)
                self._end(line, ending, counted_as, started)
                span.set_attribute("mana.outcome", ending.outcome)
        return answer

    def _end(self, line: Line, ending: Ending, counted_as: str, started: float) -> None:
        seconds = self._desk.clock.monotonic() - started
        line.outcome, line.error_code = ending.outcome, ending.error_code
        line.latency_ms = seconds * 1000
        self._desk.log.end(line)
        self._desk.metrics.called(counted_as, ending.counted, seconds)

    def _line(self, call: Call, tool: Tool | None, trace: str) -> Line:
        desk = self._desk
        now = desk.clock.now()
        return Line(
            id=line_id(now, desk.random()),
            occurred_at=now,
            principal=call.principal.user_id,
            space_id=call.space.id,
            tool=call.name[:_LONGEST_NAME],
            tool_hash=None if tool is None else tool.hash,
            input_hmac=desk.keys.digest(call.arguments),
            trace_id=trace,
        )

    async def _answered(self, call: Call, tool: Tool | None, line: Line) -> dict[str, Any]:
        if tool is None:
            self._decide(line, Decision("deny", rules.UNKNOWN_TOOL))
            _refuse_unknown(self._registry, call.name)
        key = _idempotency_key(call.meta)
        try:
            answer = await self._permitted(call, tool, line, key)
        except ManaLabError as error:
            rule = line.rule if line.decision == "deny" else None
            answer = failure(error, tool.hash, rule)
        except MCPError:
            raise
        except Exception:
            # in the older era the SDK would tell the caller what it says
            _logger.exception("%s failed", call.name)
            answer = failure(InfrastructureError("Internal error"), tool.hash)
        return self._pointed_out(answer, line)

    def _pointed_out(self, answer: dict[str, Any], line: Line) -> dict[str, Any]:
        """Point out texts that read like orders, in what was asked and in what was found."""
        if self._desk.policy.mode == "off" or "content" not in answer:
            return answer
        places = ["the input"] if line.rule == rules.MARKER else []
        if has_marker(answer.get("structuredContent")):
            places.append("the result")
        if not places:
            return answer
        if line.decision == "allow":
            self._decide(line, Decision("flagged", rules.MARKER))
        return flagged(answer, [rules.MARKER], places)

    async def _permitted(
        self, call: Call, tool: Tool, line: Line, key: str | None
    ) -> dict[str, Any]:
        """Do what the policy, and a person where one has to agree, let be done."""
        if key is None:
            question = await self._objection(call, tool, line)
            return (await self._done(call, tool)).answer if question is None else question
        content = {"tool": tool.spec.name, "space": call.space.id, "arguments": call.arguments}
        writes = tool.spec.policy_hint != "read"
        keyed = KeyedCall(call.principal.user_id, key, content, writes)
        async with self._desk.once.turn(keyed) as is_repeated:
            question = await self._objection(call, tool, line, counts=not is_repeated)
            if question is not None:
                return question
            return await self._desk.once.do(
                keyed, lambda acts_at: self._done(call, tool, key, acts_at)
            )

    async def _objection(
        self, call: Call, tool: Tool, line: Line, *, counts: bool = True
    ) -> dict[str, Any] | None:
        """Return what the client has to ask before the call may be done; None for nothing."""
        policy = self._desk.policy
        decision = await policy.decide(
            tool.spec, call.principal, call.space, call.arguments, counts=counts
        )
        self._decide(line, decision)
        if decision.error is not None and policy.enforces:
            raise decision.error
        if tool.spec.policy_hint == "destructive" and policy.enforces:
            question = await self._question(call, tool, line)
            if question is not None:
                return question
        await self._audited(tool, line)
        return None

    def _decide(self, line: Line, decision: Decision) -> None:
        line.decision, line.rule = decision.verdict, decision.rule
        self._desk.metrics.decided(decision.verdict, decision.rule, self._desk.policy.mode)

    async def _question(self, call: Call, tool: Tool, line: Line) -> dict[str, Any] | None:
        """Return what the client is to ask a person, or None where they agreed already."""
        tool.spec.parse(call.arguments)
        matter = Matter(call.principal, call.space, tool.spec, tool.hash, call.arguments or {})
        inquiry = call.inquiry
        try:
            reply = await self._desk.consents.reply(matter, inquiry) if inquiry.capable else None
        except InvalidConsentError as error:
            self._decide(line, Decision("deny", rules.CONFIRMATION))
            raise MCPError(INVALID_PARAMS, error.message, {"code": error.code}) from None
        if reply == "yes":
            return None
        self._decide(
            line, Decision("deny", rules.DECLINED if reply == "no" else rules.CONFIRMATION)
        )
        if reply == "unasked":
            return self._desk.consents.question(matter)
        if reply is None and inquiry.stateless:
            message = f"{call.name} needs a person's consent; the client has to be able to ask"
            needs = {"code": ConfirmationRequiredError.code, "requiredCapabilities": _ELICITATION}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, message, needs)
        raise ConfirmationRequiredError(
            f"{call.name} was not done: "
            + ("nobody agreed to it" if reply == "no" else "the client cannot ask a person")
        )

    async def _audited(self, tool: Tool, line: Line) -> None:
        log = self._desk.log
        try:
            if log.waiting >= MAX_WAITING:
                raise ServiceUnavailableError("the audit is behind")
            if tool.spec.policy_hint != "read":
                await log.begin(line)
        except InfrastructureError as error:
            self._decide(line, Decision("deny", rules.AUDIT))
            _logger.warning("a call is refused: the audit is not taken (%s)", error.code)
            raise ServiceUnavailableError(
                "the call was not done, because it could not be written down; try again later"
            ) from None

    async def _done(
        self, call: Call, tool: Tool, key: str | None = None, acts_at: datetime | None = None
    ) -> Done:
        """Run the tool; what it fails with is an answer, which a repeated call may get too."""
        context = self._backend.context(call.principal, call.space, key, acts_at, call.report)
        try:
            answer = await self._worked(call, tool, context)
        except ManaLabError as error:
            is_passing = isinstance(error, InfrastructureError | UnauthenticatedError)
            return Done(failure(error, tool.hash), final=not is_passing)
        except Exception:
            _logger.exception("%s failed", tool.spec.name)
            return Done(failure(InfrastructureError("Internal error"), tool.hash), final=False)
        return Done(answer)

    async def _worked(self, call: Call, tool: Tool, context: ToolContext) -> dict[str, Any]:
        """Have the tool work, within what the caller's variant of the app puts around it."""

        async def work() -> dict[str, Any]:
            try:
                output = await self._registry.invoke(tool.spec.name, call.arguments, context)
            except InfrastructureError as error:
                _logger.warning("%s failed: %s", tool.spec.name, error.code)
                raise
            return success(output.model_dump(mode="json", by_alias=True), tool.hash)

        variant = self.offers.variant_of(call.principal.user_id)
        return await (work() if variant is None else variant.around(call, work))


def _refuse_unknown(registry: Registry, name: str) -> NoReturn:
    try:
        registry.get(name)
        error = UnknownToolError(f"there is no tool called {name!r}; list the tools")
    except UnknownToolError as unknown:
        error = unknown
    raise MCPError(INVALID_PARAMS, error.message, details_of(error))


def _idempotency_key(meta: Mapping[str, Any]) -> str | None:
    key = meta.get(IDEMPOTENCY_META)
    if key is None or (isinstance(key, str) and 0 < len(key) <= _MAX_KEY_CHARS):
        return key
    raise MCPError(
        INVALID_PARAMS,
        f"_meta {IDEMPOTENCY_META} must be a text of 1 to {_MAX_KEY_CHARS} characters",
    )
