"""A visit: the session in which Claude uses the app as a person."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from claude_agent_sdk import AssistantMessage, TextBlock, ToolUseBlock, UserMessage
from pydantic import BaseModel, ConfigDict, ValidationError

from mana_lab.errors import BudgetExhaustedError, ProtocolError
from mana_lab.runner.brain import Scene
from mana_lab.runner.claude.desk import Desk
from mana_lab.runner.claude.pairing import Pairing, function_of
from mana_lab.runner.claude.server import ToolServer
from mana_lab.runner.claude.session import read_tokens
from mana_lab.runner.meter import Usage
from mana_lab.runner.playing.briefing import Briefing
from mana_lab.runner.playing.hands import Hands
from mana_lab.runner.playing.leaving import Farewell
from mana_lab.runner.playing.limits import Allowance, ModelLimits
from mana_lab.runner.playing.prompt import LEAVE
from mana_lab.runner.playing.wording import sendable, sendable_json

_BYTES_PER_TOKEN = 2
_UNPARSED = "__unparsedToolInput"


class _Lived(BaseModel):
    """What a tape keeps of a visit: Claude's decisions, and not what came of them."""

    model_config = ConfigDict(extra="forbid")

    calls: list[tuple[str, dict[str, Any]]]
    note: str
    gave_up: str | None


@dataclass
class Visit:
    """A visit to the app.

    Attributes:
        desk: Where sessions are held.
        limits: What the tick may take.
        hands: The app's tools.
        functions: What they are for Claude: name, description and parameters of each.
        farewell: How the visit ended.
        pairing: Which use of a tool became which call.
    """

    desk: Desk
    limits: ModelLimits
    hands: Hands
    functions: Sequence[Mapping[str, Any]]
    farewell: Farewell = field(default_factory=Farewell)
    pairing: Pairing = field(default_factory=Pairing)
    _stop: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    async def run(self, scene: Scene, briefing: Briefing) -> None:
        """Let Claude use the app, or do again what the tape says that it did.

        Args:
            scene: The situation.
            briefing: What Claude is told.

        Raises:
            AuditMismatchError: The session's calls are not those of the audit.
            BudgetExhaustedError: The persona or the run may take no more.
            ManaLabError: Claude Code or the provider does not answer, or not like this.
        """
        live = False

        async def ask() -> dict[str, Any]:
            nonlocal live
            live = True
            await self._live(scene, briefing)
            farewell = self.farewell
            lived = _Lived(calls=self.pairing.calls, note=farewell.note, gave_up=farewell.gave_up)
            return lived.model_dump(mode="json")

        try:
            answer = await scene.tape.answer(_asked(self.desk.model, briefing), ask)
        except BudgetExhaustedError as limit:
            if limit.scope != "tick":
                raise
            return
        if not live:
            await self._again(answer)

    async def _live(self, scene: Scene, briefing: Briefing) -> None:
        server = ToolServer(self.functions, self.hands, self.farewell, self.pairing, self._stop)
        allowance = self.limits.for_use()
        async with self.desk.session(
            briefing.instructions,
            allowance,
            scene.meter,
            turns=allowance.requests,
            tools=server.server,
        ) as session:
            course = _Course(self, self._stop, allowance)
            await session.ask(briefing.opening, course.heed, self._stop)
        self.pairing.reconcile()

    async def _again(self, answer: Any) -> None:
        try:
            lived = _Lived.model_validate(answer)
        except ValidationError:
            raise ProtocolError(
                "what the tape holds is not a visit of Claude's; record it anew"
            ) from None
        for function, arguments in lived.calls:
            await self.hands.call(function, arguments)
        self.farewell.note, self.farewell.gave_up = lived.note, lived.gave_up


class _Course:
    """Follows the messages of a visit, and stops it where a limit wants that."""

    def __init__(self, visit: Visit, stop: asyncio.Event, allowance: Allowance) -> None:
        self._visit = visit
        self._stop = stop
        self._allowance = allowance
        self._offered = {LEAVE, *(each["name"] for each in visit.functions)}
        self._request: str | None = None
        self._is_last = False

    async def heed(self, message: AssistantMessage | UserMessage) -> None:
        """Take note of a message."""
        for use in self._visit.pairing.seen(message):
            await self._audit_unknown(use)
        if isinstance(message, AssistantMessage):
            self._follow(message)

    async def _audit_unknown(self, use: ToolUseBlock) -> None:
        """Call a tool that Claude Code says is not there, which the audit is to know as well."""
        function, given = function_of(use), sendable_json(use.input)
        if function in self._offered or self._stop.is_set() or _UNPARSED in given:
            return
        told = await self._visit.hands.call(function, given)
        self._visit.pairing.answered(use.id, function, given, told)

    def _follow(self, message: AssistantMessage) -> None:
        visit = self._visit
        if self._request != message.message_id:
            self._request = message.message_id
            self._is_last = visit.hands.is_spent
            self._count(message)
        for block in message.content:
            if isinstance(block, TextBlock):
                visit.farewell.said(sendable(block.text))
            elif isinstance(block, ToolUseBlock) and self._is_last and function_of(block) != LEAVE:
                self._stop.set()  # it was told that there is no time left, and calls on

    def _count(self, message: AssistantMessage) -> None:
        """Count a request, and stop where the next one may take more than is left."""
        read = read_tokens(message.usage or {})
        limits = self._visit.limits
        self._allowance.count(Usage(1, read))
        results = limits.result_chars // _BYTES_PER_TOKEN
        following = Usage(0, read + results + limits.answer_tokens, limits.answer_tokens)
        try:
            self._allowance.check(following)
        except BudgetExhaustedError:
            self._stop.set()


def _asked(model: str, briefing: Briefing) -> dict[str, Any]:
    return {
        "model": model,
        "instructions": briefing.instructions,
        "opening": briefing.opening,
        "tools_hash": briefing.offer,
    }
