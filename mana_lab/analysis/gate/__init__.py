"""The gate: a run held against a stored one, module by module, and what is worse beyond noise."""

from mana_lab.analysis.gate.baseline import Baseline, baseline_of, read_baseline
from mana_lab.analysis.gate.judging import Judgement, Verdict, judge
from mana_lab.analysis.gate.measures import Measured, measured

__all__ = [
    "Baseline",
    "Judgement",
    "Measured",
    "Verdict",
    "baseline_of",
    "judge",
    "measured",
    "read_baseline",
]
