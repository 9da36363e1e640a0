"""Arms: the rows of a run that varied the app, each with the variant that its tick had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

from mana_lab.analysis.choosing import OneRun
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import InvalidInputError

CONTROL: Final = "control"
AGAIN: Final = "control again"
"""The same as the control, under another name: the blind half of the automatic A/A."""
TREATMENT: Final = "treatment"
ALPHA: Final = 0.05
"""How often something may be named although nothing was changed, unless a design says otherwise."""
TRIAL: Final = "trial"
"""The kind of a run's design that has a treatment and a control."""


@dataclass(frozen=True)
class Varied:
    """What a run that varied the app left behind.

    Attributes:
        run: The run's number.
        design: What was varied and how, as the ledger keeps it.
        ticks: Its ticks that had a variant and ended, with ``variant``, but for those that the
            washout leaves out.
        ratings: Their ratings, with ``variant``.
        calls: Their calls, with ``variant``.
        every_tick: Its ticks as above, with those that the washout leaves out.
        every_rating: The ratings of all of these.
        stopped_because: Why it ended before its time; None where it did not.
    """

    run: int
    design: Mapping[str, Any]
    ticks: pd.DataFrame
    ratings: pd.DataFrame
    calls: pd.DataFrame
    every_tick: pd.DataFrame
    every_rating: pd.DataFrame
    stopped_because: str | None = None

    @classmethod
    def of(cls, warehouse: Warehouse, run: OneRun) -> Varied:
        """Return what a run left behind.

        Args:
            warehouse: Where the rows come from.
            run: The run, its id or its number.

        Raises:
            NotFoundError: There is no such run.
            InvalidInputError: It did not vary the app.
        """
        number = warehouse.run_number(run)
        known = warehouse.runs_df(number).iloc[0]
        design = known["design"]
        ticks = warehouse.ticks_df(number)
        if not design:
            raise InvalidInputError(
                f"run {number} did not vary the app; lab.experiment(…) makes one that does"
            )
        ended = ticks[ticks["variant"].notna() & ticks["status"].isin(("done", "abandoned"))]
        kept = _washed(ended, int(design.get("washout", 0)))
        every, of = (part.set_index("id")["variant"] for part in (ended, kept))
        ratings, calls = warehouse.feedback_df(number), warehouse.actions_df(number)
        early = known["status"] == "done" and isinstance(known["reason"], str)
        return cls(
            number,
            design,
            kept,
            _with(ratings, of),
            _with(calls, of),
            ended,
            _with(ratings, every),
            known["reason"] if early else None,
        )

    def only(self, *variants: str) -> Varied:
        """Return the rows of some variants alone."""
        return self._each(lambda frame: frame[frame["variant"].isin(variants)])

    def renamed(self, **names: str) -> Varied:
        """Return the same rows with other names of their variants: ``name="new name"``."""
        return self._each(lambda frame: frame.assign(variant=frame["variant"].replace(names)))

    def _each(self, changed: Callable[[pd.DataFrame], pd.DataFrame]) -> Varied:
        return replace(
            self,
            ticks=changed(self.ticks),
            ratings=changed(self.ratings),
            calls=changed(self.calls),
        )


def _with(frame: pd.DataFrame, variants: pd.Series[str]) -> pd.DataFrame:
    known = frame.assign(variant=frame["tick_id"].map(variants))
    return known[known["variant"].notna()]


def _washed(ticks: pd.DataFrame, ticks_after: int) -> pd.DataFrame:
    """Leave out the first ticks after a change of variant, in which the last one may linger."""
    if ticks_after < 1:
        return ticks
    ordered = ticks.sort_values(["email", "tick"], kind="stable")
    told = ordered["variant"].replace({AGAIN: CONTROL})
    changed = told.ne(told.groupby(ordered["email"]).shift()) & ordered.duplicated("email")
    spell = changed.groupby(ordered["email"]).cumsum()
    since = ordered.groupby([ordered["email"], spell]).cumcount()
    lingers = (spell > 0) & (since < ticks_after)
    return ticks.loc[ticks.index.difference(ordered.index[lingers])]
