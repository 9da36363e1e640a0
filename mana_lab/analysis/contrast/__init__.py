"""Contrasts: what a run that varied the app found, within each persona."""

from mana_lab.analysis.contrast.answer import Answer
from mana_lab.analysis.contrast.arms import AGAIN, CONTROL, TREATMENT, TRIAL, Varied
from mana_lab.analysis.contrast.contrast import Contrast, Named, contrast

__all__ = [
    "AGAIN",
    "CONTROL",
    "TREATMENT",
    "TRIAL",
    "Answer",
    "Contrast",
    "Named",
    "Varied",
    "contrast",
]
