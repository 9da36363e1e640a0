"""What a statistic gives back: numbers with what they rest on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mana_lab.errors import InvalidInputError

Alternative: TypeAlias = Literal["two-sided", "greater", "less"]
Floats: TypeAlias = npt.NDArray[np.float64]
Seed: TypeAlias = int | np.random.Generator


@dataclass(frozen=True, repr=False)
class Interval:
    """A confidence interval.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        level: How often such intervals hold the true value, 0 … 1.
        method: How it was made.
    """

    low: float
    high: float
    level: float = 0.95
    method: str = ""

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def within(self, most: float) -> Interval:
        """Return it without what is further from 0 than a value can be; NaN stays.

        Args:
            most: How far that is.
        """
        low, high = np.clip([self.low, self.high], -most, most)
        return replace(self, low=float(low), high=float(high))

    def __repr__(self) -> str:
        return f"[{_short(self.low)}, {_short(self.high)}]"


@dataclass(frozen=True, repr=False)
class HypothesisTest:
    """One test with its effect.

    Attributes:
        question: What is compared, such as ``journal - todo``.
        method: The name of the test.
        statistic: What the test computed.
        p: The probability, were there no effect, of a statistic at least as extreme.
        effect: How large the effect is.
        effect_name: What measures the effect, and in which unit.
        interval: Of the effect, where there is one.
        n_personas: On how many personas it rests.
        n_rows: On how many ratings.
        n_missing: How many rows had no rating and were left out.
        alternative: Against which alternative was tested.
        unit: What was taken as independent.
        seed: Of the random numbers; None where there were none or a generator was given.
    """

    question: str
    method: str
    statistic: float
    p: float
    effect: float
    effect_name: str
    interval: Interval | None
    n_personas: int
    n_rows: int
    n_missing: int = 0
    alternative: Alternative = "two-sided"
    unit: str = "persona"
    seed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name; the interval is a dictionary too."""
        return asdict(self)

    def __repr__(self) -> str:
        around = f" {self.interval!r}" if self.interval else ""
        return (
            f"<{self.question}: {self.effect_name} {_short(self.effect)}{around}, "
            f"{shown_p(self.p)}, {counted(self.n_personas, self.unit)}, "
            f"{counted(self.n_rows, 'row')}>"
        )


def counted(number: int, noun: str) -> str:
    """Return ``1 row``, ``2 rows`` and so on."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def shown_p(p: float) -> str:
    """Return a p-value as text with three decimals."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def generator(seed: Seed) -> np.random.Generator:
    """Return the generator that *seed* is, or that it seeds.

    Raises:
        InvalidInputError: It is neither a generator nor a whole number from 0.
    """
    return np.random.default_rng(_checked(seed))


def seed_of(seed: Seed) -> int | None:
    """Return what a result tells of its seed.

    Raises:
        InvalidInputError: As for :func:`generator`.
    """
    known = _checked(seed)
    return None if isinstance(known, np.random.Generator) else int(known)


def _checked(seed: Seed) -> Seed:
    if isinstance(seed, np.random.Generator) or (isinstance(seed, Integral) and seed >= 0):
        return seed
    raise InvalidInputError(
        f"got a seed of {seed!r}; it is a whole number from 0, or a numpy.random.Generator"
    )


def _short(number: float) -> str:
    """Return a number in plain decimals: three, or three digits of one that is nearly nothing."""
    if 1e-9 < abs(number) < 1e-3:
        return np.format_float_positional(number, precision=3, fractional=False)
    return f"{number:.3f}"
