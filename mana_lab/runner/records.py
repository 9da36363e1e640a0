"""Records: where ticks say what was called, how it was rated, and that they have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mana_lab.identity.wire import ActionRecord, DuePersonas, FeedbackRecord


class Records(Protocol):
    """What the runner asks and tells of personas; the identity service's client is one."""

    async def all_personas(self, service_key: str) -> DuePersonas:
        """Return all personas with what their ticks need."""
        ...

    async def record_actions(
        self, service_key: str, persona_id: str, actions: Sequence[ActionRecord]
    ) -> int:
        """Store audited calls; returns how many were not there before."""
        ...

    async def record_feedback(
        self, service_key: str, persona_id: str, feedback: Sequence[FeedbackRecord]
    ) -> int:
        """Store ratings; returns how many were not there before."""
        ...

    async def record_tick(
        self, service_key: str, persona_id: str, tick_id: str, occurred_at: datetime
    ) -> None:
        """Note that a tick has ended."""
        ...


@dataclass
class InMemory:
    """Records of a replay, which nobody but it reads.

    Attributes:
        personas: The personas.
        actions: The calls, each with whose it is.
        feedback: The ratings, each with whose it is.
    """

    personas: DuePersonas
    actions: list[tuple[str, ActionRecord]] = field(default_factory=list)
    feedback: list[tuple[str, FeedbackRecord]] = field(default_factory=list)

    async def all_personas(self, service_key: str) -> DuePersonas:  # noqa: ARG002
        """Return the personas."""
        return self.personas

    async def record_actions(
        self,
        service_key: str,  # noqa: ARG002
        persona_id: str,
        actions: Sequence[ActionRecord],
    ) -> int:
        """Keep calls."""
        self.actions += [(persona_id, action) for action in actions]
        return len(actions)

    async def record_feedback(
        self,
        service_key: str,  # noqa: ARG002
        persona_id: str,
        feedback: Sequence[FeedbackRecord],
    ) -> int:
        """Keep ratings."""
        self.feedback += [(persona_id, record) for record in feedback]
        return len(feedback)

    async def record_tick(
        self, service_key: str, persona_id: str, tick_id: str, occurred_at: datetime
    ) -> None:
        """Nobody asks when a persona was active."""
