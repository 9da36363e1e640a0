"""The tools as interfaces of models take them: functions whose names have no dots."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from typing import Any

from mana_lab.errors import InvalidInputError
from mana_lab.registry.names import flat_name, is_tool_name, tool_name
from mana_lab.runner.calls import ToolInfo

__all__ = ["FunctionNames", "functions_of", "tool_name"]

_LONGEST_NAME = 64
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


class FunctionNames:
    """Which function stands for which tool; no two tools have one function.

    ``todo.create`` is ``todo_create``. The tools of other servers may have any name: those keep
    what an interface of models takes of it, and get a suffix where that is not their whole name.

    Args:
        tools: What the app offers.
        reserved: Names of functions that stand for something else.
    """

    def __init__(self, tools: Iterable[ToolInfo], *, reserved: Collection[str] = ()) -> None:
        self._functions: dict[str, str] = {}
        self._tools: dict[str, str] = {}
        names = dict.fromkeys(tool.name for tool in tools)
        for name in sorted(names, key=lambda name: not is_tool_name(name)):
            function = _function_of(name)
            while function in self._tools or function in reserved:
                function = _suffixed(function)
            self._functions[name] = function
            self._tools[function] = name

    def function(self, tool: str) -> str:
        """Return the name of the function that stands for *tool*."""
        return self._functions[tool]

    def tool(self, function: str) -> str:
        """Return the tool that *function* stands for, or that somebody who made it up meant."""
        known = self._tools.get(function)
        if known is not None:
            return known
        try:
            return tool_name(function)
        except InvalidInputError:
            return function


def functions_of(
    tools: Iterable[ToolInfo], names: FunctionNames | None = None
) -> list[dict[str, Any]]:
    """Return a function definition for each tool: ``name``, ``description`` and ``parameters``.

    A call comes back under the function's name; :meth:`FunctionNames.tool` says which tool that is,
    and for the app's own tools :func:`tool_name` does.

    Args:
        tools: What the app offers.
        names: What the functions are called; made of *tools* when None.
    """
    offered = list(tools)
    called = names or FunctionNames(offered)
    return [
        {
            "name": called.function(tool.name),
            "description": tool.description,
            "parameters": dict(tool.input_schema),
        }
        for tool in offered
    ]


def _function_of(tool: str) -> str:
    name = flat_name(tool) if is_tool_name(tool) else _FOREIGN.sub("_", tool)
    whole = is_tool_name(tool) or name == tool
    return name if whole and 0 < len(name) <= _LONGEST_NAME else _suffixed(tool)


def _suffixed(name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_FOREIGN.sub('_', name)[: _LONGEST_NAME - 9]}_{digest}"
