"""Shards in the ledger: which parts of a run have ended, and when the whole of it has."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from mana_lab.errors import NotFoundError
from mana_lab.runner.ledger_tables import RUNS, SHARDS
from mana_lab.runner.run import RunStatus

_WORST_FIRST: tuple[RunStatus, ...] = ("running", "failed", "stopped", "done")
"""A run is in the first of these states that one of its shards is in."""


def begin_shards(connection: Connection, run: str, count: int) -> None:
    """Note that a run is lived in so many parts; parts of an earlier cut are forgotten."""
    connection.execute(delete(SHARDS).where(SHARDS.c.run_id == run))
    connection.execute(
        insert(SHARDS),
        [{"run_id": run, "number": each + 1, "status": "running"} for each in range(count)],
    )


def end_shard(
    connection: Connection, run: str, number: int, status: RunStatus, reason: str | None
) -> None:
    """Note how a part ended; with the last one the run ends too.

    A part that has been lived to its end stays so, whoever else was at it.
    """
    own = (SHARDS.c.run_id == run, SHARDS.c.number == number, SHARDS.c.status != "done")
    whole = select(RUNS.c.ends_at).where(RUNS.c.id == run)
    ends_at = connection.execute(whole.with_for_update()).scalar_one()  # one shard at a time
    connection.execute(update(SHARDS).where(*own).values(status=status, reason=reason))
    query = select(SHARDS.c.status, SHARDS.c.reason).where(SHARDS.c.run_id == run)
    states: dict[RunStatus, str | None] = {
        row.status: row.reason for row in connection.execute(query.order_by(SHARDS.c.number))
    }
    of_all = next((each for each in _WORST_FIRST if each in states), status)
    if of_all != "running":
        values = {"status": of_all, "reason": states.get(of_all, reason)}
        reached = {"reached_at": ends_at} if of_all == "done" else {}
        connection.execute(update(RUNS).where(RUNS.c.id == run).values(**values, **reached))


def check_shard(connection: Connection, run: str, number: int, of: int) -> None:
    """Check that a part is one of those that the run was cut into last.

    Raises:
        NotFoundError: It is not.
    """
    count = connection.scalar(select(func.count()).where(SHARDS.c.run_id == run)) or 0
    if count != of or not 1 <= number <= count:
        raise NotFoundError(
            f"shard {number} of {of} is none of this run, which was cut into {count}; take the "
            "files of its last cut"
        )


def runs_in_shards(connection: Connection) -> list[str]:
    """Return the ids of runs that are under way and have parts which have not been lived."""
    left = select(SHARDS.c.run_id).where(SHARDS.c.status != "done")
    query = select(RUNS.c.id).where(RUNS.c.status == "running", RUNS.c.id.in_(left))
    return list(connection.scalars(query.order_by(RUNS.c.ordinal)))
