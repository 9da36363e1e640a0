"""What a server offers, as far as it can be used and audited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp.types import Tool

from mana_lab.crypto import canonical_hash
from mana_lab.errors import UnserializableValueError
from mana_lab.runner.calls import ModuleOf, ToolInfo
from mana_lab.runner.listing import tool_info
from mana_lab.runner.target.words import is_hidden, legible

_LONGEST_NAME = 200
_LONGEST_SHOWN = 80
_LONGEST_DESCRIPTION = 8_000
_DEEPEST = 24
_MOST_VALUES = 5_000
_PROSE = frozenset({"description", "title"})


@dataclass(frozen=True)
class Offered:
    """A tool that can be used.

    Attributes:
        info: What a brain needs to know of it.
        hash: SHA-256 of what the server promises of it, in hex: its version, for the audit. None
            where that has no canonical JSON.
    """

    info: ToolInfo
    hash: str | None


def usable_tools(tools: Iterable[Tool]) -> tuple[dict[str, Tool], dict[str, str]]:
    """Look through what a server lists.

    Names must be such that an audit can tell them apart, and schemas such that reading them ends.

    Returns:
        The tools that can be used, by name, sorted; and why each of the others cannot.
    """
    usable: dict[str, Tool] = {}
    left_out: dict[str, str] = {}
    for tool in tools:
        if reason := _unusable(tool, usable):
            left_out[legible(tool.name, _LONGEST_SHOWN) or "(no name)"] = reason
        else:
            usable[tool.name] = tool
    return dict(sorted(usable.items())), left_out


def offered(tool: Tool, module_of: ModuleOf) -> Offered:
    """Return a tool as personas find it.

    Characters that cannot be seen are taken out of what is meant to be read.

    Args:
        tool: One that can be used.
        module_of: Tells its module.
    """
    info = tool_info(tool)
    readable = replace(
        info,
        description=_shown(info.description),
        input_schema=_with_shown_prose(info.input_schema),
        module=module_of(info.name),
    )
    return Offered(readable, _hash_or_none(tool))


def _unusable(tool: Tool, known: Mapping[str, Any]) -> str | None:
    name = tool.name
    if not name or name != name.strip() or any(map(is_hidden, name)):
        return "its name is empty, or has characters that cannot be seen"
    if len(name) > _LONGEST_NAME:
        return f"its name has more than {_LONGEST_NAME} characters"
    if name in known:
        return "another tool has the same name"
    if tool.execution is not None and tool.execution.task_support == "required":
        return "it answers as a task only, which personas do not wait for"
    if not _is_small(tool.input_schema):
        return (
            f"the schema of its arguments has more than {_MOST_VALUES} values, "
            f"or more than {_DEEPEST} within one another"
        )
    return None


def _is_small(schema: Any) -> bool:
    """Tell whether a JSON value can be read to its end; this itself takes no recursion."""
    values = 0
    level = [schema]
    for _ in range(_DEEPEST):
        values += len(level)
        if values > _MOST_VALUES:
            return False
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return True
    return False


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _with_shown_prose(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _shown(inner)
            if key in _PROSE and isinstance(inner, str)
            else _with_shown_prose(inner)
            for key, inner in value.items()
        }
    return [_with_shown_prose(inner) for inner in value] if isinstance(value, list) else value


def _shown(text: str) -> str:
    kept = text[:_LONGEST_DESCRIPTION]
    return "".join(" " if is_hidden(sign) and sign != "\n" else sign for sign in kept)


def _hash_or_none(tool: Tool) -> str | None:
    try:
        return canonical_hash(tool.model_dump(mode="json", by_alias=True, exclude_none=True))
    except UnserializableValueError:
        return None
