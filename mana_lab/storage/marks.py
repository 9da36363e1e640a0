"""Marks: what tells whether a commit happened that PostgreSQL did not answer.

A transaction's own id does not: after a crash the server may give it to another transaction. So
each writer has a row that every transaction of its own moves on; when the answer to a commit is
lost, the row says whether it happened.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

WRITERS = Table(
    "store_writers",
    MetaData(),
    Column("id", String(36), primary_key=True),
    Column("mark", BigInteger, nullable=False),
    Column("moved_at", DateTime(timezone=True), nullable=False),
)
"""A row for every writer that is at work, or was within :data:`_KEPT`."""

_KEPT = timedelta(days=30)
_FIRST = insert(WRITERS).values(id=bindparam("writer"), mark=0, moved_at=func.now())
_MOVE = _FIRST.on_conflict_do_update(
    index_elements=[WRITERS.c.id], set_={"mark": WRITERS.c.mark + 1, "moved_at": func.now()}
).returning(WRITERS.c.mark)
_LAST = select(WRITERS.c.mark).where(WRITERS.c.id == bindparam("writer")).with_for_update()


def ensure(connection: Connection) -> None:
    """Make the table where it is missing."""
    WRITERS.create(connection, checkfirst=True)


def enter(connection: Connection, writer: str) -> None:
    """Give a writer its row, and remove those of writers that are long gone."""
    connection.execute(delete(WRITERS).where(WRITERS.c.moved_at < func.now() - _KEPT))
    connection.execute(_FIRST, {"writer": writer})


def move(connection: Connection, writer: str) -> int:
    """Move a writer's row on, and return where it is if the transaction is committed."""
    return int(connection.scalar(_MOVE, {"writer": writer}) or 0)


def reached(connection: Connection, writer: str, mark: int) -> bool:
    """Return whether the transaction with that mark was committed; waits for one that goes on."""
    return int(connection.scalar(_LAST, {"writer": writer}) or 0) >= mark
