"""Findings: what holds up in a run, with what speaks against it and a cell that gets it again."""

from mana_lab.analysis.findings.agreement import agreement_on_modules
from mana_lab.analysis.findings.basis import Basis
from mana_lab.analysis.findings.confused import mistaken_for
from mana_lab.analysis.findings.failing import failing_tools
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.findings.findings import Findings, Looked, Question
from mana_lab.analysis.findings.leaving import staying
from mana_lab.analysis.findings.registry import QUESTIONS, findings_of
from mana_lab.analysis.findings.stuck import recovered_soon
from mana_lab.analysis.findings.undiscovered import never_called

__all__ = [
    "QUESTIONS",
    "Basis",
    "Finding",
    "Findings",
    "Looked",
    "Question",
    "agreement_on_modules",
    "failing_tools",
    "findings_of",
    "mistaken_for",
    "never_called",
    "recovered_soon",
    "staying",
]
