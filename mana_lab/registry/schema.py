"""JSON Schemas of tool models: one self-contained document each, without ``$ref``.

Not every MCP client follows references, and every word of a schema is paid for by the model that
reads it; so definitions stand where they are used, and generated titles and the docstrings of
models are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from mana_lab.errors import InvalidInputError

JsonSchema: TypeAlias = dict[str, Any]

_REF_PREFIX = "#/$defs/"
_DATA = frozenset({"const", "default", "enum", "examples", "required"})


class _Generator(GenerateJsonSchema):
    """Counts an output field with a default as required, since it is always sent."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        if self.mode == "serialization":
            return not field.get("serialization_exclude")
        return super().field_is_required(field, total)


def schema_of(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> JsonSchema:
    """Return the JSON Schema (draft 2020-12) of *model* without references.

    Raises:
        InvalidInputError: The model contains itself, which has no such schema.
    """
    document = model.model_json_schema(by_alias=True, mode=mode, schema_generator=_Generator)
    definitions = document.pop("$defs", {})
    for described in (document, *definitions.values()):
        described.pop("description", None)
    inlined: JsonSchema = _inline(document, definitions, ())
    return inlined


def undescribed(schema: JsonSchema) -> list[str]:
    """Return the paths of the properties, however deep, that have no description."""
    return [
        _join(path, name)
        for path, node in _objects(schema, "")
        for name, member in node.get("properties", {}).items()
        if not member.get("description")
    ]


def open_objects(schema: JsonSchema) -> list[str]:
    """Return the paths of the objects, the root as ``""``, that let undeclared members pass."""
    return [path for path, node in _objects(schema, "") if "additionalProperties" not in node]


def _objects(node: JsonSchema, path: str) -> Iterator[tuple[str, JsonSchema]]:
    if node.get("type") == "object":
        yield path, node
    for name, member in node.get("properties", {}).items():
        yield from _objects(member, _join(path, name))
    for branch in (*node.get("anyOf", ()), node.get("items")):
        if isinstance(branch, dict):
            yield from _objects(branch, path)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _inline(node: Any, definitions: Mapping[str, Any], above: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, above) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].removeprefix(_REF_PREFIX)
        if name in above:
            raise InvalidInputError(f"{name} contains itself, so its JSON Schema needs references")
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return {**_inline(definitions[name], definitions, (*above, name)), **beside}
    return {
        key: _inline_member(key, value, definitions, above)
        for key, value in node.items()
        if key != "title"
    }


def _inline_member(
    key: str, value: Any, definitions: Mapping[str, Any], above: tuple[str, ...]
) -> Any:
    if key in _DATA:
        return value
    if key == "properties":
        return {name: _inline(schema, definitions, above) for name, schema in value.items()}
    return _inline(value, definitions, above)
