"""The audit of one tick: a row per call, handed to identity once, however often it is sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from mana_lab.clock import Clock
from mana_lab.crypto import canonical_hash
from mana_lab.errors import ErrorKind, UnserializableValueError
from mana_lab.identity.wire import ActionRecord
from mana_lab.runner.calls import CallError, ModuleOf, how_many, module_of
from mana_lab.runner.records import Records

_LONGEST_ID = 255
_LONGEST_NAME = 200
_LONGEST_WORD = 120
_LONGEST_MESSAGE = 500
_BATCH = 500
_DIGEST = 16
_HASH = re.compile(r"[0-9a-f]{64}")
_TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}")


@dataclass(frozen=True)
class Action:
    """One audited call, as ``persona_actions`` keeps it.

    Attributes:
        id: The tick, the place within it and the tool; a call that is done again has the same.
        tick_id: The tick it belongs to.
        run_id: The run it belongs to; None for a call made by hand.
        seq: Its place within the tick, from 0.
        tool_name: The tool that was called.
        tool_hash: Which version of it answered, as the manifest has it; None if nobody said.
        module: The tool's module.
        input_hash: SHA-256 over the canonical JSON of the arguments; None if they have none.
        result: Whether the call worked.
        error_kind: The kind of the failure.
        error_code: Its stable name.
        error_message: What the app said, shortened to 500 characters.
        latency_ms: How long the answer took.
        shown: How many things the answer listed; None where it is not made of lists.
        occurred_at: The lab's time of the call.
    """

    id: str
    tick_id: str
    run_id: str | None
    seq: int
    tool_name: str
    tool_hash: str | None
    module: str
    input_hash: str | None
    result: Literal["ok", "error"]
    error_kind: ErrorKind | None
    error_code: str | None
    error_message: str | None
    latency_ms: float
    shown: int | None
    occurred_at: datetime


class Recorder:
    """Collects the calls of one persona's tick and hands them on.

    Args:
        persona_id: Whose calls they are.
        tick_id: The tick; ids and idempotency keys derive from it.
        run_id: The run; None outside one.
        clock: What ``occurred_at`` is read from.
        modules: Tells the module of a tool.
    """

    def __init__(
        self,
        persona_id: str,
        tick_id: str,
        run_id: str | None,
        *,
        clock: Clock,
        modules: ModuleOf = module_of,
    ) -> None:
        self.persona_id = persona_id
        self.tick_id = tick_id
        self.run_id = run_id
        self._clock = clock
        self._module_of = modules
        self._begun: list[str] = []
        self._again: int | None = None
        self._actions: dict[int, Action] = {}
        self._sent: set[int] = set()

    @property
    def actions(self) -> tuple[Action, ...]:
        """The calls so far, in the order in which they were begun."""
        return tuple(self._actions[seq] for seq in sorted(self._actions))

    def begin(self, tool_name: str, arguments: Mapping[str, Any], *, shared: bool = False) -> int:
        """Return the call's place within the tick: the next one.

        Where a tick is done again it is the place that the same call had, up to the first one that
        differs; from there on calls have places of their own, so that none is lost.

        Args:
            tool_name: The tool that is called.
            arguments: What it is called with.
            shared: Whether it acts in a space that is shared, instead of the persona's own.
        """
        what = _name_of(tool_name, arguments, shared=shared)
        if self._again is not None and self._begun[self._again : self._again + 1] == [what]:
            self._again += 1
            return self._again - 1
        self._again = None
        self._begun.append(what)
        return len(self._begun) - 1

    def begin_again(self) -> None:
        """Let the calls that follow be those of the same tick, done again from its start."""
        self._again = 0

    def action_id(self, seq: int, tool_name: str) -> str:
        """Return the id of the audit row, which identity derives in the same way."""
        return f"{self.tick_id}-{seq}-{_storable(tool_name, _LONGEST_NAME)}"[:_LONGEST_ID]

    def idempotency_key(self, seq: int) -> str:
        """Return what makes a redone call the same call: its place and what is called."""
        return f"{self.tick_id}/{seq}/{self._begun[seq]}"

    def trace_parent(self, seq: int) -> str:
        """Return the place of a call in the trace of its tick (W3C Trace Context, traceparent).

        The trace is the tick: its id without dashes where that is a UUID, so that the rows of the
        gateway's audit are found by it.
        """
        bare = self.tick_id.replace("-", "")
        trace = bare if _TRACE.fullmatch(bare) else _hex(self.tick_id)[:32]
        return f"00-{trace}-{_hex(self.idempotency_key(seq))[:16]}-01"

    def record(
        self,
        seq: int,
        tool_name: str,
        arguments: Mapping[str, Any],
        *,
        error: CallError | None,
        latency_ms: float,
        data: Any = None,
        tool_hash: str | None = None,
    ) -> Action:
        """Keep the row of a finished call.

        Args:
            seq: What :meth:`begin` gave.
            tool_name: The tool that was called.
            arguments: What it was called with; only a hash of them is kept.
            error: Why it failed; None if it worked.
            latency_ms: How long the answer took.
            data: What the tool returned; only how many things it listed is kept.
            tool_hash: Which version of the tool answered.
        """
        action = Action(
            id=self.action_id(seq, tool_name),
            tick_id=self.tick_id,
            run_id=self.run_id,
            seq=seq,
            tool_name=_storable(tool_name, _LONGEST_NAME),
            tool_hash=tool_hash if tool_hash and _HASH.fullmatch(tool_hash) else None,
            module=_storable(self._module_of(tool_name), _LONGEST_WORD),
            input_hash=_hash_or_none(arguments),
            result="ok" if error is None else "error",
            error_kind=error.kind if error else None,
            error_code=_storable(error.code, _LONGEST_WORD) if error else None,
            error_message=_storable(error.message, _LONGEST_MESSAGE) if error else None,
            latency_ms=latency_ms,
            shown=how_many(data),
            occurred_at=self._clock.now(),
        )
        self._actions[seq] = action
        return action

    async def flush(self, identity: Records, service_key: str) -> int:
        """Hand on the rows that were not yet taken; after a failure, call it again.

        Returns:
            The number of rows that identity did not have before.
        """
        waiting = [action for action in self.actions if action.seq not in self._sent]
        written = 0
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            records = _records(batch)
            written += await identity.record_actions(service_key, self.persona_id, records)
            self._sent.update(action.seq for action in batch)
        return written


def _name_of(tool_name: str, arguments: Mapping[str, Any], *, shared: bool) -> str:
    """Return a short digest of a call; arguments that are no JSON count as none."""
    text = f"{_storable(tool_name, _LONGEST_NAME)}\n{_hash_or_none(arguments)}\n{shared}"
    return _hex(text)[:_DIGEST]


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _records(actions: Sequence[Action]) -> list[ActionRecord]:
    return [ActionRecord(**asdict(action)) for action in actions]


def storable(text: str) -> str:
    """Return a text that came from elsewhere as identity and its store take one."""
    legible = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL takes no such text
    return legible.encode("utf-8", "replace").decode()


def _storable(text: str, longest: int) -> str:
    """Shorten such a text; it is never empty."""
    return storable(text)[:longest] or "?"


def _hash_or_none(arguments: Mapping[str, Any]) -> str | None:
    try:
        return canonical_hash(dict(arguments))
    except UnserializableValueError:
        return None
