"""What passes between a brain and the app: offered tools, calls and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from mana_lab.errors import ErrorKind
from mana_lab.identity.wire import Space

ModuleOf: TypeAlias = Callable[[str], str]
"""Tells by a tool's name which module of its app the tool belongs to."""

_PREFIX = "mcp__"


def module_of(tool_name: str) -> str:
    """Return the app module that a tool belongs to: the text before the first dot.

    Some agent kits hand names on as ``mcp__<server>__habits_create``; the module is found in
    those too.

    Args:
        tool_name: Such as ``habits.create``.
    """
    name = tool_name
    if name.startswith(_PREFIX):
        name = name.removeprefix(_PREFIX).partition("__")[2] or name.removeprefix(_PREFIX)
    return name.partition("." if "." in name else "_")[0]


@dataclass(frozen=True)
class ToolInfo:
    """A tool as its app lists it.

    Attributes:
        name: Such as ``todo.create``.
        description: What the tool says it does.
        input_schema: The JSON Schema of its arguments.
        annotations: The MCP hints, by their wire names (``readOnlyHint``, ``destructiveHint``, …).
        module: The module of the app that the tool belongs to; by default what
            :func:`module_of` says.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    annotations: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""

    def __post_init__(self) -> None:
        if not self.module:
            object.__setattr__(self, "module", module_of(self.name))

    @property
    def reads(self) -> bool:
        """Whether the tool says that it changes nothing."""
        return self.annotations.get("readOnlyHint") is True

    @property
    def destroys(self) -> bool:
        """Whether the tool says outright that it may destroy something."""
        return not self.reads and self.annotations.get("destructiveHint") is True


@dataclass(frozen=True)
class CallError:
    """Why a call failed.

    Attributes:
        code: Stable name of the failure, such as ``unknown-tool``.
        kind: Its kind, which the audit records.
        message: A sentence that says what to do otherwise.
        path: The argument that is wrong, where the app said so.
    """

    code: str
    kind: ErrorKind
    message: str
    path: str | None = None


@dataclass(frozen=True)
class CallOutcome:
    """What became of one call.

    Attributes:
        tool: The tool that was called.
        data: What the tool returned; None when it failed.
        error: Why it failed; None when it did not.
        latency_ms: How long the answer took.
        action_id: The id of the audit row.
        seq: The call's place within the tick, from 0.
    """

    tool: str
    data: Any
    error: CallError | None
    latency_ms: float = field(repr=False)
    action_id: str = field(repr=False)
    seq: int

    @property
    def ok(self) -> bool:
        """Whether the call did what it was asked to."""
        return self.error is None


class Toolbox(Protocol):
    """The app as a brain sees it."""

    @property
    def shared_spaces(self) -> Sequence[Space]:
        """The spaces that the persona shares with others, by slug."""
        ...

    async def tools(self) -> list[ToolInfo]:
        """Return the tools on offer."""
        ...

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        space_id: str | None = None,
    ) -> CallOutcome:
        """Call a tool, in one of the shared spaces or as usual in the own one.

        A failure is an outcome, not an exception.
        """
        ...


def how_many(data: Any) -> int | None:
    """Return how many things an answer lists; None when it is not made of lists."""
    lists = [value for value in values_of(data) if isinstance(value, list)]
    return sum(map(len, lists)) if lists else None


def values_of(data: Any) -> list[Any]:
    """Return the values at the top of an answer."""
    if isinstance(data, dict):
        return list(data.values())
    return [data] if isinstance(data, list) else []
