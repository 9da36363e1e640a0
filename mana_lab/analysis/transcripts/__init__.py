"""Transcripts: a tick as one reads it, call by call, with the ratings that came of it."""

from mana_lab.analysis.transcripts.reading import tick_of, ticks_of
from mana_lab.analysis.transcripts.tick import Call, Opinion, Tick

__all__ = ["Call", "Opinion", "Tick", "tick_of", "ticks_of"]
