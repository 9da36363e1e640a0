"""The views of friction: what each definition gives, run by run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mana_lab.analysis.duck import Duck
from mana_lab.analysis.friction.calls import CALLS
from mana_lab.analysis.friction.confusion import CONFUSION
from mana_lab.analysis.friction.counts import ERROR_RECOVERY, ERRORS, PERSONAS, TOOLS
from mana_lab.analysis.friction.definition import Definition, Scope
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


def add_friction(duck: Duck, labs: tuple[str, ...] = ()) -> None:
    """Make the views of friction, of the views of a lab that are there.

    A view asks when it is asked; ``run`` is among its columns, so that ``WHERE run = 1`` works.
    Its rows come in the order of the definition, but for those that stand for single calls: to sort
    all of them takes longer than most questions.

    Args:
        duck: Where to.
        labs: ``("lab",)`` where the views hold several labs.
    """
    scope = Scope(keys=(*labs, "run"), labs=labs)
    for name, definition in DEFINITIONS.items():
        query = definition.sql(scope) if definition.grouped else definition.unordered(scope)
        duck.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
