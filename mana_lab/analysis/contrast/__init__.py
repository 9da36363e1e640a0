"""Contrasts: what a run that varied the app found, within each persona."""

from mana_lab.analysis.contrast.arms import AGAIN, CONTROL, TREATMENT, Varied
from mana_lab.analysis.contrast.contrast import Contrast, Named, contrast

__all__ = ["AGAIN", "CONTROL", "TREATMENT", "Contrast", "Named", "Varied", "contrast"]
