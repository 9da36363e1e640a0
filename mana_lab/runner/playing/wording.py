"""Texts on their way to a model, and from one."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pydantic import ValidationError

_MOST_PROBLEMS = 5
_LONGEST_REASON = 200
_SECRET = re.compile(r"[\w*.-]*(?:sk|key|bearer|token)[-_ ][\w*.-]{6,}", re.IGNORECASE)


def as_json(value: Any) -> str:
    """Return a value as JSON that can be sent, whatever characters it has."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return sendable(text)


def sendable(text: str) -> str:
    """Return a text without what UTF-8 cannot say: halves of characters."""
    return text.encode("utf-8", "replace").decode()


def sendable_json(value: Any) -> Any:
    """Return a value of JSON without what UTF-8 cannot say, in all its texts."""
    if isinstance(value, dict):
        return {sendable(name): sendable_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [sendable_json(each) for each in value]
    return sendable(value) if isinstance(value, str) else value


def reason_in(text: str) -> str:
    """Return what a provider says for an error of ours: a short line without keys."""
    return _SECRET.sub("…", " ".join(text.split()))[:_LONGEST_REASON]


def shortened(text: str, longest: int) -> str:
    """Return a text, or its beginning and a note of how much is missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}\n… (shortened: the first {longest} of {len(text)} characters)"


def problems_in(error: ValidationError) -> str:
    """Return in words, for a model, what is wrong with what it gave."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'the arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)[:_MOST_PROBLEMS]
    )


def digest(told: Any) -> str:
    """Return the SHA-256 of what a model was told, in hex."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
