"""The definitions of friction, by the names of their views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mana_lab.analysis.friction.calls import CALLS
from mana_lab.analysis.friction.confusion import CONFUSION
from mana_lab.analysis.friction.counts import ERROR_RECOVERY, ERRORS, PERSONAS, TOOLS
from mana_lab.analysis.friction.definition import Definition
from mana_lab.analysis.friction.discovery import UNDISCOVERED, UNKNOWN_TOOLS
from mana_lab.analysis.friction.learning import FIRST_SUCCESS
from mana_lab.analysis.friction.repeats import DETOURS, REPEATS
from mana_lab.analysis.friction.sequences import TRANSITIONS, VARIANTS

DEFINITIONS: Final[Mapping[str, Definition]] = {
    definition.name: definition
    for definition in (
        CALLS,
        CONFUSION,
        DETOURS,
        ERROR_RECOVERY,
        ERRORS,
        FIRST_SUCCESS,
        PERSONAS,
        REPEATS,
        TOOLS,
        TRANSITIONS,
        UNDISCOVERED,
        UNKNOWN_TOOLS,
        VARIANTS,
    )
}
"""The definitions by the names of their views."""
