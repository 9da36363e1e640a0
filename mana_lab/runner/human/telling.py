"""Answers of the app in plain words, and the things that were seen in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mana_lab.errors import ErrorKind
from mana_lab.registry.arguments import printable
from mana_lab.runner.calls import CallError, CallOutcome

_MOST_LINES = 40
_LONGEST_LINE = 300
_LONGEST_LABEL = 80
_LONGEST_VALUE = 100
_MOST_THINGS = 50
_MOST_RECORDS = 1000
_DEEPEST = 6
_NAMES = ("title", "name", "label", "subject", "firstName", "content", "text", "description")

_FAILURES: Mapping[ErrorKind, str] = {
    "invalid-input": "The app did not take that",
    "refused": "The app refused",
    "not-found": "The app did not find that",
    "conflict": "That does not go with what is in the app",
    "infrastructure": "The app did not work",
}


@dataclass(frozen=True)
class Thing:
    """Something in the app that an answer has shown.

    Attributes:
        id: Its id.
        label: What it is called.
    """

    id: str
    label: str


class Sights:
    """The things that a person has seen in the app during a tick, by module."""

    def __init__(self) -> None:
        self._things: dict[str, dict[str, Thing]] = {}

    def learn(self, module: str, data: Any) -> None:
        """Remember the things in an answer; what is seen again is the latest."""
        known = self._things.setdefault(module, {})
        for record in islice(_records(data), _MOST_RECORDS):
            name = record.get("id")
            if isinstance(name, str) and name:
                known.pop(name, None)
                known[name] = Thing(name, _label(record) or name)

    def of(self, module: str) -> list[Thing]:
        """Return the things of *module*, the latest first."""
        return list(reversed(self._things.get(module, {}).values()))[:_MOST_THINGS]


@dataclass(frozen=True)
class Report:
    """What became of a call, for a person to read.

    Attributes:
        ok: Whether it did what it was asked to.
        headline: That in one line.
        lines: What the app answered, shortened.
        whole: The whole answer, as indented JSON; empty for a failure.
    """

    ok: bool
    headline: str
    lines: tuple[str, ...]
    whole: str


def report_of(outcome: CallOutcome) -> Report:
    """Tell what became of a call."""
    if outcome.error is not None:
        return Report(False, said(outcome.error), (), "")
    lines = [_cut(printable(line), _LONGEST_LINE) for line in _lines(outcome.data)]
    more = len(lines) - _MOST_LINES
    shown = [*lines[:_MOST_LINES], *([f"… and {more} more lines"] if more > 0 else [])]
    whole = json.dumps(outcome.data, ensure_ascii=False, indent=2, default=str)
    tidy = "\n".join(printable(line) for line in whole.splitlines())
    return Report(True, f"{printable(outcome.tool)} worked", tuple(shown), tidy)


def said(error: CallError) -> str:
    """Return a failure in plain words."""
    text = " ".join(printable(line) for line in error.message.splitlines())
    return f"{_FAILURES[error.kind]}: {text or error.code}"


def _records(data: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(data, Mapping):
        yield data
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from _records(value, depth + 1)


def _label(record: Mapping[str, Any]) -> str:
    found = [record.get(name) for name in _NAMES]
    texts = (each for each in found if isinstance(each, str) and each.strip())
    return _cut(printable(" ".join(next(texts, "").split())), _LONGEST_LABEL)


def _lines(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield from _named(name, value)
    elif isinstance(data, list):
        yield from _numbered(data)
    elif isinstance(data, str):
        yield from data.splitlines() or ["nothing"]
    else:
        yield _value(data) or "nothing"


def _named(name: str, value: Any) -> Iterator[str]:
    """Return a value under its name: a thing with what is known of it, things line by line."""
    if isinstance(value, Mapping) and value:
        yield f"{name}:"
        for inner, each in value.items():
            if words := _value(each):
                yield f"  {inner}: {words}"
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        yield f"{name}: {len(value)}"
        yield from _numbered(value)
    elif words := _value(value):
        yield f"{name}: {words}"
    elif value is not None:
        yield f"{name}: nothing"


def _numbered(values: list[Any]) -> Iterator[str]:
    for number, value in enumerate(values, 1):
        yield f"  {number}. {_in_short(value)}"


def _in_short(value: Any) -> str:
    """Return a thing in one line: what it is called, then what else is known of it."""
    if not isinstance(value, Mapping):
        return _value(value) or "nothing"
    label = _label(value)
    named = next((name for name in _NAMES if value.get(name) and label), None)
    rest = [
        f"{name} {words}"
        for name, each in value.items()
        if name not in ("id", named) and (words := _value(each))
    ]
    return "; ".join(filter(None, [label, *rest])) or "nothing"


def _value(value: Any) -> str:
    """Return a value in short; empty for what says nothing."""
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _cut(" ".join(value.split()), _LONGEST_VALUE)
    if isinstance(value, list) and not any(isinstance(each, Mapping | list) for each in value):
        return _cut(", ".join(filter(None, map(_value, value))), _LONGEST_VALUE)
    return _cut(json.dumps(value, ensure_ascii=False, default=str), _LONGEST_VALUE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
