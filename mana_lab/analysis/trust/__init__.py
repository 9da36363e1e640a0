"""Trust: what a chart or a finding rests on, said beside it."""

from mana_lab.analysis.trust.measuring import trust_of
from mana_lab.analysis.trust.trust import Kind, Noise, Rater, Trust

__all__ = ["Kind", "Noise", "Rater", "Trust", "trust_of"]
