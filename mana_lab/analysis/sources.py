"""Sources: where a warehouse takes its rows from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import pandas as pd
from sqlalchemy import Engine

from mana_lab.analysis import frames
from mana_lab.analysis.columns import VIEWS
from mana_lab.analysis.duck import Duck, add_view
from mana_lab.analysis.frames import Context
from mana_lab.analysis.states import personas_state, rows_state, ticks_state

Database: TypeAlias = Literal["identity", "ledger"]


class Source(Protocol):
    """Gives the rows of the views."""

    def state(self) -> Hashable:
        """Return what is another one when the rows are others."""
        ...

    def fill(self, duck: Duck) -> None:
        """Make the views of :data:`mana_lab.analysis.columns.VIEWS`."""
        ...


class Databases:
    """A lab's databases.

    Args:
        engines: Read-only engines: ``identity`` with users, personas, actions and feedback, and
            ``ledger`` with runs and ticks.
    """

    def __init__(self, engines: Mapping[Database, Engine]) -> None:
        self._identity = engines["identity"]
        self._ledger = engines["ledger"]

    def state(self) -> Hashable:
        """Return what is another one when a row has come, gone or changed."""
        return (
            personas_state(self._identity),
            rows_state(self._identity),
            ticks_state(self._ledger),
        )

    def fill(self, duck: Duck) -> None:
        """Make the views of what the databases hold now."""
        context = Context.read(self._identity, self._ledger)
        actions = frames.actions_df(frames.read_actions(self._identity), context)
        ratings = frames.feedback_df(frames.read_feedback(self._identity), context)
        Frames(context, actions, ratings).fill(duck)


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

    def state(self) -> Hashable:
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
        for view, kinds in VIEWS.items():
            add_view(duck, view, kinds, [rows[view]])
