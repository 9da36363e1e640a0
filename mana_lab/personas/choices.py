"""Choices: what a sample of personas may be told to be like, checked."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import accumulate
from numbers import Integral, Real
from typing import Any, Generic, TypeAlias, TypeVar

from mana_lab.errors import InvalidInputError
from mana_lab.identity.wire import Traits
from mana_lab.personas.catalog import short

Range: TypeAlias = tuple[float, float]
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Choice(Generic[Name]):
    """Names with weights, of which a number between 0 and 1 chooses one.

    Attributes:
        names: At least one, sorted.
        sums: For each name the sum of the weights up to its own.
    """

    names: tuple[Name, ...]
    sums: tuple[float, ...]

    @classmethod
    def of(cls, what: str, weights: Any, known: Collection[Name]) -> Choice[Name]:
        """Check the *weights*; only what they name can be chosen.

        Args:
            what: What they are for, such as ``archetypes``.
            weights: By name, of any sum above 0.
            known: The names that there are.

        Raises:
            InvalidInputError: They are no weights, or one is of an unknown name.
        """
        if not isinstance(weights, Mapping):
            raise InvalidInputError(f"{what} takes weights by name, got {short(weights)}")
        for name, weight in weights.items():
            _check_known(what, name, known)
            if not (_is_number(weight) and weight >= 0):
                raise InvalidInputError(
                    f"{what}: the weight of {name} must be a number from 0 up, got {short(weight)}"
                )
        names = tuple(sorted(name for name in weights if weights[name] > 0))
        sums = tuple(accumulate(float(weights[name]) for name in names))
        if not names or math.isinf(sums[-1]):
            raise InvalidInputError(f"{what}: the weights must have a finite sum above 0")
        return cls(names, sums)

    def pick(self, place: float) -> Name:
        """Return the name that stands at *place*, at least 0 and below 1, of all the weights."""
        return self.names[bisect_right(self.sums, place * self.sums[-1])]


def trait_ranges(given: Any) -> dict[str, Range]:
    """Return the range of each trait; one that is not given has the whole.

    Args:
        given: Pairs of the lowest and the highest value by name, or None.

    Raises:
        InvalidInputError: A name is none of a trait, or a range is none within 0 … 1.
    """
    known = tuple(Traits.model_fields)
    ranges: dict[str, Range] = dict.fromkeys(known, (0.0, 1.0))
    if given is None:
        return ranges
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"traits takes ranges by name, got {short(given)}")
    for name, pair in given.items():
        _check_known("traits", name, known)
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(map(_is_number, pair))):
            raise InvalidInputError(
                f"traits: {name} takes a lowest and a highest value, such as (0.2, 0.8), "
                f"got {short(pair)}"
            )
        low, high = map(float, pair)
        if not 0 <= low <= high <= 1:
            raise InvalidInputError(
                f"traits: the range of {name} must rise within 0 and 1, got {short(pair)}"
            )
        ranges[name] = (low, high)
    return ranges


def whole(what: str, value: Any, low: int, high: int) -> int:
    """Return *value* if it is a whole number from *low* to *high*.

    Raises:
        InvalidInputError: It is not.
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and low <= int(value) <= high:
        return int(value)
    raise InvalidInputError(
        f"{what} must be a whole number from {low} to {high}, got {short(value)}"
    )


def number(what: str, value: Any, low: float, high: float) -> float:
    """Return *value* if it is a number from *low* to *high*.

    Raises:
        InvalidInputError: It is not.
    """
    if not (_is_number(value) and low <= value <= high):
        raise InvalidInputError(
            f"{what} must be a number from {low:g} to {high:g}, got {short(value)}"
        )
    return float(value)


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _check_known(what: str, name: Any, known: Collection[str]) -> None:
    if name not in known:
        raise InvalidInputError(
            f"{what} knows no {short(name)}; it knows {', '.join(sorted(known))}"
        )
