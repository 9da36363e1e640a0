"""Numbering: the places of changes in the log, in the order of their commit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from mana_lab.sync.server.tables import sync_head


def draw(connection: Connection, count: int, now: datetime) -> range:
    """Give out the next *count* places; nobody else gets one before the transaction ends."""
    moved = connection.execute(_DRAW[connection.dialect.name], {"count": count, "now": now})
    last = int(moved.scalar_one())
    return range(last - count + 1, last + 1)


def _moving(dialect: Any) -> Any:
    """Return the statement that moves the end of the log and says where it is then."""
    first = dialect.insert(sync_head).values(
        id=1, seq=bindparam("count"), written_at=bindparam("now")
    )
    later = {"seq": sync_head.c.seq + first.excluded.seq, "written_at": first.excluded.written_at}
    return first.on_conflict_do_update(index_elements=[sync_head.c.id], set_=later).returning(
        sync_head.c.seq
    )


# Built once: building a statement takes longer than running it.
_DRAW = {"postgresql": _moving(postgresql), "sqlite": _moving(sqlite)}
