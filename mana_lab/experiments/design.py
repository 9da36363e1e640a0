"""Designs: which tick gets which variant, decided before it begins and written down.

Every tick has a coin of its own, which the run's seed, the persona and the number of the tick
decide: so it is fair, blind, the same on any machine, and known of every tick in the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Protocol

from mana_lab.analysis.contrast.arms import AGAIN, CONTROL, TREATMENT
from mana_lab.checks import check_share, got, is_number, is_whole
from mana_lab.errors import InvalidInputError

WHOLE: Final = "whole"
"""The variant of a tick in which nothing was planted."""
PLANTED: Final = "planted"


class Design(Protocol):
    """Which tick gets which variant."""

    def draw(self, seed: int, email: str, number: int) -> str:
        """Return the variant of a tick.

        Args:
            seed: The run's.
            email: Whose tick.
            number: The how-manieth of theirs.
        """
        ...

    def to_json(self) -> Mapping[str, Any]:
        """Return it as the ledger keeps it."""
        ...


@dataclass(frozen=True)
class Trial:
    """Treatment against control within each persona (a switchback), with a blind A/A in it.

    Half of the ticks are treated. The others are control, and a second coin calls half of these
    by another name: what differs between the two is noise.

    Attributes:
        control: What the control is.
        treatment: What the treatment is.
        module: The one whose ratings the trial is about; None for all.
        alpha: The level of its tests.
        stop_early: Whether it ends when the evidence is enough.
        washout: How many ticks after a change of variant are left out of the comparison.
    """

    control: str
    treatment: str
    module: str | None = None
    alpha: float = 0.05
    stop_early: bool = True
    washout: int = 0

    kind: ClassVar[str] = "trial"

    def __post_init__(self) -> None:
        if not is_number(self.alpha) or not 0 < self.alpha < 1:
            raise InvalidInputError(f"an alpha of {got(self.alpha)}; it lies between 0 and 1")
        if not is_whole(self.washout) or not 0 <= self.washout <= 100:
            raise InvalidInputError(
                f"a washout of {got(self.washout)} ticks; it is a whole number from 0 to 100"
            )
        if not isinstance(self.stop_early, bool):
            raise InvalidInputError(f"stop_early: got {got(self.stop_early)}, allowed: True, False")

    def draw(self, seed: int, email: str, number: int) -> str:
        """Return ``treatment`` for half of the ticks, else ``control`` or ``control again``."""
        coins = _coins(seed, email, number)
        if coins & 1:
            return TREATMENT
        return AGAIN if coins & 2 else CONTROL

    def to_json(self) -> Mapping[str, Any]:
        """Return it as the ledger keeps it."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Planted:
    """A fault in chosen ticks.

    Attributes:
        fault: What is planted.
        ticks: The numbers of the ticks, of each persona from 1 over all runs; None for all.
    """

    fault: str
    ticks: tuple[int, ...] | None = None

    kind: ClassVar[str] = "planted"

    def draw(self, seed: int, email: str, number: int) -> str:  # noqa: ARG002
        """Return ``planted`` for the ticks that were chosen, else ``whole``."""
        return PLANTED if self.ticks is None or number in self.ticks else WHOLE

    def to_json(self) -> Mapping[str, Any]:
        """Return it as the ledger keeps it."""
        ticks = None if self.ticks is None else list(self.ticks)
        return {"kind": self.kind, "fault": self.fault, "ticks": ticks}


@dataclass(frozen=True)
class Dose:
    """Whole ticks, and ticks in which the persona's favourite module fails more and more.

    Attributes:
        rates: The shares of its calls that fail, such as 0.35, 0.7 and 1.
    """

    rates: tuple[float, ...] = (0.35, 0.7, 1.0)

    kind: ClassVar[str] = "dose"

    def __post_init__(self) -> None:
        if not isinstance(self.rates, tuple) or not self.rates:
            raise InvalidInputError(
                f"rates: got {got(self.rates)}, allowed: shares of calls, such as [0.35, 0.7, 1.0]"
            )
        for rate in self.rates:
            check_share(rate, "rate")

    def draw(self, seed: int, email: str, number: int) -> str:
        """Return ``whole`` for half of the ticks, else one of the doses."""
        coins = _coins(seed, email, number)
        if coins & 1:
            return WHOLE
        return self.name(self.rates[(coins >> 1) % len(self.rates)])

    @staticmethod
    def name(rate: float) -> str:
        """Return what the variant of a dose is called."""
        return f"failing {rate:g}"

    def doses(self) -> Mapping[str, float]:
        """Return the dose of each variant."""
        return {WHOLE: 0.0, **{self.name(rate): rate for rate in self.rates}}

    def to_json(self) -> Mapping[str, Any]:
        """Return it as the ledger keeps it."""
        return {"kind": self.kind, "rates": list(self.rates)}


def ticks_of(chosen: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the numbers of ticks, each once and in order.

    Raises:
        InvalidInputError: There is none, or one is below 1.
    """
    if chosen is None:
        return None
    numbers = list(chosen) if isinstance(chosen, Iterable) else []
    if not numbers or not all(type(number) is int and number >= 1 for number in numbers):
        raise InvalidInputError(f"ticks {got(chosen)}; give numbers from 1, such as [3, 4]")
    return tuple(sorted(set(numbers)))


def _coins(seed: int, email: str, number: int) -> int:
    said = hashlib.sha256(f"{seed}/{email}/{number}/coin".encode()).digest()
    return int.from_bytes(said[:8])
