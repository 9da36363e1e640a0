"""What a number rests on: how many personas, how alike their ratings, how noisy, whose they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mana_lab.analysis.statistics.noise import NoiseFloor
from mana_lab.analysis.statistics.reliability import Icc
from mana_lab.analysis.statistics.results import counted
from mana_lab.display import escaped, visible

Kind: TypeAlias = Literal["confirmatory", "exploratory"]
"""Whether what is claimed was said before the run (confirmatory) or seen in it (exploratory)."""
NoiseSource: TypeAlias = Literal["blind A/A", "split halves"]

ALL: Final = "all ratings"
POINTS: Final = "rating points"
SCRIPTED: Final = "scripted"
"""The brain whose ratings follow from what happened to it."""
_RUNS: Final = ": a second run of this length differs by less in at least 19 of 20 cases"
"""What halves say of whole runs, which have more ratings; of nothing but differences of runs."""
_MOST_NAMES: Final = 3
_BRIEF: Final = 36
"""How many letters of names a brief text has at most."""


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
    """How large a difference between two parts of a run is where nothing was changed.

    It is no yardstick for an effect within one run, such as a slope or what two modules differ by.

    Attributes:
        floor: The noise floor.
        source: From a ``blind A/A``: ticks whose app was the same under two names; or from
            ``split halves``: every other tick of each persona against the rest. Each half has
            half the ratings, so that whole runs differ by less.
        of: What differs, such as ``calendar`` or ``todo less journal``.
        unit: What the floor is in.
    """

    floor: NoiseFloor
    source: NoiseSource
    of: str = ALL
    unit: str = POINTS

    def __str__(self) -> str:
        return f"noise floor {self.size} ({self.of}, {self.basis}{self._of_runs})"

    @property
    def _of_runs(self) -> str:
        return _RUNS if self.source == "split halves" else ""

    @property
    def basis(self) -> str:
        """Where it is from, and of how many personas."""
        return f"{self.source} of {counted(self.floor.n_personas, 'persona')}"

    @property
    def size(self) -> str:
        """The floor of the mean over personas, with its unit."""
        return f"{_number(self.floor.mean)} {self.unit}"


@dataclass(frozen=True, repr=False)
class Trust:
    """What numbers rest on: those of a run, or of one figure or finding.

    Attributes:
        personas: Of how many personas they are.
        ratings: Of how many ratings; None where they are not made of ratings.
        icc: How much of the variance of the ratings lies between personas; None where it is not
            known.
        noise: How large a difference is where nothing was changed; None where that is not known.
        brains: Who rated; where nobody did, who played.
        models: The models behind that.
        variants: The variants of the app that the ticks had; empty where it was as it is.
        raters: How many raters there are: a persona, as played by a brain and a model.
        judged: How many of them have enough ratings in the run to be flagged.
        flagged: Those that are. None is left out of any number.
        mean: The mean over the personas of their mean ratings; NaN without one, or of several
            brains.
        mean_unflagged: The same without the flagged raters; NaN where nobody is left.
        kind: Whether what is shown was said before the run.
        calls: Of how many calls they are; None where they are not made of calls.
        compared: Whether the variants are compared with each other, and not pooled.
        no_icc: Why the ICC is not known; empty where it is.
        no_noise: Why the noise floor is not known; empty where it is.
    """

    personas: int
    ratings: int | None
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
    calls: int | None = None
    compared: bool = False
    no_icc: str = ""
    no_noise: str = ""

    @property
    def fixture(self) -> bool:
        """Whether ratings are functions of what happened, and no opinions."""
        return SCRIPTED in self.brains

    @property
    def flagged_ids(self) -> frozenset[str]:
        """The ids of the personas with a flag."""
        return frozenset(rater.persona_id for rater in self.flagged)

    @property
    def brief(self) -> str:
        """The same in a bounded number of letters: names are clipped, those of raters counted."""
        return "; ".join(self._parts(brief=True))

    def __str__(self) -> str:
        return visible("; ".join(self._parts()))

    def __repr__(self) -> str:
        return f"<Trust: {self}>"

    def _repr_html_(self) -> str:
        facts = [("Rests on", self._basis()), *self._facts(), ("Kind", self.kind)]
        rows = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(text)}</dd>" for name, text in facts)
        return f'<dl class="trust">{rows}</dl>'

    def _parts(self, *, brief: bool = False) -> Iterator[str]:
        yield self._basis()
        yield from (text for _, text in self._facts(brief=brief))
        yield self.kind

    def _basis(self) -> str:
        numbers = ((self.ratings, "rating"), (self.calls, "call"))
        known = [counted(number, noun) for number, noun in numbers if number is not None]
        return ", ".join([counted(self.personas, "persona"), *known])

    def _facts(self, *, brief: bool = False) -> Iterator[tuple[str, str]]:
        yield "Played by", self._played(brief=brief)
        if self.variants:
            how = "compared" if self.compared else "pooled here"
            yield "App", f"app varied, {how}: {_joined(self.variants, brief=brief)}"
        if self.no_icc and self.no_icc == self.no_noise:
            yield "Persona share, noise", f"ICC and noise floor not known ({self.no_icc})"
        else:
            yield "Persona share", self._icc()
            yield "Noise", self._noise(brief=brief)
        yield "Raters", self._flags(brief=brief)

    def _played(self, *, brief: bool) -> str:
        if not self.brains:
            return "brain and model not known (no tick says who played)"
        models = ", model not known"
        if self.models:
            models = f": {_joined(self.models, brief=brief)}"
        elif self.brains == (SCRIPTED,):
            models = ", no model"
        fixture = " (fixtures)" if self.fixture else ""
        return f"{_joined(self.brains, brief=brief)}{fixture}{models}"

    def _icc(self) -> str:
        if self.icc is None:
            return f"ICC not known ({self.no_icc})"
        low, high = self.icc.interval.low, self.icc.interval.high
        return f"ICC {_number(self.icc.icc)} [{_number(low)}, {_number(high)}]"

    def _noise(self, *, brief: bool) -> str:
        if self.noise is None:
            return f"noise floor not known ({self.no_noise})"
        return f"noise floor {self.noise.size}" if brief else str(self.noise)

    def _flags(self, *, brief: bool) -> str:
        if not self.judged:
            why = "too few ratings to judge a rater" if self.raters else "nobody rated"
            return f"rater flags not known ({why})"
        said = f"{len(self.flagged)} of {counted(self.judged, 'judged rater')} flagged"
        if not self.flagged or brief:
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


def _joined(names: tuple[str, ...], *, brief: bool) -> str:
    whole = ", ".join(names)
    if not brief or len(whole) <= _BRIEF:
        return whole
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0][: _BRIEF - 12]}…{more}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")
