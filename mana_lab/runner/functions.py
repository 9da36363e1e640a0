"""The tools as interfaces of models take them: functions whose names have no dots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mana_lab.registry.names import flat_name, tool_name
from mana_lab.runner.calls import ToolInfo

__all__ = ["functions_of", "tool_name"]


def functions_of(tools: Iterable[ToolInfo]) -> list[dict[str, Any]]:
    """Return a function definition for each tool: ``name``, ``description`` and ``parameters``.

    A call comes back under the function's name; :func:`tool_name` says which tool that is.

    Args:
        tools: What the app offers.

    Raises:
        InvalidInputError: A tool's name is not of the form ``module.verb``.
    """
    return [
        {
            "name": flat_name(tool.name),
            "description": tool.description,
            "parameters": dict(tool.input_schema),
        }
        for tool in tools
    ]
