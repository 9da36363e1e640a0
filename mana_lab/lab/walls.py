"""The wall behind the wall: what a query finds that forgets to ask whose records it reads.

The sync service's own queries name the spaces that somebody may read. On PostgreSQL row-level
security holds them to it; here it is asked alone.
"""

from __future__ import annotations

from sqlalchemy import select

from mana_lab.storage import RowScope, Store
from mana_lab.sync import server as sync_server

_EVERYBODYS = select(sync_server.METADATA.tables["sync_changes"].c.user_id).distinct()


async def owners_found(sync: Store, scope: RowScope | None) -> set[str]:
    """Return the ids of those whose changes the query finds when it is run for *scope*.

    Args:
        sync: The sync service's database.
        scope: On whose behalf; None stands for nobody's.
    """
    found = await sync.read(lambda opened: opened.scalars(_EVERYBODYS).all(), scope=scope)
    return set(found)
