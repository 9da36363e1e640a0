"""Which use of a tool, as Claude counts them, became which call of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from claude_agent_sdk import AssistantMessage, ToolResultBlock, ToolUseBlock, UserMessage

from mana_lab.errors import AuditMismatchError
from mana_lab.runner.brain import Scene
from mana_lab.runner.playing.hands import Told
from mana_lab.runner.recorder import Action

PREFIX = "mcp__mana__"
"""What Claude Code puts before the name of a tool of our server."""


@dataclass(frozen=True)
class _Answer:
    function: str
    told: Told


@dataclass
class Pairing:
    """The uses that a session's messages tell of, beside the calls that were made.

    Attributes:
        calls: Function and arguments of each call, in the order in which they were made.
    """

    calls: list[tuple[str, Any]] = field(default_factory=list)
    _uses: dict[str, ToolUseBlock] = field(default_factory=dict)
    _answers: list[tuple[object, _Answer]] = field(default_factory=list)
    _worked: set[str] = field(default_factory=set)

    def answered(self, use_id: object, function: str, given: Any, told: Told) -> None:
        """Keep what a use was answered with.

        Args:
            use_id: The id that Claude Code gave it.
            function: The function.
            given: The arguments.
            told: What the model is told.
        """
        self._answers.append((use_id, _Answer(function, told)))
        if told.outcome is not None:
            self.calls.append((function, given))

    def seen(self, message: AssistantMessage | UserMessage) -> list[ToolUseBlock]:
        """Take note of a message; returns the uses that Claude Code has answered by itself."""
        if isinstance(message.content, str):
            return []
        own: list[ToolUseBlock] = []
        for block in message.content:
            if isinstance(block, ToolUseBlock):
                self._uses[block.id] = block
            elif isinstance(block, ToolResultBlock):
                if not block.is_error:
                    self._worked.add(block.tool_use_id)
                elif self._is_foreign(block.tool_use_id):
                    own.append(self._uses[block.tool_use_id])
        return own

    def _is_foreign(self, use_id: str) -> bool:
        return use_id in self._uses and all(use_id != answered for answered, _ in self._answers)

    @property
    def action_ids(self) -> dict[str, str]:
        """The audit's row of each use that became a call."""
        return {
            use_id: answer.told.outcome.action_id
            for use_id, answer in self._answers
            if answer.told.outcome is not None
            and isinstance(use_id, str)
            and (use := self._uses.get(use_id)) is not None
            and function_of(use) == answer.function
        }

    def reconcile(self) -> None:
        """Check that the uses in the messages are the calls that were made.

        A use that Claude Code or we refused is no call; one that is said to have worked is.

        Raises:
            AuditMismatchError: They are not.
        """
        refused = {use_id for use_id, answer in self._answers if answer.told.outcome is None}
        claimed = self._worked - refused
        paired = self.action_ids
        seen, recorded = len(claimed | set(paired)), len(self.calls)
        if seen != recorded or len(paired) != recorded:
            raise AuditMismatchError(
                f"Claude Code's messages tell of {seen} calls of tools, the audit has {recorded}, "
                f"and {len(paired)} belong together; the visit is not to be relied on",
                seen=seen,
                recorded=recorded,
            )


def function_of(use: ToolUseBlock) -> str:
    """Return the function that is used, by the name that we gave it."""
    name: str = use.name
    return name.removeprefix(PREFIX)


def check_rows(scene: Scene, actions: Sequence[Action]) -> None:
    """Check that the audit has every call of the visit.

    It may have more: those of an earlier attempt at the same tick.

    Raises:
        AuditMismatchError: It has not.
    """
    seen = scene.memory.outcomes.keys()
    recorded = seen & {action.id for action in actions}
    if len(recorded) < len(seen):
        raise AuditMismatchError(
            f"the visit made {len(seen)} calls, and the audit has {len(recorded)} of them; the "
            "visit is not to be relied on",
            seen=len(seen),
            recorded=len(recorded),
        )
