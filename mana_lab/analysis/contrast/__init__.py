"""Contrasts: what a run that varied the app found, within each persona."""

from mana_lab.analysis.contrast.arms import AGAIN, CONTROL, TREATMENT, TRIAL, Varied
from mana_lab.analysis.contrast.contrast import Contrast, Named, contrast

__all__ = ["AGAIN", "CONTROL", "TREATMENT", "TRIAL", "Contrast", "Named", "Varied", "contrast"]
