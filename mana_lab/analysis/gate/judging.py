"""Judging: is a module worse than in the baseline, beyond what runs of one app differ by?

The unit is the persona, paired by e-mail address. For each module two hypotheses are tested
against *worse*, with the sign-flip test: that ratings went down, and that the share of failed calls
went up. A module is worse where a test holds after Holm's correction over all of them **and** the
effect is above the noise floor that was measured with unchanged runs.

With few personas no result, however bad, reaches the level: of *n* signs there are 2**n patterns.
Tests that cannot reach it do not count (Tarone 1990, *A modified Bonferroni method for discrete
data*): their modules are not judged, and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from mana_lab.analysis.gate.baseline import Baseline, check_comparable
from mana_lab.analysis.gate.measures import MEASURES, Measure, Measured, Use
from mana_lab.analysis.statistics.comparing import compare_paired
from mana_lab.analysis.statistics.multiplicity import holm
from mana_lab.analysis.statistics.permutation import EXACT_UP_TO, RESAMPLES
from mana_lab.analysis.statistics.results import HypothesisTest, counted
from mana_lab.errors import BaselineError

Outcome: TypeAlias = Literal["worse", "gone", "same", "better", "unjudged"]

_SEED: Final = 7
_WORSE: Final[Mapping[Measure, Literal["less", "greater"]]] = {
    "rating": "less",
    "failed": "greater",
}


@dataclass(frozen=True)
class Finding:
    """What came of one measure of a module.

    Attributes:
        measure: Which one.
        before: The mean over the personas in the baseline.
        after: The same in the run.
        test: Of the difference, run less baseline, against its being worse.
        p: The p-value after Holm's correction.
        floor: What unchanged runs stay under.
    """

    measure: Measure
    before: float
    after: float
    test: HypothesisTest
    p: float
    floor: float

    def worse(self, alpha: float) -> bool:
        """Return whether it is worse, significantly and beyond the floor."""
        return self.p <= alpha and self._decline > self.floor

    @property
    def better(self) -> bool:
        """Whether it is better beyond the floor, with an interval that is beyond 0."""
        around = self.test.interval
        return -self._decline > self.floor and around is not None and 0.0 not in around

    @property
    def _decline(self) -> float:
        return -self.test.effect if self.measure == "rating" else self.test.effect


@dataclass(frozen=True)
class Verdict:
    """What came of a module.

    Attributes:
        module: Its name.
        outcome: ``worse`` beyond noise; ``gone``, where nobody used it any more; ``same``,
            ``better``, or ``unjudged``.
        findings: What was measured; empty where it was not judged.
        reason: Why it was not judged, or is gone.
    """

    module: str
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Judgement:
    """What came of a run.

    Attributes:
        verdicts: One for each module of the run or the baseline, sorted by name.
        alpha: The level.
        needed: How many personas it took to judge a module.
        remarks: What a reader should know beside.
    """

    verdicts: tuple[Verdict, ...]
    alpha: float
    needed: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Pairs:
    module: str
    measure: Measure
    personas: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    floor: float

    def test(self) -> HypothesisTest:
        return compare_paired(
            self.before,
            self.after,
            personas=self.personas,
            seed=_SEED,
            alternative=_WORSE[self.measure],
            question="run - baseline",
        )


def judge(baseline: Baseline, run: Measured) -> Judgement:
    """Hold a run against a baseline.

    Args:
        baseline: The baseline.
        run: The run.

    Raises:
        BaselineError: The run cannot be compared, or no module has enough personas.
    """
    check_comparable(baseline.brain, baseline.model, baseline.days, run)
    both = baseline.personas & run.personas
    if not both:
        raise BaselineError(
            f"none of the {counted(len(run.personas), 'persona')} of run {run.number} is in the "
            "baseline; seed the lab with the personas that the baseline was made with"
        )
    names = sorted(set(baseline.modules) | set(run.modules))
    pairs = [each for name in names for each in _pairs(baseline, run, name)]
    needed = _needed([len(each.personas) for each in pairs], baseline.alpha)
    findings = _findings([each for each in pairs if len(each.personas) >= needed])
    verdicts = tuple(_verdict(baseline, run, name, findings, needed) for name in names)
    if all(each.outcome == "unjudged" for each in verdicts):
        most = max((len(each.personas) for each in pairs), default=0)
        raise BaselineError(
            f"no module can be judged: one was used by {counted(most, 'persona')} of both, and "
            f"{needed} are needed; make the baseline with more personas, such as seed --sample 40"
        )
    return Judgement(verdicts, baseline.alpha, needed, _remarks(baseline, run, len(both)))


def _pairs(baseline: Baseline, run: Measured, name: str) -> list[_Pairs]:
    if name not in baseline.modules:
        return []
    known, uses = baseline.modules[name], run.modules.get(name, {})
    found = []
    for measure in MEASURES:
        floor = getattr(known.floor, measure)
        rows = [
            (who, was, became)
            for who in sorted(known.personas.keys() & uses.keys())
            if (was := known.personas[who].value(measure)) is not None
            and (became := uses[who].value(measure)) is not None
        ]
        if floor is not None and len(rows) > 1:
            people, before, after = zip(*rows, strict=True)
            found.append(_Pairs(name, measure, people, before, after, floor))
    return found


def _needed(sizes: Sequence[int], alpha: float) -> int:
    """Return how many personas a test needs, when those that have fewer do not count.

    For *k* tests each has to be able to reach alpha / k; *k* is the least number that is not below
    the number of tests which can (Tarone 1990).
    """
    for k in range(1, len(sizes) + 1):
        least = next(n for n in range(2, 10_000) if _least_p(n) <= alpha / k or n > EXACT_UP_TO)
        if sum(size >= least for size in sizes) <= k:
            return least
    return next(n for n in range(2, EXACT_UP_TO) if _least_p(n) <= alpha)


def _least_p(personas: int) -> float:
    """Return the least p-value that the signs of so many personas can have."""
    return 2.0**-personas if personas <= EXACT_UP_TO else 1 / (RESAMPLES + 1)


def _findings(pairs: Sequence[_Pairs]) -> dict[str, list[Finding]]:
    tests = [each.test() for each in pairs]
    corrected = holm([test.p for test in tests])
    found: dict[str, list[Finding]] = {}
    for each, test, p in zip(pairs, tests, corrected, strict=True):
        before, after = (float(np.mean(values)) for values in (each.before, each.after))
        finding = Finding(each.measure, before, after, test, float(p), each.floor)
        found.setdefault(each.module, []).append(finding)
    return found


def _verdict(
    baseline: Baseline,
    run: Measured,
    name: str,
    findings: Mapping[str, Sequence[Finding]],
    needed: int,
) -> Verdict:
    found = tuple(findings.get(name, ()))
    if not found:
        return _without(baseline, run, name, needed)
    if any(finding.worse(baseline.alpha) for finding in found):
        return Verdict(name, "worse", found)
    better = any(finding.better for finding in found)
    return Verdict(name, "better" if better else "same", found)


def _without(baseline: Baseline, run: Measured, name: str, needed: int) -> Verdict:
    """Return the verdict on a module of which nothing could be tested."""
    if name not in baseline.modules:
        return Verdict(name, "unjudged", reason="it is not in the baseline; make a new one")
    there = baseline.modules[name].personas.keys() & run.personas
    uses: Mapping[str, Use] = run.modules.get(name, {})
    if not uses and len(there) >= needed:
        told = f"{counted(len(there), 'persona')} used it in the baseline, and now nobody did"
        return Verdict(name, "gone", reason=told)
    used = len(there & uses.keys())
    if used >= needed:
        told = "no two runs of the baseline had two personas in it, so that it has no noise floor"
        return Verdict(name, "unjudged", reason=told)
    told = (
        f"{counted(used, 'persona')} used it in the baseline and in the run, and {needed} are "
        "needed to tell a change from chance"
    )
    return Verdict(name, "unjudged", reason=told)


def _remarks(baseline: Baseline, run: Measured, both: int) -> tuple[str, ...]:
    found = []
    numbers = sorted({each.number for each in baseline.runs})
    if numbers != [run.number]:
        those = ", ".join(map(str, numbers))
        found.append(
            f"this is run {run.number} of its lab, and those of the baseline were run {those} of "
            "theirs; personas learn with time, so that runs of the same number compare best"
        )
    lacking = len(baseline.personas) - both
    if lacking:
        found.append(f"{counted(lacking, 'persona')} of the baseline did not take part in the run")
    return tuple(found)
