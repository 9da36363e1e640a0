"""The views that are defined by SQL over the rows: ratings in context, journeys, and friction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mana_lab.analysis.duck import Duck
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.friction.views import DEFINITIONS
from mana_lab.analysis.in_context import RATINGS_IN_CONTEXT
from mana_lab.analysis.journeys import JOURNEYS

DERIVED: Final[Mapping[str, Definition]] = {
    RATINGS_IN_CONTEXT.name: RATINGS_IN_CONTEXT,
    JOURNEYS.name: JOURNEYS,
    **DEFINITIONS,
}
"""The definitions by the names of their views."""


def add_derived(duck: Duck, labs: tuple[str, ...] = ()) -> None:
    """Make the views, of the views of a lab that are there.

    A view asks when it is asked; ``run`` is among its columns, so that ``WHERE run = 1`` works.
    Its rows come in the order of the definition, but for those that stand for single calls or
    ratings: to sort all of them takes longer than most questions.

    Args:
        duck: Where to.
        labs: ``("lab",)`` where the views hold several labs.
    """
    scope = Scope(keys=(*labs, "run"), labs=labs)
    for name, definition in DERIVED.items():
        query = definition.sql(scope) if definition.grouped else definition.unordered(scope)
        duck.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
