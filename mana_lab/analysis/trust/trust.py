"""What a number rests on: how many personas, how alike their ratings, how noisy, whose they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal, TypeAlias

from mana_lab.analysis.statistics.noise import NoiseFloor
from mana_lab.analysis.statistics.reliability import Icc
from mana_lab.analysis.statistics.results import counted

Kind: TypeAlias = Literal["confirmatory", "exploratory"]
"""Whether what is claimed was said before the run (confirmatory) or seen in it (exploratory)."""
NoiseSource: TypeAlias = Literal["blind A/A", "split halves"]

SCRIPTED = "scripted"
"""The brain whose ratings follow from what happened to it."""
_MOST_NAMES = 3


@dataclass(frozen=True)
class Rater:
    """A persona as somebody played them, whose way to rate raised a flag.

    Attributes:
        persona: The persona's name, with the address where several have it.
        persona_id: The id of their account.
        brain: Who played them.
        model: The model behind that; empty where there was none.
        flags: Of :data:`mana_lab.analysis.statistics.raters.FLAGS`, those that were raised.
    """

    persona: str
    persona_id: str
    brain: str
    model: str
    flags: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.persona} ({', '.join(self.flags).replace('_', '-')})"


@dataclass(frozen=True)
class Noise:
    """How large a difference is where nothing was changed.

    Attributes:
        floor: The noise floor.
        source: From a ``blind A/A``: ticks whose app was the same under two names; or from
            ``split halves``: every other tick of each persona against the rest. Each half has
            half the ratings, so that whole runs differ by less.
    """

    floor: NoiseFloor
    source: NoiseSource


@dataclass(frozen=True, repr=False)
class Trust:
    """What the numbers of a run rest on.

    Attributes:
        personas: How many took part.
        ratings: How many ratings they gave.
        icc: How much of the variance of the ratings lies between personas; None without a rating
            or with those of several brains.
        noise: How large a difference of the mean is where nothing was changed; None where that is
            not known.
        brains: Who rated; where nobody did, who played.
        models: The models behind that.
        variants: The variants of the app that the ticks had; empty where it was as it is.
        raters: How many raters there are: a persona, as played by a brain and a model.
        judged: How many of them have enough ratings to be flagged.
        flagged: Those that are. None is left out of any number.
        mean: The mean over the personas of their mean ratings; NaN without one, or of several
            brains.
        mean_unflagged: The same without the flagged raters; NaN where nobody is left.
        kind: Whether what is shown was said before the run.
    """

    personas: int
    ratings: int
    icc: Icc | None
    noise: Noise | None
    brains: tuple[str, ...]
    models: tuple[str, ...]
    variants: tuple[str, ...]
    raters: int
    judged: int
    flagged: tuple[Rater, ...]
    mean: float
    mean_unflagged: float
    kind: Kind = "exploratory"

    @property
    def fixture(self) -> bool:
        """Whether ratings are functions of what happened, and no opinions."""
        return SCRIPTED in self.brains

    @property
    def flagged_ids(self) -> frozenset[str]:
        """The ids of the personas with a flag."""
        return frozenset(rater.persona_id for rater in self.flagged)

    def __str__(self) -> str:
        return "; ".join([self._basis(), *(text for _, text in self._facts()), self.kind])

    def __repr__(self) -> str:
        return f"<Trust: {self}>"

    def _repr_html_(self) -> str:
        facts = [("Rests on", self._basis()), *self._facts(), ("Kind", self.kind)]
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
        return f'<dl class="trust">{rows}</dl>'

    def _basis(self) -> str:
        return f"{counted(self.personas, 'persona')}, {counted(self.ratings, 'rating')}"

    def _facts(self) -> Iterator[tuple[str, str]]:
        if self.brains:
            yield "Played by", self._played()
        if self.variants:
            yield "App", f"app varied: {', '.join(self.variants)}"
        if self.icc is not None and not math.isnan(self.icc.icc):
            low, high = self.icc.interval.low, self.icc.interval.high
            yield "Persona share", f"ICC {_number(self.icc.icc)} [{_number(low)}, {_number(high)}]"
        if self.noise is not None:
            floor = _number(self.noise.floor.mean)
            yield "Noise", f"noise floor {floor} ({self.noise.source})"
        if self.ratings:
            yield "Raters", self._flags()

    def _played(self) -> str:
        models = f": {', '.join(self.models)}" if self.models else ""
        fixture = " (fixtures)" if self.fixture else ""
        return f"{', '.join(self.brains)}{models}{fixture}"

    def _flags(self) -> str:
        if not self.judged:
            return "too few ratings to judge a rater"
        said = f"{len(self.flagged)} of {counted(self.judged, 'judged rater')} flagged"
        if not self.flagged:
            return said
        named = [str(rater) for rater in self.flagged[:_MOST_NAMES]]
        more = len(self.flagged) - len(named)
        names = ", ".join([*named, f"{more} more"] if more else named)
        return f"{said}: {names}{self._without()}"

    def _without(self) -> str:
        if math.isnan(self.mean):
            return ""
        without = "nobody" if math.isnan(self.mean_unflagged) else _number(self.mean_unflagged)
        return f"; mean {_number(self.mean)} with them, {without} without"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")
