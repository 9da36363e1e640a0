"""Sources: where a warehouse takes its rows from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import pandas as pd
from sqlalchemy import Engine, TableClause, func, select

from mana_lab.analysis import frames, tables
from mana_lab.analysis.frames import Context

Database: TypeAlias = Literal["identity", "ledger"]


class Source(Protocol):
    """Gives the frames; whoever gets one may change it."""

    def personas(self) -> pd.DataFrame:
        """Return the personas."""
        ...

    def runs(self) -> pd.DataFrame:
        """Return the runs."""
        ...

    def context(self) -> Context:
        """Return what turns ids into names and numbers."""
        ...

    def actions(self, context: Context) -> pd.DataFrame:
        """Return the audited calls."""
        ...

    def feedback(self, context: Context) -> pd.DataFrame:
        """Return the ratings."""
        ...


class Databases:
    """A lab's databases; rows that were read before and cannot have changed are not read again.

    Args:
        engines: Read-only engines: ``identity`` with users, personas, actions and feedback, and
            ``ledger`` with runs and ticks.
    """

    def __init__(self, engines: Mapping[Database, Engine]) -> None:
        self._identity = engines["identity"]
        self._ledger = engines["ledger"]
        self._kept: dict[str, tuple[object, pd.DataFrame]] = {}

    def personas(self) -> pd.DataFrame:
        """Return the personas."""
        return frames.personas_df(self._identity)

    def runs(self) -> pd.DataFrame:
        """Return the runs."""
        return frames.runs_df(self._ledger)

    def context(self) -> Context:
        """Return what the two databases hold now."""
        return Context.read(self._identity, self._ledger)

    def actions(self, context: Context) -> pd.DataFrame:
        """Return the audited calls."""
        return frames.actions_df(self._rows(tables.ACTIONS, frames.read_actions), context)

    def feedback(self, context: Context) -> pd.DataFrame:
        """Return the ratings."""
        return frames.feedback_df(self._rows(tables.FEEDBACK, frames.read_feedback), context)

    def _rows(self, table: TableClause, read: Callable[[Engine], pd.DataFrame]) -> pd.DataFrame:
        """Return the rows of a table that only ever gains or loses rows."""
        state = _state(self._identity, table)
        kept = self._kept.get(table.name)
        if kept is None or kept[0] != state:
            kept = self._kept[table.name] = (state, read(self._identity))
        return kept[1]


@dataclass(frozen=True, repr=False)
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

    def personas(self) -> pd.DataFrame:
        """Return the personas."""
        return self.known.personas.copy()

    def runs(self) -> pd.DataFrame:
        """Return the runs."""
        return self.known.runs.copy()

    def context(self) -> Context:
        """Return the personas, runs and ticks."""
        return Context(self.personas(), self.runs(), self.known.ticks.copy())

    def actions(self, context: Context) -> pd.DataFrame:  # noqa: ARG002 - it is in the rows
        """Return the audited calls."""
        return self.calls.copy()

    def feedback(self, context: Context) -> pd.DataFrame:  # noqa: ARG002 - it is in the rows
        """Return the ratings."""
        return self.ratings.copy()


def _state(engine: Engine, table: TableClause) -> tuple[Any, ...]:
    of = table.c
    query = select(func.count(), func.max(of.created_at), func.min(of.id), func.max(of.id))
    with engine.connect() as connection:
        return tuple(connection.execute(query.select_from(table)).one())
