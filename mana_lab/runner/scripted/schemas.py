"""Reading the JSON Schema of a tool's arguments as a client does that knows nothing else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeGuard
from urllib.parse import unquote

from mana_lab.runner.calls import ToolInfo

Schema: TypeAlias = Mapping[str, Any]
Shape: TypeAlias = Literal[
    "choice", "id", "datetime", "date", "color", "text", "number", "flag", "list", "object"
]

_MOST_HOPS = 16
_GREATEST = 2**53 - 1
_SIMPLE: dict[str, Shape] = {
    "integer": "number",
    "number": "number",
    "boolean": "flag",
    "array": "list",
    "object": "object",
}
_SPEAKS_OF = {"properties": "object", "items": "array", "minimum": "number", "maximum": "number"}
_ID_NAME = re.compile(r"^(id|.+Id|.+_id)$")
_DATE_NAME = re.compile(r"(^d|D|_d)ate$")


def properties(tool: ToolInfo) -> dict[str, Schema]:
    """Return the tool's arguments by name, each with the branch that is not null."""
    return fields(tool.input_schema, tool.input_schema)


def required(tool: ToolInfo) -> list[str]:
    """Return the names of the arguments that the tool must have."""
    return needed(tool.input_schema, tool.input_schema)


def fields(form: Schema, root: Schema) -> dict[str, Schema]:
    """Return the fields of an object, each with the branch that is not null.

    A field that must be there and that nothing more is said of can be anything.

    Args:
        form: The object's schema.
        root: The schema that local references start from.
    """
    solid = plain(form, root)
    named = mapping(solid.get("properties"))
    known = {str(name): plain(schema, root) for name, schema in named.items()}
    return known | {name: {} for name in _needed(solid) if name not in known}


def needed(form: Schema, root: Schema) -> list[str]:
    """Return the names of the fields that an object must have."""
    return _needed(plain(form, root))


def plain(schema: Any, root: Schema, hops: int = _MOST_HOPS) -> Schema:
    """Follow local references, join what must all hold, and choose the first of what may hold.

    The null branch of a union is left out. What is no schema says nothing: it comes back empty, and
    so does what refers to itself only.
    """
    if not isinstance(schema, Mapping) or hops == 0:
        return {}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        return plain(_referred(reference, root), root, hops - 1)
    for union in ("anyOf", "oneOf"):
        branches = [branch for branch in listed(schema.get(union)) if _is_solid(branch)]
        if branches:
            rest = {name: schema[name] for name in schema if name != union}
            return _joined(plain(rest, root, hops - 1), plain(branches[0], root, hops - 1))
    if parts := listed(schema.get("allOf")):
        joined: Schema = {name: schema[name] for name in schema if name != "allOf"}
        for part in parts:
            joined = _joined(joined, plain(part, root, hops - 1))
        return joined
    return schema


def _referred(reference: str, root: Schema) -> Any:
    """Return what a JSON Pointer (RFC 6901) names; None where there is nothing."""
    target: Any = root
    for part in reference[2:].split("/") if len(reference) > 1 else ():
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, Mapping) else None
    return target


def _joined(one: Schema, other: Schema) -> Schema:
    """Return a schema that asks for what both ask for, as far as forms go."""
    together = {**one, **other}
    forms = [mapping(each.get("properties")) for each in (one, other)]
    if any(forms):
        together["properties"] = {**forms[0], **forms[1]}
    if needed := list(dict.fromkeys(_needed(one) + _needed(other))):
        together["required"] = needed
    return together


def _needed(form: Schema) -> list[str]:
    return [name for name in listed(form.get("required")) if isinstance(name, str)]


def _is_solid(branch: Any) -> bool:
    return isinstance(branch, Mapping) and branch.get("type") != "null"


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object as it is, and anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """Return a JSON array as it is, and anything else as an empty one."""
    return value if isinstance(value, list) else []


def size(schema: Schema, word: str, otherwise: int) -> int:
    """Return a length or a number of items that a schema states, if it is one."""
    given = schema.get(word)
    return max(0, int(given)) if _is_number(given) else otherwise


def whole_bounds(schema: Schema) -> tuple[int, int]:
    """Return the least and the greatest whole number that a schema admits, about ten apart.

    Where it says nothing numbers are counted from 1. Where there is no such number the first is
    greater than the second.
    """
    low, above = _number(schema, "minimum"), _number(schema, "exclusiveMinimum")
    high, below = _number(schema, "maximum"), _number(schema, "exclusiveMaximum")
    least = [math.ceil(low)] if low is not None else []
    least += [math.floor(above) + 1] if above is not None else []
    most = [math.floor(high)] if high is not None else []
    most += [math.ceil(below) - 1] if below is not None else []
    start = max(least) if least else min([1, *(each - 9 for each in most if each < 1)])
    return start, min([start + 9, *most])


def real_bounds(schema: Schema) -> tuple[float, float]:
    """Return what a number that need not be whole lies between."""
    low = [_number(schema, word) for word in ("minimum", "exclusiveMinimum")]
    high = [_number(schema, word) for word in ("maximum", "exclusiveMaximum")]
    start = max((each for each in low if each is not None), default=0.0)
    return start, min((each for each in high if each is not None), default=start + 1)


def _number(schema: Schema, word: str) -> float | None:
    given = schema.get(word)
    return max(-_GREATEST, min(_GREATEST, given)) if _is_number(given) else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (isinstance(value, int) or math.isfinite(value))
    )


def choices(schema: Schema) -> list[Any]:
    """Return the values that the schema enumerates, without null."""
    values = [schema["const"]] if "const" in schema else listed(schema.get("enum"))
    return [value for value in values if value is not None]


def shape(name: str, schema: Schema) -> Shape:
    """Tell what kind of value an argument takes, by its schema and, where that is silent, name."""
    if choices(schema):
        return "choice"
    return _SIMPLE.get(kind_of(schema)) or _shape_of_text(name, schema)


def kind_of(schema: Schema) -> str:
    """Return the JSON type of what a schema allows: what it says, or what it speaks of."""
    given = schema.get("type")
    kinds = [given] if isinstance(given, str) else listed(given)
    for kind in kinds:
        if isinstance(kind, str) and kind != "null":
            return kind
    return next((kind for word, kind in _SPEAKS_OF.items() if word in schema), "string")


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


def finishes(tool: ToolInfo) -> bool:
    """Tell whether the tool only needs to know which thing: there is nothing more to say about it.

    So it is with ``todo.complete``, but not with ``todo.update``.
    """
    return all(shape(name, schema) in ("id", "flag") for name, schema in properties(tool).items())
