"""Texts that read like orders to a model: found and pointed out, never hidden.

A marker proves nothing; a person may well write "ignore the previous instructions" into a note.
That is why a call with one goes on, and its caller is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

SHORTEST: Final = 16
"""Texts below this length are not looked at."""

_MARKERS = re.compile(
    r"ignore\s+(?:(?:all|any|the|your|my)\s+){0,3}(?:previous|prior|above|earlier)\s+"
    r"(?:instructions|messages|prompts|rules)"
    r"|disregard\s+(?:(?:all|any|the|your|my)\s+){0,3}(?:previous|prior|above|earlier)"
    r"|you\s+are\s+now\s.{0,40}?(?:assistant|gpt|claude|gemini)"
    r"|<\s{0,8}/?\s{0,8}system\b"
    r"|\{\{[^{}]{1,200}\}\}"
    r"|```\s{0,8}system\b",
    re.IGNORECASE,
)
_HINTS = ("ignore", "disregard", "you", "<", "{{", "```")


def has_marker(value: Any) -> bool:
    """Tell whether a text in *value*, at any depth, reads like orders to a model.

    Args:
        value: Of JSON, nested no deeper than the gateway's messages may be.
    """
    if isinstance(value, str):
        return len(value) >= SHORTEST and _reads_like_orders(value)
    if isinstance(value, Mapping):
        return any(has_marker(item) for pair in value.items() for item in pair)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return any(has_marker(item) for item in value)
    return False


def _reads_like_orders(text: str) -> bool:
    lower = text.lower()
    return any(hint in lower for hint in _HINTS) and _MARKERS.search(text) is not None
