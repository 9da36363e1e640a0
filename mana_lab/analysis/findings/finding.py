"""A finding: one claim with the number, what speaks against it, and how to get it again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mana_lab.analysis.statistics.results import Interval, shown_p
from mana_lab.analysis.trust import Kind, Trust
from mana_lab.display import escaped, visible

About: TypeAlias = Literal["ratings", "calls"]
"""What a finding is made of."""

MOST_IDS: Final = 1_000
"""So many ids of calls or ratings a finding names at most; of each persona about as many."""
FIXTURE: Final = (
    "The ratings are those of a scripted brain: functions of what happened, and no opinions."
)


@dataclass(frozen=True, repr=False)
class Finding:
    """What holds up, and what it rests on.

    Attributes:
        family: Which question it answers, such as ``tools that fail``.
        claim: One sentence with the number.
        effect: The number.
        effect_name: What it measures, and in which unit.
        interval: Of the effect; None where there is none.
        p: The p-value after its correction; None where nothing was tested.
        correction: How it was corrected and over how many tests; empty where it was the only one.
        counter_evidence: A sentence with what speaks against it.
        against: The ids of the calls or ratings that do, at most :data:`MOST_IDS`.
        calls: The ids of the audited calls behind it, at most :data:`MOST_IDS`.
        n_calls: How many calls are behind it.
        cell: The source of a notebook cell whose value is the effect; ``lab`` is the lab, the
            archive or the run folder.
        kind: Whether it was said before the run, or seen in it.
        about: Whether it is made of ratings or of calls.
        trust: What it rests on.
        effect_unflagged: The effect without the raters that are flagged; NaN where nobody is, too
            few are left, or it is not made of ratings.
    """

    family: str
    claim: str
    effect: float
    effect_name: str
    interval: Interval | None
    p: float | None
    correction: str
    counter_evidence: str
    against: tuple[str, ...]
    calls: tuple[str, ...]
    n_calls: int
    cell: str
    kind: Kind
    about: About
    trust: Trust
    effect_unflagged: float = math.nan

    @property
    def fixture(self) -> bool:
        """Whether it is made of ratings that are no opinions."""
        return self.about == "ratings" and self.trust.fixture

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what is said of it besides the claim: a name and a text each."""
        yield "Effect", self._measured()
        if not math.isnan(self.effect_unflagged):
            yield "Without flagged raters", number(self.effect_unflagged)
        yield "Against it", self.counter_evidence
        yield "Calls behind it", f"{self.n_calls:,}"
        yield "Rests on", str(self.trust)
        if self.fixture:
            yield "Fixtures", FIXTURE

    def __str__(self) -> str:
        lines = [f"  {name}: {text}" for name, text in self.facts()]
        return visible("\n".join([self.claim, *lines]))

    def __repr__(self) -> str:
        return visible(f"<Finding: {self.claim}>")

    def _repr_html_(self) -> str:
        facts = "".join(f"<dt>{name}</dt><dd>{escaped(text)}</dd>" for name, text in self.facts())
        return (
            f"<p><strong>{escaped(self.claim)}</strong></p><dl>{facts}</dl>"
            f"<pre><code>{escaped(self.cell)}</code></pre>"
        )

    def _measured(self) -> str:
        around = ""
        if self.interval is not None:
            ends = f"{number(self.interval.low)}, {number(self.interval.high)}"
            around = f" [{ends}] ({self.interval.level:.0%}, {self.interval.method})"
        tested = "" if self.p is None else f", {shown_p(self.p)}"
        corrected = f" ({self.correction})" if self.correction else ""
        return f"{self.effect_name} {number(self.effect)}{around}{tested}{corrected}, {self.kind}"


def number(value: float) -> str:
    """Return a number with two decimals, and a minus that is one."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")
