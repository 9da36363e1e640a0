"""Trust: what a chart or a finding rests on, said beside it."""

from mana_lab.analysis.trust.measuring import (
    ratings_of,
    trust_in_calls,
    trust_in_ratings,
    trust_of,
)
from mana_lab.analysis.trust.noise import (
    noise_of_mean,
    noise_of_modules,
    noise_of_pair,
    noise_of_slope,
)
from mana_lab.analysis.trust.shown import Shown
from mana_lab.analysis.trust.trust import Kind, Noise, Rater, Trust

__all__ = [
    "Kind",
    "Noise",
    "Rater",
    "Shown",
    "Trust",
    "noise_of_mean",
    "noise_of_modules",
    "noise_of_pair",
    "noise_of_slope",
    "ratings_of",
    "trust_in_calls",
    "trust_in_ratings",
    "trust_of",
]
