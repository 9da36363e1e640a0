"""Experiments: the app varied on purpose, blindly and by chance, to see what it does to personas.

What can be varied is in :mod:`.changes` and :mod:`.faults`, who gets it when in :mod:`.design`,
when to stop in :mod:`.evidence`; :mod:`mana_lab.analysis.contrast` says what came of it.
"""

from mana_lab.experiments.calibration import RaterCalibration, calibrated
from mana_lab.experiments.changes import Changes
from mana_lab.experiments.design import Design, Dose, Planted, Trial
from mana_lab.experiments.evidence import Watch
from mana_lab.experiments.faults import Faults
from mana_lab.experiments.outcome import Experiment

__all__ = [
    "Changes",
    "Design",
    "Dose",
    "Experiment",
    "Faults",
    "Planted",
    "RaterCalibration",
    "Trial",
    "Watch",
    "calibrated",
]
