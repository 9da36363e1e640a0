"""Canonical JSON: one text per value, so that equal arguments have equal hashes.

The text follows RFC 8785 (JSON Canonicalization Scheme): members sorted by UTF-16 code units, no
white space, numbers as ECMAScript prints them.
"""

from __future__ import annotations

import hashlib
import json
import math
from decimal import Decimal
from typing import Any

from mana_lab.errors import UnserializableValueError

_LARGEST_EXACT = 2**53 - 1


def canonical_json(value: Any) -> str:
    """Return the canonical JSON text of *value* (RFC 8785).

    Raises:
        UnserializableValueError: The value has no JSON text, such as NaN, a set, an integer that
            a double cannot hold, or half of a surrogate pair.
    """
    try:
        text = _text(value)
        text.encode()
    except RecursionError:
        raise UnserializableValueError("the value is nested too deeply for JSON") from None
    except UnicodeEncodeError:
        raise UnserializableValueError("a text holds half of a surrogate pair") from None
    return text


def input_hash(arguments: Any) -> str:
    """Return the SHA-256 of the canonical JSON of *arguments*, as 64 hexadecimal digits.

    Raises:
        UnserializableValueError: The arguments have no JSON text.
    """
    return hashlib.sha256(canonical_json(arguments).encode()).hexdigest()


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return _object(value)
    raise UnserializableValueError(f"a {type(value).__name__} has no JSON text")


def _object(members: dict[Any, Any]) -> str:
    for name in members:
        if not isinstance(name, str):
            raise UnserializableValueError(
                f"a member's name must be text, got a {type(name).__name__}"
            )
    ordered = sorted(members, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(f"{_text(name)}:{_text(members[name])}" for name in ordered) + "}"


def _integer(value: int) -> str:
    if abs(value) > _LARGEST_EXACT:
        raise UnserializableValueError(
            f"an integer must lie within ±{_LARGEST_EXACT} to survive a double"
        )
    return str(value)


def _number(value: float) -> str:
    """Print a double as ECMAScript does (ECMA-262, Number::toString)."""
    if not math.isfinite(value):
        raise UnserializableValueError(f"{value} has no JSON text")
    if value == 0:
        return "0"
    sign, figures, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, figures))
    point = len(digits) + int(exponent)
    return ("-" if sign else "") + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
