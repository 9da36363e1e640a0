"""The words of a tool: what a model reads before it chooses, and how good they are.

A rule is a function that yields what is wrong. The rules and the score follow what studies of
public MCP servers found missing or misused most often (arXiv:2602.14878): a purpose, when to use
something else, an example that works, parameters explained, and nothing that gives orders.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from mana_lab.errors import ToolInputError
from mana_lab.registry.registry import AnyToolSpec

MAX_TOKENS = 250
"""The longest description, in tokens as :func:`tokens` estimates them."""

_EXAMPLE = "Example: "
_MIN_PURPOSE_WORDS = 4
_MIN_PARAMETER_WORDS = 3
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_ADVICE = re.compile(r"\b(use|not|instead|unless|before|only)\b", re.IGNORECASE)
_LIMIT = re.compile(
    r"\b(not|no|nothing|only|never|at most|without|unless|refused|stays?|until)\b", re.IGNORECASE
)
_RESULT = re.compile(
    r"\b(returns?|gives?|lists?|finds?|reads?|tells?|shows?|adds? up|delete|remove)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(instructions?|prompts?|rules|above|previous"
    r"|other tools?)\b"
    r"|\byou (must|should|have to)\b"
    r"|\balways (call|use|run|pass|send|include)\b"
    r"|\b(do not|don't|never) (tell|mention|reveal|ask|inform|show)\b"
    r"|\b(before|after|instead of) (using|calling|running) (any|every|all|other)\b"
    r"|\bsystem prompt\b|[<\[]/?(important|system|inst(ructions?)?|secret)\b",
    re.IGNORECASE,
)
_TOOL_NAME = re.compile(r"(?<![\w.@/])[a-z][A-Za-z0-9]*\.[a-z][A-Za-z0-9]*(?![\w.]*[/@])")
_PLACEHOLDER = re.compile(r"<[^<>]*>")
_SOME_ID = "0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70"
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, order=True)
class Finding:
    """Something that breaks a rule.

    Attributes:
        subject: The tool or table.
        rule: The rule's name.
        message: What is wrong, in one sentence.
    """

    subject: str
    rule: str
    message: str


Rule: TypeAlias = Callable[[AnyToolSpec], Iterator[Finding]]


def tokens(text: str) -> int:
    """Estimate how many tokens a model reads in *text*: words by length, and signs.

    Tokenisers differ; this counts a token for every four characters of a word and for every other
    sign, which errs on the high side for English.
    """
    return sum(-(-len(word) // 4) for word in _WORD.findall(text))


def score(spec: AnyToolSpec) -> int:
    """Return how well a tool is described, from 0 to 100.

    It is the mean of six parts: purpose, guidance, limits and result, parameters, length, example.
    """
    body = _body(spec)
    parts = (
        not any(_purpose(spec)),
        not any(_advice(spec)),
        (bool(_LIMIT.search(body)) + bool(_RESULT.search(body))) / 2,
        _parameters_explained(spec),
        min(1.0, max(0.0, 2 - tokens(spec.description) / MAX_TOKENS)),
        not any(_example(spec)),
    )
    return round(100 * sum(parts) / len(parts))


def tools_named(spec: AnyToolSpec) -> list[str]:
    """Return what the description names in the form of a tool, outside of its example; sorted."""
    return sorted(set(_TOOL_NAME.findall(_body(spec))) - {spec.name})


def _body(spec: AnyToolSpec) -> str:
    return spec.description.partition(_EXAMPLE)[0]


def _purpose(spec: AnyToolSpec) -> Iterator[Finding]:
    first = spec.description.partition("\n")[0]
    if len(first.split()) < _MIN_PURPOSE_WORDS or first.startswith("Example"):
        yield Finding(spec.name, "purpose", "the first line must say what the tool is for")


def _advice(spec: AnyToolSpec) -> Iterator[Finding]:
    if not _ADVICE.search(_body(spec)):
        yield Finding(spec.name, "advice", "the description must say when, or when not, to use it")


def _example(spec: AnyToolSpec) -> Iterator[Finding]:
    parts = spec.description.split(_EXAMPLE)
    if len(parts) != 2:
        yield Finding(spec.name, "example", f"there must be one example, got {len(parts) - 1}")
        return
    try:
        arguments, _ = json.JSONDecoder().raw_decode(_PLACEHOLDER.sub(_SOME_ID, parts[1]))
    except ValueError:
        yield Finding(spec.name, "example", "the example must be a JSON object")
        return
    try:
        spec.parse(arguments)
    except ToolInputError as error:
        yield Finding(spec.name, "example", f"the example does not work: {error.message}")


def _length(spec: AnyToolSpec) -> Iterator[Finding]:
    count = tokens(spec.description)
    if count > MAX_TOKENS:
        yield Finding(
            spec.name, "length", f"the description has some {count} tokens of at most {MAX_TOKENS}"
        )


def _orders(spec: AnyToolSpec) -> Iterator[Finding]:
    for text in (_body(spec), *_texts(spec.input_schema())):
        if found := _ORDER.search(text):
            yield Finding(
                spec.name, "orders", f"{found.group()[:60]!r} gives orders instead of describing"
            )


def _hidden_characters(spec: AnyToolSpec) -> Iterator[Finding]:
    for text in (spec.name, spec.description, *_texts(spec.input_schema())):
        for sign in sorted(set(text) - {"\n"}):
            if unicodedata.category(sign) in _HIDDEN:
                name = unicodedata.name(sign, "no name")
                yield Finding(
                    spec.name, "hidden-characters", f"U+{ord(sign):04X} ({name}) is not visible"
                )


def _undocumented(spec: AnyToolSpec) -> Iterator[Finding]:
    for name, schema in _properties(spec).items():
        if not str(schema.get("description", "")).strip():
            yield Finding(spec.name, "undocumented", f"the argument {name} has no description")


def _parameters_explained(spec: AnyToolSpec) -> float:
    properties = _properties(spec)
    if not properties:
        return 1.0
    explained = [
        len(str(schema.get("description", "")).split()) >= _MIN_PARAMETER_WORDS
        or bool(schema.keys() & {"enum", "format", "pattern", "examples", "anyOf", "default"})
        for schema in properties.values()
    ]
    return sum(explained) / len(explained)


def _properties(spec: AnyToolSpec) -> dict[str, Any]:
    found: dict[str, Any] = spec.input_schema().get("properties", {})
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from (name, *_texts(member))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


RULES: tuple[Rule, ...] = (
    _purpose,
    _advice,
    _example,
    _length,
    _orders,
    _hidden_characters,
    _undocumented,
)
"""The rules for the words of one tool."""
