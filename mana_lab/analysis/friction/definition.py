"""Definitions: what friction is, as SQL that is written once and read as a view and as a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mana_lab.analysis.columns import Columns, Kind

WHO_FIELDS: Final[Mapping[str, tuple[Kind, str]]] = {
    "persona": ("text", "The persona's name."),
    "email": ("text", "Their address, which no other persona has."),
    "archetype": ("text", "What kind of person they are."),
}
"""The columns that say whose a row is."""

_RUN: Final = "The how-manieth run of the lab, from 1; missing for calls by hand."


@dataclass(frozen=True)
class Scope:
    """Which calls a query is about, and by what its rows are told apart.

    Attributes:
        keys: Columns that come first and that rows are grouped by, such as ``run``; *labs* are
            among them.
        where: The condition on ``persona_actions`` and on ``ticks``.
        labs: ``("lab",)`` where the views hold several labs, whose ids may be the same.
        offered: The tools on offer, with ``tool_name``, ``module`` and *labs*.
        reads: The condition on ``tool_name`` that a tool only reads.
    """

    keys: tuple[str, ...] = ()
    where: str = "true"
    labs: tuple[str, ...] = ()
    offered: str = ""
    reads: str = "true"

    @property
    def calls(self) -> str:
        """The calls, as a relation."""
        return f"(SELECT * FROM persona_actions WHERE {self.where})"  # noqa: S608

    def by(self, alias: str = "") -> str:
        """Return the keys to select or group by, a comma behind each."""
        return _listed(self.keys, alias)

    def of_lab(self, alias: str = "") -> str:
        """Return the columns of the lab, a comma behind each."""
        return _listed(self.labs, alias)

    def same_lab(self, one: str, other: str) -> str:
        """Return the rest of a condition, that two rows are of one lab."""
        return "".join(f" AND {one}.{lab} = {other}.{lab}" for lab in self.labs)

    def same_tick(self, one: str, other: str) -> str:
        """Return the condition that two calls are of one tick."""
        tick = f"{one}.tick_id = {other}.tick_id AND {one}.persona_id = {other}.persona_id"
        return tick + self.same_lab(one, other)

    @property
    def tick(self) -> str:
        """What is the same for the calls of a tick, and in practice for no others.

        It is a number of 64 bits: windows over it take a third of the time of windows over ids, and
        among a million ticks two have the same one in 1 of 37 million labs.
        """
        return f"hash({self.of_lab()}persona_id, tick_id)"

    def same(self, one: str, other: str) -> str:
        """Return the rest of a condition, that two rows have the same keys."""
        return "".join(f" AND {one}.{key} IS NOT DISTINCT FROM {other}.{key}" for key in self.keys)

    def named(self, rows: str) -> str:
        """Return *rows* with :data:`WHO_FIELDS`, which are too long to be grouped by.

        Args:
            rows: SQL of rows with ``persona_id`` and the keys.
        """
        return (
            f"SELECT c.*, {', '.join(f'w.{name}' for name in WHO_FIELDS)} FROM ({rows}) c"  # noqa: S608
            f" LEFT JOIN personas w ON w.user_id = c.persona_id{self.same_lab('w', 'c')}"
        )


def _listed(names: tuple[str, ...], alias: str) -> str:
    prefix = f"{alias}." if alias else ""
    return "".join(f"{prefix}{name}, " for name in names)


@dataclass(frozen=True)
class Definition:
    """One question about friction.

    Attributes:
        name: That of its view.
        fields: What each column holds and means, in their order, after the keys.
        query: The SQL by its scope; it gives the keys and the fields.
        order: What the rows are sorted by, after the keys.
        grouped: Whether a row stands for many calls, so that the keys come first.
    """

    name: str
    fields: Mapping[str, tuple[Kind, str]]
    query: Callable[[Scope], str]
    order: str
    grouped: bool = True

    def columns(self, *keys: str) -> Columns:
        """Return the kinds of the columns, those of *keys* first."""
        first: Columns = {key: "integer" if key == "run" else "text" for key in keys}
        return {**first, **{name: kind for name, (kind, _) in self.fields.items()}}

    def described(self) -> tuple[Columns, dict[str, str]]:
        """Return the kinds of the columns of the view, and what they mean."""
        meanings = {name: meaning for name, (_, meaning) in self.fields.items()}
        if not self.grouped:
            return self.columns(), meanings
        return self.columns("run"), {"run": _RUN, **meanings}

    def sql(self, scope: Scope) -> str:
        """Return the query with its rows in order."""
        keys = scope.keys if self.grouped else scope.labs
        first = "".join(f"{key} NULLS LAST, " for key in keys)
        return f"{self.unordered(scope)} ORDER BY {first}{self.order}"

    def unordered(self, scope: Scope) -> str:
        """Return the query without an order of its rows."""
        keys = scope.keys if self.grouped else scope.labs
        return f"SELECT {', '.join(self.columns(*keys))} FROM ({self.query(scope)})"  # noqa: S608
