"""Functions, calls and results, as pydantic-ai has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_ai.messages import ToolCallPart, ToolReturnPart
from pydantic_ai.tools import ToolDefinition

from mana_lab.runner.playing.hands import Told
from mana_lab.runner.playing.wording import digest


def definitions(functions: Iterable[Mapping[str, Any]]) -> list[ToolDefinition]:
    """Return the definitions of functions that have a name, a description and parameters."""
    return [
        ToolDefinition(
            name=function["name"],
            description=function["description"],
            parameters_json_schema=function["parameters"],
        )
        for function in functions
    ]


def digest_of(tools: Iterable[ToolDefinition]) -> str:
    """Return a hash of all that a model is told about *tools*."""
    return digest([[tool.name, tool.description, tool.parameters_json_schema] for tool in tools])


def arguments_of(call: ToolCallPart) -> dict[str, Any] | None:
    """Return a call's arguments; None if they are no JSON object."""
    given = call.args
    if isinstance(given, str):
        try:
            given = json.loads(given or "{}")
        except (ValueError, RecursionError):
            return None
    if given is None:
        return {}
    return dict(given) if isinstance(given, Mapping) else None


def result_of(call: ToolCallPart, told: Told) -> ToolReturnPart:
    """Return as the result of a call what the model is told of it."""
    return ToolReturnPart(
        tool_name=call.tool_name,
        content=told.text,
        tool_call_id=call.tool_call_id,
        outcome="failed" if told.failed else "success",
    )
