"""What the owners of a space allow agents to do in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from mana_lab.identity.wire.base import PolicyAction, RequestModel, WireModel

MAX_DESTRUCTIVE: Final = 50
"""How many destructive tools a space may allow."""

ToolName: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-zA-Z0-9_]*\.[a-z][a-zA-Z0-9_]*$", max_length=120),
]


def _once(tools: list[str]) -> list[str]:
    if len(set(tools)) != len(tools):
        raise ValueError("must name each tool once")
    return tools


class SpacePolicy(WireModel):
    """``GET /api/v1/spaces/{id}/policy``.

    Attributes:
        space_id: Which space.
        allow_destructive: The destructive tools that may be used there, sorted.
        updated_at: When that was last changed; None when it never was.
        updated_by: The account that changed it.
        schema_version: Of this message.
    """

    space_id: str
    allow_destructive: list[str]
    updated_at: datetime | None = None
    updated_by: str | None = None
    schema_version: int = 1


class PolicyChange(RequestModel):
    """``PUT /api/v1/spaces/{id}/policy``.

    Attributes:
        allow_destructive: All destructive tools that may be used from now on.
        acknowledged: That the sender knows what a tool may destroy; needed when one is added.
    """

    allow_destructive: Annotated[
        list[ToolName], Field(max_length=MAX_DESTRUCTIVE), AfterValidator(_once)
    ]
    acknowledged: StrictBool = False


class PolicyAuditEntry(WireModel):
    """One change of a policy.

    Attributes:
        action: Whether a tool was added to those allowed, or removed.
        tool_name: The tool.
        actor: The account that did it; None when it was deleted since.
        changed_at: When; ``at`` on the wire.
    """

    action: PolicyAction
    tool_name: str
    actor: str | None
    changed_at: datetime = Field(alias="at")


class PolicyAudit(WireModel):
    """``GET /api/v1/spaces/{id}/policy/audit``: the changes, the latest first."""

    entries: list[PolicyAuditEntry]
