"""JSON texts as JavaScript writes and reads them (ECMA-262 §25.5).

An encrypted value is the JSON text of a value, so Python has to write the very bytes that
``JSON.stringify`` writes, and to read whatever ``JSON.parse`` reads.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from pydantic import JsonValue

from mana_lab.errors import InvalidJsonError, UnserializableValueError

__all__ = [
    "MAX_DEPTH",
    "MAX_SAFE_INTEGER",
    "JsonValue",
    "canonical_hash",
    "canonical_json",
    "js_parse",
    "js_stringify",
    "nests_deeper",
]

MAX_DEPTH: Final = 200
"""How deep arrays and objects may nest, in both directions; JavaScript itself has no limit."""
MAX_SAFE_INTEGER: Final = 2**53 - 1
"""``Number.MAX_SAFE_INTEGER``: the last integer that a JavaScript number holds without doubt."""

_MAX_ARRAY_INDEX = 2**32 - 2
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"(?<!\\)(?:\\\\)*\\ud[89a-f]")
# The closing quote is optional so that an unterminated string is passed over once, not from each of
# its quotes anew.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def js_stringify(value: JsonValue) -> str:
    """Return the text that ``JSON.stringify(value)`` gives in JavaScript.

    Numbers follow Number::toString (``1.0`` is ``1``, ``1e-07`` is ``1e-7``), keys that are array
    indices come first in ascending order, lone surrogates are escaped. Tuples count as arrays.

    Raises:
        UnserializableValueError: The value has no such text, or JavaScript would read another
            value from it: NaN, an infinity, an int beyond ±(2^53-1), a key that is no string, a
            type that JSON does not have, or more than ``MAX_DEPTH`` levels.
    """
    return _written(value, _key_order)


def canonical_json(value: JsonValue) -> str:
    """Return the canonical text of *value* (RFC 8785): members sorted by UTF-16 code units.

    Raises:
        UnserializableValueError: As for :func:`js_stringify`, and for half of a surrogate pair.
    """
    text = _written(value, _by_code_units)
    if _ESCAPED_SURROGATE.search(text):
        raise UnserializableValueError("a text holds half of a surrogate pair")
    return text


def canonical_hash(value: JsonValue) -> str:
    """Return the SHA-256 of the canonical text of *value*, as 64 hexadecimal digits.

    Raises:
        UnserializableValueError: The value has no such text.
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _written(value: Any, order: Callable[[dict[Any, Any]], list[str]]) -> str:
    written: list[str] = []
    todo: list[tuple[int, Any]] = [(0, value)]
    while todo:
        depth, item = todo.pop()
        if depth < 0:
            written.append(item)
        elif isinstance(item, (dict, list, tuple)):
            if depth == MAX_DEPTH:
                raise UnserializableValueError(f"the value nests deeper than {MAX_DEPTH} levels")
            parts = _members(item, depth + 1, order)
            written.append("{" if isinstance(item, dict) else "[")
            todo.append((-1, "}" if isinstance(item, dict) else "]"))
            todo.extend(reversed(parts))
        else:
            written.append(_scalar(item))
    return "".join(written)


def js_parse(text: str) -> JsonValue:
    """Return the value that ``JSON.parse(text)`` gives in JavaScript.

    A number that JavaScript rounds is rounded here too: an integer beyond ±(2^53-1) comes back as
    the float it becomes, and ``1e400`` as infinity. Of members with one name the last one wins.

    Raises:
        InvalidJsonError: The text is not JSON, or nests deeper than ``MAX_DEPTH`` levels.
    """
    if nests_deeper(text, MAX_DEPTH):
        raise InvalidJsonError(f"the text nests deeper than {MAX_DEPTH} levels")
    try:
        parsed: JsonValue = json.loads(text, parse_int=_integer, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidJsonError("the text is not JSON") from None
    return parsed


def nests_deeper(text: str, limit: int) -> bool:
    """Tell whether the arrays and objects of a JSON *text* nest more than *limit* levels."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        found = match[0]
        if found in "[{":
            depth += 1
            if depth > limit:
                return True
        elif found in "]}":
            depth -= 1
    return False


def _members(
    container: Any, depth: int, order: Callable[[dict[Any, Any]], list[str]]
) -> list[tuple[int, Any]]:
    parts: list[tuple[int, Any]] = []
    if isinstance(container, dict):
        for key in order(container):
            parts += [(-1, _string(key) + ":"), (depth, container[key]), (-1, ",")]
    else:
        for element in container:
            parts += [(depth, element), (-1, ",")]
    return parts[:-1]


def _key_order(members: dict[Any, Any]) -> list[str]:
    indices: list[str] = []
    names: list[str] = []
    for key in members:
        if not isinstance(key, str):
            raise UnserializableValueError(
                f"got a key of type {type(key).__name__}; JSON keys are strings"
            )
        is_index = _ARRAY_INDEX.fullmatch(key) and int(key) <= _MAX_ARRAY_INDEX
        (indices if is_index else names).append(key)
    return sorted(indices, key=int) + names


def _by_code_units(members: dict[Any, Any]) -> list[str]:
    return sorted(_key_order(members), key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise UnserializableValueError(
                "got an int beyond ±(2^53-1), which JavaScript would round; send it as text"
            )
        return int.__repr__(value)
    if isinstance(value, float):
        return _number(value)
    raise UnserializableValueError(f"got a value of type {type(value).__name__}; JSON has no such")


def _string(text: str) -> str:
    if _SURROGATE.search(text):
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        quoted = json.dumps(joined, ensure_ascii=False)
        return _SURROGATE.sub(lambda lone: f"\\u{ord(lone[0]):04x}", quoted)
    return json.dumps(text, ensure_ascii=False)


def _number(value: float) -> str:
    """Write a double as Number::toString does (ECMA-262 §6.1.6.1.20)."""
    if not math.isfinite(value):
        raise UnserializableValueError("got NaN or an infinity, which JSON does not have")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = float.__repr__(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    significant = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - len(whole + fraction) + len(significant)
    digits = significant.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _integer(digits: str) -> int | float:
    if len(digits) <= 17:
        exact = int(digits)
        if abs(exact) <= MAX_SAFE_INTEGER:
            return exact
    return float(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
