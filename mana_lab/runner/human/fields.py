"""Fields: what a form asks for, one for each argument of a tool, from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.schemas import (
    Schema,
    choices,
    fields,
    kind_of,
    listed,
    mapping,
    needed,
    plain,
    required,
    shape,
)

Kind: TypeAlias = Literal[
    "text", "choice", "flag", "whole", "number", "date", "datetime", "list", "object", "any"
]
"""What is typed into a field.

``whole`` and ``number`` are numbers, ``object`` is JSON text, and ``any`` is JSON where it reads
as such and plain text where it does not.
"""

_KINDS: Mapping[str, Kind] = {
    "string": "text",
    "integer": "whole",
    "number": "number",
    "boolean": "flag",
    "array": "list",
    "object": "object",
}
_FORMATS: Mapping[str, Kind] = {"date": "date", "date-time": "datetime"}
_MOST_EXAMPLE = 200


@dataclass(frozen=True)
class Field:
    """One argument of a tool.

    Attributes:
        name: The argument's name.
        kind: What is typed into it.
        required: Whether the tool cannot do without it.
        nullable: Whether ``null`` is a value of it that says something else than leaving it out.
        names_thing: Whether it is the id of something that is in the app already.
        description: What the tool says about it.
        choices: All its values, where there are only so many.
        default: What the tool takes when it is left out, as text; empty where it does not say.
        example: A value as text; empty where there is none.
        item: What a list holds.
        schema: Its JSON Schema, without references and without the branch for null.
    """

    name: str
    kind: Kind
    required: bool = False
    nullable: bool = False
    names_thing: bool = False
    description: str = ""
    choices: tuple[Any, ...] = ()
    default: str = ""
    example: str = ""
    item: Field | None = None
    schema: Schema = field(default_factory=dict, repr=False)


def fields_of(tool: ToolInfo) -> tuple[Field, ...]:
    """Return the fields of a tool's form, those first that it cannot do without.

    A schema that makes no sense gives fields into which anything can be typed: whether that is
    right, the app will say.
    """
    root = tool.input_schema
    names = required(tool)
    declared = mapping(plain(root, root).get("properties"))
    members = {**declared, **{name: {} for name in names if name not in declared}}
    found = [
        _field(str(name), schema, root, required=name in names) for name, schema in members.items()
    ]
    return tuple(sorted(found, key=lambda each: not each.required))


def as_text(value: Any) -> str:
    """Return how *value* is typed into a field."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _field(name: str, given: Any, root: Schema, *, required: bool = False) -> Field:
    outer, node = mapping(given), plain(given, root)
    kind = _kind(outer, node)
    item = _item(name, node, root) if kind == "list" else None
    return Field(
        name=name,
        kind=kind,
        required=required,
        nullable=_is_nullable(outer),
        names_thing=kind == "text" and shape(name, node) == "id",
        description=str(node.get("description") or ""),
        choices=tuple(choices(node)),
        default=_default(node),
        example=_example(node, root, item),
        item=item,
        schema=node,
    )


def _item(name: str, node: Schema, root: Schema) -> Field:
    given = node.get("items")
    inner = plain(given, root)
    kind = _kind(mapping(given), inner)
    return Field(
        name=name,
        kind="object" if kind == "list" else kind,
        nullable=_is_nullable(mapping(given)),
        choices=tuple(choices(inner)),
        example=_example(inner, root, None),
        schema=inner,
    )


def _branches(outer: Schema) -> list[Schema]:
    return [mapping(each) for word in ("anyOf", "oneOf") for each in listed(outer.get(word))]


def _types(node: Schema) -> list[str]:
    given = node.get("type")
    return [each for each in (listed(given) or [given]) if isinstance(each, str)]


def _is_nullable(outer: Schema) -> bool:
    says_nothing = "default" in outer and outer["default"] is None
    return not says_nothing and any("null" in _types(each) for each in (outer, *_branches(outer)))


def _kind(outer: Schema, node: Schema) -> Kind:
    solid = [each for each in _branches(outer) if _types(each) != ["null"]]
    types = [each for each in _types(node) if each != "null"]
    if len(solid) > 1 or len(types) > 1:
        return "any"
    if choices(node):
        return "choice"
    if not types and kind_of(node) == "string":
        return "any"
    kind = _KINDS.get(kind_of(node), "any")
    return _FORMATS.get(str(node.get("format")), kind) if kind == "text" else kind


def _default(node: Schema) -> str:
    value = node.get("default")
    return "" if value in (None, "", []) else as_text(value)[:_MOST_EXAMPLE]


def _example(node: Schema, root: Schema, item: Field | None) -> str:
    if "object" in _types(node):
        made = {name: _value(fields(node, root)[name]) for name in needed(node, root)}
        return as_text(made) if made else ""
    if item is not None and item.kind == "object":
        return f"[{item.example}]" if item.example else ""
    found = next(iter(listed(node.get("examples"))), None)
    return "" if found is None else as_text(found)[:_MOST_EXAMPLE]


def _value(node: Schema) -> Any:
    """Return a value that a schema gives as one of its own; an empty text where it gives none."""
    return next(iter([*listed(node.get("examples")), *choices(node)]), "")
