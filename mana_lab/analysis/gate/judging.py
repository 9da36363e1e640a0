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
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from mana_lab.analysis.gate.baseline import Baseline, Floors, check_comparable
from mana_lab.analysis.gate.measures import MEASURES, REACH, Measure, Measured, Uses
from mana_lab.analysis.statistics.comparing import compare_paired
from mana_lab.analysis.statistics.multiplicity import holm
from mana_lab.analysis.statistics.permutation import EXACT_UP_TO, RESAMPLES
from mana_lab.analysis.statistics.results import HypothesisTest, counted
from mana_lab.analysis.trust.noise import FEWEST
from mana_lab.errors import BaselineError

Outcome: TypeAlias = Literal["worse", "gone", "same", "better", "unjudged"]

_SEED: Final = 7
_WORSE: Final[Mapping[Measure, Literal["less", "greater"]]] = {
    "rating": "less",
    "failed": "greater",
}
_NAMES: Final[Mapping[Measure, str]] = {"rating": "ratings", "failed": "failed calls"}
_DONE: Final[Mapping[Measure, str]] = {"rating": "rated", "failed": "called"}


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
        outcome: ``worse`` beyond noise; ``gone``, where nobody used, called or rated it any more;
            ``same``, ``better``, or ``unjudged``.
        findings: What was judged.
        reason: Why it, or one of its measures, was not judged, or why it is gone.
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
        test = self._whole_test()
        return replace(test, interval=test.interval and test.interval.within(REACH[self.measure]))

    def _whole_test(self) -> HypothesisTest:
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
        BaselineError: The run cannot be compared, or no module has a noise floor or enough
            personas.
    """
    check_comparable(baseline.brain, baseline.model, baseline.days, run)
    if not any(module.floor.known for module in baseline.modules.values()):
        raise BaselineError(
            "no module of the baseline has a noise floor, so that nothing can be judged by it; "
            "make it anew, of runs with more personas, such as seed --sample 40"
        )
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
    if name not in baseline.modules:
        return Verdict(name, "unjudged", reason="it is not in the baseline; make a new one")
    found = tuple(findings.get(name, ()))
    if any(finding.worse(baseline.alpha) for finding in found):
        return Verdict(name, "worse", found)
    module, uses = baseline.modules[name], run.modules.get(name, {})
    there = {who: use for who, use in module.personas.items() if who in run.personas}
    if lost := _lost(name, there, uses, needed):
        return lost
    judged = {finding.measure for finding in found}
    lacking = "; ".join(
        f"{_NAMES[measure]} not judged: {_why_not(module.floor, measure, there, uses, needed)}"
        for measure in MEASURES
        if measure not in judged and _with(module.personas, measure)
    )
    better = any(finding.better for finding in found)
    outcome: Outcome = ("better" if better else "same") if found else "unjudged"
    return Verdict(name, outcome, found, lacking)


def _lost(name: str, there: Uses, uses: Uses, needed: int) -> Verdict | None:
    """Return the verdict on a module that nobody uses, calls or rates any more."""
    parts = [("used", set(there), set(uses))]
    parts += [(_DONE[each], _with(there, each), _with(uses, each)) for each in MEASURES]
    for did, before, after in parts:
        if before and not after:
            told = f"{counted(len(before), 'persona')} {did} it in the baseline, and now nobody did"
            if len(before) >= needed:
                return Verdict(name, "gone", reason=told)
            told += f"; {needed} are needed to tell a change from chance"
            return Verdict(name, "unjudged", reason=told)
    return None


def _why_not(floor: Floors, measure: Measure, there: Uses, uses: Uses, needed: int) -> str:
    both = len(_with(there, measure) & _with(uses, measure))
    if both >= needed and getattr(floor, measure) is None:
        return (
            f"it has no noise floor: no two runs of the baseline had {FEWEST} personas who "
            f"{_DONE[measure]} it, or they differed by as much as they can"
        )
    return (
        f"{counted(both, 'persona')} {_DONE[measure]} it in the baseline and in the run, and "
        f"{needed} are needed to tell a change from chance"
    )


def _with(uses: Uses, measure: Measure) -> set[str]:
    """Return those of whom there is something to measure."""
    return {who for who, use in uses.items() if use.value(measure) is not None}


def _remarks(baseline: Baseline, run: Measured, both: int) -> tuple[str, ...]:
    found = [run.failures] if run.failed_ticks else []
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
