"""JSON that nobody can read in two ways, for what arrives from outside before it is trusted."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from mana_lab.crypto.jsjson import nests_deeper
from mana_lab.errors import InvalidJsonError


def strict_json(raw: bytes, *, max_depth: int = 32) -> Any:
    """Parse UTF-8 JSON that every parser reads alike (RFC 8259, RFC 7493 §2).

    Args:
        raw: The bytes as they came.
        max_depth: How many levels of arrays and objects are allowed.

    Raises:
        InvalidJsonError: The bytes are not JSON, or have duplicate members, lone surrogates, NaN,
            a number beyond a double, or deeper levels.
    """
    try:
        text = raw.decode("utf-8")
        if not nests_deeper(text, max_depth):
            value = _read(text)
            if "\\ud" in text or "\\uD" in text:
                json.dumps(value, ensure_ascii=False).encode("utf-8")
            return value
    except (ValueError, RecursionError):
        pass
    raise InvalidJsonError("the text is not unambiguous JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number beyond a double")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_read = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse
).decode
