"""Reading the JSON Schema of a tool's arguments as a client does that knows nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from mana_lab.runner.calls import ToolInfo

Schema: TypeAlias = Mapping[str, Any]
Shape: TypeAlias = Literal[
    "choice", "id", "datetime", "date", "color", "text", "number", "flag", "list", "object"
]

_ID_NAME = re.compile(r"^(id|.+Id|.+_id)$")
_DATE_NAME = re.compile(r"(^d|D|_d)ate$")


def properties(tool: ToolInfo) -> dict[str, Schema]:
    """Return the tool's arguments by name, each with the branch that is not null."""
    root = tool.input_schema
    return {
        name: plain(schema, root) for name, schema in dict(root.get("properties") or {}).items()
    }


def required(tool: ToolInfo) -> list[str]:
    """Return the names of the arguments that the tool must have."""
    return list(tool.input_schema.get("required") or [])


def plain(schema: Schema, root: Schema) -> Schema:
    """Follow a local reference and leave out the null branch of a union."""
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = root
        for part in reference[2:].split("/"):
            target = target[part]
        return plain(target, root)
    branches = schema.get("anyOf") or schema.get("oneOf") or []
    solid = [branch for branch in branches if branch.get("type") != "null"]
    if not solid:
        return schema
    beside = {name: schema[name] for name in ("examples",) if name in schema}
    return {**plain(solid[0], root), **beside}


def choices(schema: Schema) -> list[Any]:
    """Return the values that the schema enumerates, without null."""
    values = [schema["const"]] if "const" in schema else schema.get("enum") or []
    return [value for value in values if value is not None]


def shape(name: str, schema: Schema) -> Shape:
    """Tell what kind of value an argument takes, by its schema and, where that is silent, name."""
    if choices(schema):
        return "choice"
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else next(k for k in kinds if k != "null")
    simple: dict[str, Shape] = {
        "integer": "number",
        "number": "number",
        "boolean": "flag",
        "array": "list",
        "object": "object",
    }
    return simple.get(kind) or _shape_of_text(name, schema)


def _shape_of_text(name: str, schema: Schema) -> Shape:
    form, pattern = schema.get("format"), str(schema.get("pattern", ""))
    if form == "uuid" or _ID_NAME.match(name):
        return "id"
    if form == "date-time" or (_DATE_NAME.search(name) and "T" in pattern):
        return "datetime"
    if form == "date" or _DATE_NAME.search(name):
        return "date"
    if pattern.startswith("^#"):
        return "color"
    return "text"


def takes_id(tool: ToolInfo) -> bool:
    """Tell whether the tool acts on something that is already there."""
    known = properties(tool)
    return any(shape(name, known.get(name, {})) == "id" for name in required(tool))
