"""States: what tells, without reading all rows, that rows have come, gone or changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, Select, TableClause, func, select

from mana_lab.analysis import tables


@dataclass(frozen=True)
class States:
    """What is another one when the rows are others, as text.

    Attributes:
        personas: Of all personas.
        runs: Of each run with its ticks, by its id.
        calls: Of the calls of each run; those by hand under None.
        ratings: Of the ratings of each run.
    """

    personas: str
    runs: Mapping[str, str]
    calls: Mapping[str | None, str]
    ratings: Mapping[str | None, str]

    @classmethod
    def read(cls, identity: Engine, ledger: Engine) -> States:
        """Return how the two databases stand now."""
        return cls(
            _personas(identity),
            _runs(ledger),
            _extents(identity, tables.ACTIONS),
            _extents(identity, tables.FEEDBACK),
        )

    @property
    def size(self) -> int:
        """How many calls there are."""
        return sum(int(state.partition(" ")[0]) for state in self.calls.values())

    def of_run(self, run: str) -> str:
        """Return what is another one when anything that is shown of a run is."""
        of = (self.personas, self.runs[run], self.calls.get(run), self.ratings.get(run))
        return "\n".join(map(str, of))

    def without_run(self) -> list[str]:
        """Return the ids that calls or ratings name, and no run has."""
        named = {*self.calls, *self.ratings} - {None, *self.runs}
        return sorted(map(str, named))


def pulse(identity: Engine, ledger: Engine) -> object:
    """Return what is another one when a row has come, gone or changed; it takes little time.

    Calls and ratings never change, and go with their persona only, so that their number tells.

    Args:
        identity: The database of the identity service.
        ledger: The database of the ledger.
    """
    ticks = tables.TICKS.c
    moved = select(ticks.status, func.count(), func.sum(ticks.attempt)).group_by(ticks.status)
    used = select(func.sum(ticks.requests), func.sum(ticks.input_tokens + ticks.output_tokens))
    return (
        _personas(identity),
        _all(ledger, select(*tables.RUNS.c).order_by(tables.RUNS.c.id)),
        _all(ledger, moved.order_by(ticks.status)),
        _all(ledger, used.where(ticks.status.in_(("running", "waiting")))),
        *(
            _all(identity, select(func.count()).select_from(table))
            for table in (tables.ACTIONS, tables.FEEDBACK)
        ),
    )


def _personas(identity: Engine) -> str:
    users, personas = tables.USERS, tables.PERSONAS
    joined = personas.join(users, users.c.id == personas.c.user_id)
    query = select(users.c.name, users.c.email, *personas.c).select_from(joined)
    return "\n".join(map(repr, _all(identity, query.order_by(personas.c.user_id))))


def _runs(ledger: Engine) -> dict[str, str]:
    ticks = tables.TICKS.c
    moved = select(
        ticks.run_id,
        ticks.status,
        func.count(),
        func.sum(ticks.attempt),
        func.sum(ticks.requests),
        func.sum(ticks.input_tokens + ticks.output_tokens),
    )
    moved = moved.group_by(ticks.run_id, ticks.status).order_by(ticks.run_id, ticks.status)
    found = {row.id: [repr(row)] for row in _all(ledger, select(*tables.RUNS.c))}
    for row in _all(ledger, moved):
        found[row.run_id].append(repr(row))
    return {run: "\n".join(lines) for run, lines in found.items()}


def _extents(engine: Engine, table: TableClause) -> dict[str | None, str]:
    """Return how many rows there are of each run, and when the last came: they never change."""
    of = table.c
    query = select(of.run_id, func.count(), func.max(of.created_at)).group_by(of.run_id)
    return {run: f"{count} {last}" for run, count, last in _all(engine, query)}


def _all(engine: Engine, query: Select[*tuple[Any, ...]]) -> list[Row[*tuple[Any, ...]]]:
    with engine.connect() as connection:
        return list(connection.execute(query).all())
