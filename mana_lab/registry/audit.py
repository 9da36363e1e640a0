"""The audit of a registry: what must hold before a model may read it.

A rule is a function that yields what breaks it. Descriptions are judged by what studies of public
MCP servers found missing most often: a purpose, when to use something else, an example that works.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from mana_lab.errors import ToolInputError
from mana_lab.registry.manifest import drift
from mana_lab.registry.reach import tables_opened_by
from mana_lab.registry.registry import AnyToolSpec, Registry

EncryptedFields: TypeAlias = Mapping[str, Iterable[str]]
"""The encrypted fields of each table, by ``app/collection``; none for a plaintext table."""

MAX_TOKENS = 250
"""The longest description, in tokens as :func:`tokens` estimates them."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_ADVICE = re.compile(r"\b(use|not|instead|unless|before|only)\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"<[^<>]*>")
_SOME_ID = "0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70"
_FOLDED = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", ".": "", "_": ""})
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


def audit(
    registry: Registry, encrypted: EncryptedFields, manifest: Mapping[str, str]
) -> list[Finding]:
    """Return everything that breaks a rule, sorted.

    Args:
        registry: The tools.
        encrypted: What the app encrypts in each table.
        manifest: The hash of each tool as it was last looked at.
    """
    findings = [finding for spec in registry for rule in _RULES for finding in rule(spec)]
    findings += _encryption(registry, encrypted)
    findings += _look_alikes(registry)
    findings += _drift(registry, manifest)
    return sorted(findings)


def tokens(text: str) -> int:
    """Estimate how many tokens a model reads in *text*: words by length, and signs.

    Tokenisers differ; this counts a token for every four characters of a word and for every other
    sign, which errs on the high side for English.
    """
    return sum(-(-len(word) // 4) for word in _WORD.findall(text))


def _purpose(spec: AnyToolSpec) -> Iterator[Finding]:
    first = spec.description.partition("\n")[0]
    if len(first.split()) < 4 or first.startswith("Example"):
        yield Finding(spec.name, "purpose", "the first line must say what the tool is for")


def _advice(spec: AnyToolSpec) -> Iterator[Finding]:
    lines = spec.description.split("\n")
    body = " ".join(line for line in lines if not line.startswith("Example"))
    if not _ADVICE.search(body):
        yield Finding(spec.name, "advice", "the description must say when, or when not, to use it")


def _example(spec: AnyToolSpec) -> Iterator[Finding]:
    parts = spec.description.split("Example: ")
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


def _hidden_characters(spec: AnyToolSpec) -> Iterator[Finding]:
    for text in (spec.name, spec.description, *_texts(spec.input_schema())):
        for sign in sorted(set(text) - {"\n"}):
            if unicodedata.category(sign) in _HIDDEN:
                name = unicodedata.name(sign, "no name")
                yield Finding(
                    spec.name, "hidden-characters", f"U+{ord(sign):04X} ({name}) is not visible"
                )


def _undocumented(spec: AnyToolSpec) -> Iterator[Finding]:
    for name, schema in spec.input_schema().get("properties", {}).items():
        if not str(schema.get("description", "")).strip():
            yield Finding(spec.name, "undocumented", f"the argument {name} has no description")


def _undeclared_tables(spec: AnyToolSpec) -> Iterator[Finding]:
    for table in tables_opened_by(spec.handler):
        if table not in spec.tables:
            yield Finding(
                spec.name,
                "undeclared-table",
                f"it opens {table.app_id}/{table.name}, which it does not declare",
            )


_RULES: tuple[Callable[[AnyToolSpec], Iterator[Finding]], ...] = (
    _purpose,
    _advice,
    _example,
    _length,
    _hidden_characters,
    _undocumented,
    _undeclared_tables,
)


def _encryption(registry: Registry, encrypted: EncryptedFields) -> Iterator[Finding]:
    declared = {f"{table.app_id}/{table.name}": set(table.encrypted) for table in registry.tables()}
    for name in sorted(declared.keys() | encrypted.keys()):
        if name not in encrypted:
            yield Finding(name, "encryption", "the catalog does not know this table")
        elif name not in declared:
            yield Finding(name, "encryption", "no tool uses this table of the catalog")
        elif surplus := sorted(declared[name] - set(encrypted[name])):
            yield Finding(name, "encryption", f"tools encrypt {surplus}, the catalog does not")
        elif lacking := sorted(set(encrypted[name]) - declared[name]):
            yield Finding(name, "encryption", f"the catalog encrypts {lacking}, tools do not")


def _look_alikes(registry: Registry) -> Iterator[Finding]:
    for one, other in combinations([spec.name for spec in registry], 2):
        if one.casefold().translate(_FOLDED) == other.casefold().translate(_FOLDED):
            yield Finding(other, "look-alike", f"the name is easily taken for {one}")


def _drift(registry: Registry, manifest: Mapping[str, str]) -> Iterator[Finding]:
    for name, what in drift(registry, manifest).items():
        yield Finding(
            name, "manifest", f"was {what} since the manifest was written; look, then refresh it"
        )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from (name, *_texts(member))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
