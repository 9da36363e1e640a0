"""What each kind of figure rests on, of the run that it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.analysis.trust.measuring import ratings_of, trust_in_calls, trust_in_ratings
from mana_lab.analysis.trust.noise import noise_of_modules
from mana_lab.analysis.trust.trust import Trust
from mana_lab.analysis.warehouse import Warehouse

if TYPE_CHECKING:
    from mana_lab.analysis.contrast import Contrast


class Shown:
    """What the figures of a run rest on; each is measured when it is asked for.

    Args:
        warehouse: Where the rows come from.
        run: The run's number; None for all.
    """

    def __init__(self, warehouse: Warehouse, run: int | None) -> None:
        self._warehouse = warehouse
        self._run = run

    def calls(self) -> Trust:
        """Return what a figure of all calls rests on."""
        return self._calls("true")

    def failures(self) -> Trust:
        """Return what a figure of the failed calls rests on."""
        return self._calls("result = 'error'")

    def ratings(self) -> Trust:
        """Return what a figure of the ratings of all modules rests on."""
        rows = ratings_of(self._warehouse, self._run)
        return trust_in_ratings(self._warehouse, self._run, rows, noise_of_modules(rows))

    def persona(self, email: str) -> Trust:
        """Return what a figure of one persona rests on.

        Args:
            email: Their address.
        """
        rows = ratings_of(self._warehouse, self._run)
        calls = self._counts("email = $email", email=email)
        return trust_in_ratings(
            self._warehouse,
            self._run,
            rows[rows["email"] == email],
            None,
            personas=calls[PERSONA],
            calls=int(calls["calls"].sum()),
        )

    def population(self) -> Trust:
        """Return what a figure of the personas themselves rests on."""
        everyone = self._warehouse.personas_df()["user_id"].dropna()
        return trust_in_calls(self._warehouse, self._run, everyone, None)

    def treatment(self, found: Contrast) -> Trust:
        """Return what a figure of treatment against control rests on.

        Args:
            found: Treatment against control.
        """
        both = found.gaps.dropna(how="all").index
        ratings = self._warehouse.ratings_in_context(found.varied.run)
        rows = ratings[ratings["id"].isin(found.varied.ratings["id"])]
        rows = rows[rows[PERSONA].isin(both)]
        calls = found.varied.calls
        trust = trust_in_ratings(
            self._warehouse,
            found.varied.run,
            rows,
            noise_of_modules(rows),
            personas=both,
            calls=int(calls[PERSONA].isin(both).sum()),
        )
        return replace(trust, compared=True)

    def _calls(self, condition: str) -> Trust:
        calls = self._counts(condition)
        number = int(calls["calls"].sum())
        return trust_in_calls(self._warehouse, self._run, calls[PERSONA], number)

    def _counts(self, condition: str, **given: str) -> pd.DataFrame:
        """Return how many calls each persona made of those that meet a condition."""
        of_run = "true" if self._run is None else f"run = {self._run}"
        query = (
            "SELECT persona_id, count(*) AS calls FROM persona_actions"  # noqa: S608
            f" WHERE persona_id IS NOT NULL AND {of_run} AND {condition} GROUP BY persona_id"
        )
        return self._warehouse.typed(query, {PERSONA: "text", "calls": "integer"}, **given)
