"""The basis: the rows of a run that findings are made of, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final

import pandas as pd

from mana_lab.analysis.findings.finding import MOST_IDS
from mana_lab.analysis.friction import DEFINITIONS, Friction
from mana_lab.analysis.friction.definition import Scope
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.analysis.trust import (
    Noise,
    Trust,
    trust_in_calls,
    trust_in_ratings,
    trust_of,
)
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.analysis.wording import counted, persona_labels

FEWEST: Final = 6
"""With fewer personas no test that flips their signs can reach that level."""
MOST: Final = 5
"""So many findings of one kind are told; a remark says how many more there are."""
_MOST_NAMES: Final = 4


class Basis:
    """What a run offers to those who look for findings.

    Args:
        warehouse: Where the rows come from.
        run: The run's number; None for all.
    """

    def __init__(self, warehouse: Warehouse, run: int | None) -> None:
        self.warehouse = warehouse
        self.run = run
        self.friction = Friction(warehouse)

    @property
    def argument(self) -> str:
        """The run as a cell writes it between the brackets of a call."""
        return "" if self.run is None else str(self.run)

    @cached_property
    def trust(self) -> Trust:
        """What the numbers of the run rest on."""
        return trust_of(self.warehouse, self.run)

    def trust_in_ratings(self, rows: pd.DataFrame, noise: Noise | None) -> Trust:
        """Return what a finding rests on that is made of some of the ratings.

        Args:
            rows: These ratings.
            noise: The noise floor of what it is about.
        """
        return trust_in_ratings(self.warehouse, self.run, rows, noise)

    def trust_in_calls(
        self, personas: Iterable[str], calls: int | None, noise: Noise | None = None
    ) -> Trust:
        """Return what a finding rests on that is made of calls, or of ticks.

        Args:
            personas: The addresses of those whose they are.
            calls: How many calls; None where it is made of something else.
            noise: The noise floor of what it is about, where that is known.
        """
        ids = self._ids.reindex(sorted(set(personas))).dropna()
        return trust_in_calls(self.warehouse, self.run, map(str, ids), calls, noise)

    @property
    def size(self) -> int:
        """How many calls there are."""
        query = f"SELECT count(*) AS calls FROM {self._scope.calls}"  # noqa: S608
        return int(self.warehouse.typed(query, {"calls": "integer"})["calls"].iloc[0])

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """The ratings in context."""
        return self.warehouse.ratings_in_context(self.run)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """The failed calls with what became of them."""
        return self._calls("failed")

    @cached_property
    def ticks(self) -> pd.DataFrame:
        """The ticks."""
        return self.warehouse.ticks_df(self.run)

    @cached_property
    def labels(self) -> dict[str, str]:
        """The name to show for each persona's e-mail address."""
        return persona_labels(self.warehouse.personas_df())

    @cached_property
    def _ids(self) -> pd.Series[str]:
        """The id of each persona by their address."""
        people = self.warehouse.personas_df()[["email", "user_id"]]
        took_part = self.ticks[["email", "persona_id"]].set_axis(people.columns, axis="columns")
        known = pd.concat([people, took_part]).dropna().drop_duplicates("email")
        return known.set_index("email")["user_id"]

    @cached_property
    def honest(self) -> pd.DataFrame:
        """The ratings without those of flagged raters; none where nobody is flagged."""
        flagged = self.trust.flagged_ids
        kept = self.ratings[~self.ratings[PERSONA].isin(flagged)]
        return kept if flagged else kept.iloc[:0]

    def names(self, emails: Iterable[str]) -> str:
        """Return the names of personas, sorted; of many only some, and how many more."""
        named = sorted(self.labels.get(email, email) for email in emails)
        more = len(named) - _MOST_NAMES
        if more > 1:
            named = [*named[:_MOST_NAMES], f"{more} more"]
        return ", ".join(named)

    def others(self, emails: Iterable[str], of: int, what: str) -> str:
        """Return the sentence that says for whom something is otherwise.

        Args:
            emails: The addresses of these personas.
            of: Of how many.
            what: What is otherwise for them, such as ``it is the other way round``.
        """
        them = sorted(set(emails))
        if not them:
            return f"None of {counted(of, 'persona')} speaks against it."
        return f"For {len(them)} of {counted(of, 'persona')} {what}: {self.names(them)}."

    def calls(self, where: str, **given: Any) -> tuple[tuple[str, ...], int]:
        """Return the ids of calls, the first ones of each persona first, and how many there are.

        Args:
            where: The condition on ``persona_actions``.
            given: Values for ``$name`` in it.
        """
        turn = "row_number() OVER (PARTITION BY persona_id ORDER BY occurred_at, seq, id)"
        query = (
            f"SELECT id, count(*) OVER () AS number FROM {self._scope.calls}"  # noqa: S608
            f" WHERE {where} ORDER BY {turn}, email, id LIMIT {MOST_IDS}"
        )
        found = self.warehouse.typed(query, {"id": "text", "number": "integer"}, **given)
        return tuple(found["id"]), int(found["number"].iloc[0]) if len(found) else 0

    def rated(self, claim: str) -> str:
        """Return a claim about ratings, marked where these are no opinions."""
        return f"{claim}; scripted ratings, no opinions" if self.trust.fixture else claim

    def _calls(self, where: str) -> pd.DataFrame:
        definition = DEFINITIONS["friction_calls"]
        query = f"SELECT * FROM ({definition.unordered(self._scope)}) WHERE {where}"  # noqa: S608
        ordered = f"{query} ORDER BY {definition.order}"
        return self.warehouse.typed(ordered, definition.columns(*self.warehouse.labs))

    @property
    def _scope(self) -> Scope:
        where = "true" if self.run is None else f"run = {self.run}"
        return Scope(keys=self.warehouse.labs, labs=self.warehouse.labs, where=where)


def only_most(found: int) -> str:
    """Return the rest of a remark, how many of the findings are told."""
    return f"; the {MOST} clearest are told" if found > MOST else ""


def too_few(number: int, what: str) -> str:
    """Return the rest of a remark, how many were not judged for want of personas.

    Args:
        number: So many.
        what: What one of them is, such as ``tool``.
    """
    return f"{counted(number, what)} of fewer than {FEWEST} personas not judged"


def ids_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the ids of ratings or calls, the first ones of each persona first.

    Args:
        rows: With ``id`` and ``email``, in their order.
    """
    return tuple(_in_turn(rows)["id"].head(MOST_IDS))


def cited_by(ratings: pd.DataFrame) -> tuple[tuple[str, ...], int]:
    """Return the ids of the calls that ratings cite, as for :func:`ids_of`, and how many."""
    cited = [call for calls in _in_turn(ratings)["evidence"] for call in calls]
    return tuple(cited[:MOST_IDS]), len(cited)


def _in_turn(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[rows.groupby("email").cumcount().argsort(kind="stable")]
