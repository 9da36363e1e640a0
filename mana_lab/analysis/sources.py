"""Sources: where a warehouse takes its rows from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import pandas as pd

from mana_lab.analysis.columns import VIEWS, Columns
from mana_lab.analysis.duck import Duck
from mana_lab.analysis.frames import Context
from mana_lab.analysis.kept import add_view


class Source(Protocol):
    """Gives the rows of the views: at least those of :data:`mana_lab.analysis.columns.VIEWS`."""

    @property
    def views(self) -> Mapping[str, Columns]:
        """Return the views and the kinds of their columns."""
        ...

    def state(self) -> object:
        """Return what differs when the rows do."""
        ...

    def fill(self, duck: Duck) -> None:
        """Make the views."""
        ...


@dataclass(frozen=True, repr=False, eq=False)
class Frames:
    """Frames that are there already, such as those of a run folder.

    Attributes:
        known: The personas, runs and ticks.
        calls: The audited calls.
        ratings: The ratings.
    """

    known: Context
    calls: pd.DataFrame
    ratings: pd.DataFrame
    views: ClassVar[Mapping[str, Columns]] = VIEWS

    def state(self) -> object:
        """Return what stays the same."""
        return id(self)

    def fill(self, duck: Duck) -> None:
        """Make the views of the frames."""
        rows = {
            "persona_actions": self.calls,
            "persona_feedback": self.ratings,
            "personas": self.known.personas,
            "runs": self.known.runs,
            "ticks": self.known.ticks,
        }
        for view, kinds in self.views.items():
            add_view(duck, view, kinds, rows[view])
