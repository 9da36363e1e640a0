"""Masking: what a request says besides the ids and times that differ from life to life."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from mana_lab.crypto import canonical_json

_VARYING = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # UUIDs (RFC 9562)
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"  # times (RFC 3339)
    r"|(?<![0-9A-Za-z_-])[0-9A-Za-z]{32}(?![0-9A-Za-z_-])"  # ids of Mana's accounts
    r"|(?:toolu|call|msg|pyd_ai)_[0-9A-Za-z_-]{8,}"  # ids that models give their calls
)


def masked(value: Any) -> str:
    """Return *value* as canonical JSON with ids and times numbered by their first appearance.

    Two texts are equal when they differ in nothing but which ids and times they speak of, as long
    as they speak of the same one in the same places.

    Args:
        value: Of JSON.

    Raises:
        UnserializableValueError: It is no JSON.
    """
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"<{numbers.setdefault(found[0], len(numbers))}>"

    return _VARYING.sub(number, canonical_json(value))


def masked_hash(value: Any) -> str:
    """Return the SHA-256 of :func:`masked`, in hex."""
    return hashlib.sha256(masked(value).encode()).hexdigest()
