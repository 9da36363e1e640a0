"""Refusing arguments: one sentence that a model or a person can act on.

The sentence is built from the tool's JSON Schema, so it never asks for something that the
published schema does not say.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import ValidationError

from mana_lab.errors import ToolInputError
from mana_lab.registry.models import MAX_SAFE_INTEGER
from mana_lab.registry.schema import JsonSchema

MAX_SENTENCE = 400
"""Characters of a refusal."""
MAX_GOT = 80
"""Characters of the shortened value in a refusal."""

_MAX_PATH = 60
_MAX_EXPECTED = 180
_FORMATS = {"uuid": "a UUID", "date-time": "a time in UTC", "date": "a calendar date"}


def refusal(
    tool: str, schema: JsonSchema, error: ValidationError, private: Collection[str]
) -> ToolInputError:
    """Turn pydantic's findings into the error for the caller.

    Args:
        tool: The tool's name.
        schema: Its input schema, without references.
        error: What pydantic found.
        private: Arguments whose value is not repeated: it is stored encrypted, and the sentence
            goes to the audit.
    """
    found = error.errors(include_url=False, include_context=False)
    found.sort(key=lambda item: item["type"] != "extra_forbidden")
    first, loc = found[0], found[0]["loc"]
    unknown = first["type"] == "extra_forbidden"
    path = _path(loc)
    hide = bool(private) if unknown or not loc else loc[0] in private
    got = "nothing" if first["type"] == "missing" else _got(first["input"], hide=hide)
    if unknown:
        expected = _known_arguments(str(loc[-1]), _node_at(schema, loc[:-1]))
        said = f'"{path}" ({got}) is not an argument; expected {expected}'
    else:
        expected = _cut(_expected(_node_at(schema, loc)), _MAX_EXPECTED)
        said = f"{_subject(path)} must be {expected}, but got {got}"
    more = [text for text in dict.fromkeys(_path(item["loc"]) for item in found[1:]) if text]
    also = f" (also wrong: {', '.join(more[:4])})" if more else ""
    sentence = _cut(f"{tool}: {said}{also}", MAX_SENTENCE - 1) + "."
    return ToolInputError(sentence, path=path, got=got, expected=expected)


def _subject(path: str) -> str:
    return f'"{path}"' if path else "the arguments"


def _path(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return printable(_cut(text, _MAX_PATH))


def _node_at(schema: JsonSchema, loc: tuple[int | str, ...]) -> JsonSchema:
    """Follow *loc* into the schema; a part that is only pydantic's name of a branch is skipped."""
    node = schema
    for part in loc:
        for branch in _branches(node):
            inner = branch.get("items") if isinstance(part, int) else _property(branch, part)
            if isinstance(inner, dict):
                node = inner
                break
    return node


def _property(node: JsonSchema, name: str) -> Any:
    return node.get("properties", {}).get(name, node.get("additionalProperties"))


def _branches(node: JsonSchema) -> Iterator[JsonSchema]:
    yield node
    yield from node.get("anyOf", ())


def _got(value: Any, *, hide: bool) -> str:
    kind = _kind(value)
    if isinstance(value, str) and (hide or len(value) > MAX_GOT // 2):
        kind = f"{kind} of {len(value)} characters"
    if hide or value is None:
        return kind
    head = value[:MAX_GOT] if isinstance(value, str) else value
    try:
        text = json.dumps(head, ensure_ascii=False, default=repr)
    except (ValueError, TypeError, RecursionError):
        return kind
    return printable(_cut(f"{kind} {text}", MAX_GOT))


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in (
        (bool, "boolean"),
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (list, "list"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def _expected(node: JsonSchema) -> str:
    sample = _sample(node)
    return _words(node) if sample is None else f"{_words(node)}, such as {_json(sample)}"


def _words(node: JsonSchema) -> str:
    return " or ".join(dict.fromkeys(map(_alternative, node.get("anyOf", [node]))))


def _sample(node: JsonSchema) -> Any:
    """Return a value that *node* allows; None where its words name all there are."""
    for branch in _branches(node):
        if "examples" in branch:
            return branch["examples"][0]
    for branch in node.get("anyOf", [node]):
        kind = branch.get("type")
        if {"enum", "const", "pattern", "format"} & branch.keys():
            continue
        if kind in {"integer", "number"}:
            return branch.get("minimum", branch.get("exclusiveMinimum", 0) + 1)
        if kind == "string":
            return "some text"[: branch.get("maxLength")]
        if kind == "array":
            item = _member(branch.get("items", {}))
            return None if item is None else [item]
        if kind == "object" and branch.get("required"):
            return {name: _member(branch["properties"][name]) for name in branch["required"]}
    return None


def _member(node: JsonSchema) -> Any:
    return node["enum"][0] if "enum" in node else _sample(node)


def _alternative(node: JsonSchema) -> str:
    if "const" in node:
        return _json(node["const"])
    if "enum" in node:
        return "one of " + ", ".join(_json(item) for item in node["enum"])
    kind = node.get("type")
    if kind == "string":
        return _text(node)
    if kind in {"integer", "number"}:
        return f"{'an integer' if kind == 'integer' else 'a number'}{_range(node)}"
    if kind == "array":
        return f"a list of {_how_many(node)}{_words(node.get('items', {}))}"
    return {"boolean": "true or false", "null": "null", "object": "an object"}.get(
        str(kind), "what the input schema says"
    )


def _text(node: JsonSchema) -> str:
    if node.get("format") in _FORMATS:
        return _FORMATS[node["format"]]
    if "pattern" in node:
        return f"a string that matches {node['pattern']}"
    least, most = node.get("minLength", 0), node.get("maxLength")
    if most is None:
        return f"a string of at least {least} characters" if least else "a string"
    return f"a string of {least} to {most} characters"


def _range(node: JsonSchema) -> str:
    most = node.get("maximum")
    least = f" from {node['minimum']}" if "minimum" in node else ""
    if "exclusiveMinimum" in node:
        least = f" above {node['exclusiveMinimum']}"
    if most is None or most == MAX_SAFE_INTEGER:
        return least
    return f"{least} to {most}" if least else f" of at most {most}"


def _how_many(node: JsonSchema) -> str:
    least, most = node.get("minItems", 0), node.get("maxItems")
    if most is None:
        return f"at least {least}, each " if least else ""
    return f"{least} to {most}, each "


def _known_arguments(name: str, node: JsonSchema) -> str:
    known = list(node.get("properties", {}))
    if not known:
        return "no arguments at all"
    near = difflib.get_close_matches(name[:_MAX_PATH], known, n=1)
    hint = f'"{near[0]}", or ' if near else ""
    return _cut(f"{hint}only {', '.join(known)}", _MAX_EXPECTED)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def printable(text: str) -> str:
    """Replace what a terminal would act on, line breaks too, and what UTF-8 cannot carry."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
