"""Findings: what holds up in a run, or why nothing does and what would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload

import pandas as pd

from mana_lab.analysis.findings.basis import Basis
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.trust import Trust
from mana_lab.display import escaped

_NOTHING: Final = "Nothing holds up."
_COLUMNS: Final = (
    "family",
    "claim",
    "effect_name",
    "effect",
    "low",
    "high",
    "p",
    "correction",
    "kind",
    "fixture",
    "personas",
    "effect_unflagged",
    "counter_evidence",
    "n_calls",
    "cell",
)


@dataclass(frozen=True)
class Question:
    """A question that is asked of a run.

    Attributes:
        family: What it asks for, such as ``tools that fail``.
        look: Looks for findings; an ``InvalidInputError`` or ``MixedBrainsError`` says why a run
            cannot be asked.
    """

    family: str
    look: Callable[[Basis], Looked]


@dataclass(frozen=True)
class Looked:
    """What came of one question.

    Attributes:
        family: The question, such as ``tools that fail``.
        findings: What holds up.
        remark: What was looked at, how many of them, and what came of the rest.
        asked: What was asked before the run, with its answer, whether or not that holds up; empty
            where nothing was.
    """

    family: str
    findings: tuple[Finding, ...]
    remark: str
    asked: str = ""

    def __str__(self) -> str:
        return f"{self.family}: {self.remark}"


class Findings(Sequence[Finding]):
    """The findings of a run, in the order of the questions.

    Attributes:
        looked: Each question with what was looked at, also where nothing holds up.
        trust: What the numbers of the run rest on.
        advice: Which run would be able to show something.
    """

    def __init__(self, looked: Iterable[Looked], trust: Trust, advice: str) -> None:
        self.looked = tuple(looked)
        self.trust = trust
        self.advice = advice
        self._findings = tuple(finding for each in self.looked for finding in each.findings)

    @property
    def asked(self) -> str:
        """What was asked before the run, with its answer; empty where nothing was."""
        told = "; ".join(each.asked for each in self.looked if each.asked)
        return f"Asked before the run: {told}." if told else ""

    def __len__(self) -> int:
        return len(self._findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, place: int | slice) -> Finding | tuple[Finding, ...]:
        return self._findings[place]

    def to_df(self) -> pd.DataFrame:
        """Return a row for each finding: claim, effect, interval, p and what they rest on."""
        rows = [
            {
                **{name: getattr(finding, name, None) for name in _COLUMNS},
                "low": finding.interval.low if finding.interval else None,
                "high": finding.interval.high if finding.interval else None,
                "personas": finding.trust.personas,
            }
            for finding in self
        ]
        numbers = dict.fromkeys(("effect", "low", "high", "p", "effect_unflagged"), "float64")
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(numbers)

    def __str__(self) -> str:
        if not self:
            looked = "\n".join(f"  {each}" for each in self.looked)
            return "\n".join(filter(None, [self.asked, f"{_NOTHING} {self.advice}", looked]))
        told = (f"[{place}] {finding}" for place, finding in enumerate(self))
        return "\n".join(filter(None, [self.asked, *told]))

    def __repr__(self) -> str:
        if not self:
            return f"<Findings: nothing holds up; {self.trust}>"
        claims = "".join(f"\n  [{place}] {each.claim}" for place, each in enumerate(self))
        return f"<Findings: {len(self)}{claims}>"

    def _repr_html_(self) -> str:
        looked = "".join(f"<li>{escaped(str(each))}</li>" for each in self.looked)
        asked = f"<p>{escaped(self.asked)}</p>" if self.asked else ""
        if not self:
            return f"{asked}<p>{_NOTHING} {escaped(self.advice)}</p><ul>{looked}</ul>"
        found = "".join(f"<li>{finding._repr_html_()}</li>" for finding in self)
        return f'{asked}<ol start="0">{found}</ol><p>Looked at:</p><ul>{looked}</ul>'
