"""The answer to what a trial was set up to find, whether or not it holds up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mana_lab.analysis.contrast.evidence import evidence_of
from mana_lab.analysis.statistics.results import HypothesisTest, counted, shown_p
from mana_lab.analysis.statistics.sequential import Evidence
from mana_lab.errors import InvalidInputError, MixedBrainsError

if TYPE_CHECKING:
    from mana_lab.analysis.contrast.contrast import Contrast


@dataclass(frozen=True)
class Answer:
    """What a trial said of the ratings that it was about.

    A trial that may end as soon as the evidence is enough is judged by that evidence, an e-process:
    a test for a fixed number of ticks is not made for it, and with fewer than six personas it
    cannot reach a level of 0.05 at all.

    Attributes:
        module: Whose ratings it was about; None for all.
        alpha: Its level.
        difference: Treatment less control within personas, with its interval; None where they
            cannot be compared.
        why_not: Why that is so; empty where they can be.
        evidence: What the e-process came to; None where nothing was rated, or by brains of
            different kinds.
        may_end_early: Whether it was set up to end when the evidence is enough.
        stopped_because: Why it ended early; None where it did not.
    """

    module: str | None
    alpha: float
    difference: HypothesisTest | None
    why_not: str
    evidence: Evidence | None
    may_end_early: bool
    stopped_because: str | None

    @property
    def about(self) -> str:
        """Whose ratings it was about, in words."""
        return self.module or "what they used"

    @property
    def p(self) -> float:
        """The p-value that counts: anytime-valid where it might end early; NaN without one."""
        if self.may_end_early:
            return math.nan if self.evidence is None else self.evidence.p
        return math.nan if self.difference is None else self.difference.p

    @property
    def holds(self) -> bool:
        """Whether there is a difference that holds up at the level of the trial."""
        test = self.difference
        if test is None or not self.p <= self.alpha:
            return False
        return self.may_end_early or (test.interval is not None and 0 not in test.interval)

    @property
    def tested(self) -> str:
        """The numbers by which it is judged."""
        if not self.may_end_early:
            if self.difference is None:
                return ""
            wide = self.p <= self.alpha and not self.holds
            return shown_p(self.p) + ", but its interval does not leave out 0" * wide
        if self.evidence is None:
            return "no evidence, since nothing was rated or several kinds of brains did"
        return f"e = {self.evidence.largest:.1f}, anytime-valid {shown_p(self.evidence.p)}"

    @property
    def ended(self) -> str:
        """Why it ended."""
        if self.stopped_because:
            return f"it ended early: {self.stopped_because}"
        return "it went on to its end" + (", for want of evidence" * self.may_end_early)

    def __str__(self) -> str:
        test = self.difference
        if test is None:
            return f"the ratings of {self.about} cannot be compared: {self.why_not}; {self.ended}"
        side = "higher" if test.effect > 0 else "lower"
        verdict = "holds up" if self.holds else "does not hold up"
        around = f" {test.interval!r}" if test.interval else ""
        return (
            f"under treatment {self.about} is rated {abs(test.effect):.2f} points {side} "
            f"({test.effect:+.2f}{around}, {counted(test.n_personas, 'persona')}); {self.tested}: "
            f"that {verdict} at a level of {self.alpha:g}{self._fixed()}; {self.ended}"
        )

    def _fixed(self) -> str:
        """Return what a test of a fixed length would find, where the evidence is not enough."""
        test = self.difference
        if self.holds or not self.may_end_early or test is None or test.p > self.alpha:
            return ""
        return (
            f" (a test for a fixed number of ticks has {shown_p(test.p)}; it does not count where "
            "the number is not fixed)"
        )


def answer_of(found: Contrast) -> Answer:
    """Return what a trial said of the ratings that it was about.

    Args:
        found: Treatment against control.
    """
    design = found.varied.design
    module = design.get("module")
    difference, why_not = None, ""
    try:
        difference = found.effect(module).difference
    except (InvalidInputError, MixedBrainsError) as error:
        why_not = error.message
    return Answer(
        module=module,
        alpha=found.alpha,
        difference=difference,
        why_not=why_not,
        evidence=evidence_of(found.varied),
        may_end_early=bool(design.get("stop_early", False)),
        stopped_because=found.varied.stopped_because,
    )
