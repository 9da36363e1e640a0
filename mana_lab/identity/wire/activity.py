"""What personas did and thought: audited calls, ratings, ended ticks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StringConstraints

from mana_lab.errors import ErrorKind
from mana_lab.identity.wire.base import (
    Id,
    Instant,
    RequestModel,
    ShortText,
    TickId,
    WireModel,
)

MAX_ACTIONS = 500
MAX_FEEDBACK = 100
MAX_SHOWN = 2**31 - 1


class ActionRecord(RequestModel):
    """One audited call of a persona.

    Attributes:
        id: ``{tickId}-{seq}-{toolName}``, cut to 255; the service derives it where it is left out.
        tick_id: The tick it belongs to.
        run_id: The run that the tick belongs to.
        seq: Its place within the tick, from 0; by default its place in the batch.
        tool_name: The tool that was called.
        tool_hash: SHA-256 of what the tool promises, in hex: which version of it answered.
        module: The tool's module; by default the text before the first dot.
        input_hash: SHA-256 over the canonical JSON of the arguments, in hex.
        result: Whether the call worked.
        error_kind: The kind of the failure.
        error_code: Its stable name.
        error_message: What the app said.
        latency_ms: How long the answer took, in milliseconds.
        shown: How many things the answer listed, where it is made of lists.
        occurred_at: The lab's time of the call; by default that of the service.
    """

    id: Id | None = None
    tick_id: TickId
    run_id: Id | None = None
    seq: Annotated[StrictInt, Field(ge=0, le=100_000)] | None = None
    tool_name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    tool_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    module: ShortText | None = None
    input_hash: Annotated[str, StringConstraints(max_length=64)] | None = None
    result: Literal["ok", "error"]
    error_kind: ErrorKind | None = None
    error_code: ShortText | None = None
    error_message: Annotated[str, StringConstraints(max_length=2000)] | None = None
    latency_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    shown: Annotated[StrictInt, Field(ge=0, le=MAX_SHOWN)] | None = None
    occurred_at: Instant | None = None


class ActionBatch(RequestModel):
    """``POST /api/v1/internal/personas/{id}/actions``."""

    actions: Annotated[list[ActionRecord], Field(min_length=1, max_length=MAX_ACTIONS)]


class FeedbackRecord(RequestModel):
    """What a persona thinks of one module after a tick.

    Attributes:
        rating: A whole number from 1 (frustrating) to 5 (really helps).
        evidence: The ids of the actions that it rests on.
        brain: Which brain gave it.
    """

    tick_id: TickId
    run_id: Id | None = None
    module: ShortText
    rating: Annotated[StrictInt, Field(ge=1, le=5)]
    notes: Annotated[str, StringConstraints(max_length=5000)] | None = None
    evidence: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    brain: ShortText | None = None
    occurred_at: Instant | None = None


class FeedbackBatch(RequestModel):
    """``POST /api/v1/internal/personas/{id}/feedback``."""

    feedback: Annotated[list[FeedbackRecord], Field(min_length=1, max_length=MAX_FEEDBACK)]


class Written(WireModel):
    """How many rows a batch really added."""

    ok: bool = True
    written: int


class TickRecord(RequestModel):
    """``POST /api/v1/internal/personas/{id}/ticks``: a tick has ended, whatever became of it."""

    tick_id: TickId
    occurred_at: Instant | None = None
