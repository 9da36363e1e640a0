"""Checks of arguments that many functions share; each refuses with what was got and allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeGuard

from mana_lab.errors import InvalidInputError

_LONGEST = 80


def got(value: object) -> str:
    """Return what somebody gave, for a message: never more than a line of it."""
    try:
        return repr(value)[:_LONGEST]
    except ValueError:  # a number of more digits than Python writes
        return "a number too long to show"


def is_number(value: object) -> TypeGuard[float]:
    """Return whether *value* is a number, and neither a truth value nor NaN."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether *value* is a whole number, and no truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_share(value: object, what: str) -> None:
    """Check that *value* is a number above 0 and at most 1.

    Raises:
        InvalidInputError: It is not.
    """
    if not is_number(value) or not 0 < value <= 1:
        raise InvalidInputError(f"a {what} of {got(value)}; it is above 0 and at most 1")


def check_count(value: object, what: str) -> None:
    """Check that *value* is a whole number from 1 on.

    Raises:
        InvalidInputError: It is not.
    """
    if not is_whole(value) or value < 1:
        raise InvalidInputError(
            f"{what} must be at least 1, got {got(value)}; whole numbers are allowed"
        )


def check_text(value: object, what: str) -> None:
    """Check that *value* is a text.

    Raises:
        InvalidInputError: It is not.
    """
    if not isinstance(value, str):
        raise InvalidInputError(f"{what}: got {got(value)}, allowed: a text")


def texts_of(values: Any, what: str, such_as: str) -> list[str]:
    """Return the texts of a collection; one text alone is none.

    Args:
        values: The collection.
        what: What it is, for messages.
        such_as: An example of one of them.

    Raises:
        InvalidInputError: It is no collection of texts.
    """
    known = values if isinstance(values, Iterable) and not isinstance(values, str | bytes) else [0]
    found = list(known)
    if not all(isinstance(each, str) for each in found):
        raise InvalidInputError(
            f"{what}: got {got(values)}, allowed: a collection of texts, such as [{such_as!r}]"
        )
    return found
