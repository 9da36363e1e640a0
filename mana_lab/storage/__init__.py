"""Stores: a database each, with one durable writer and many readers.

A database is a SQLite file, or a schema in PostgreSQL, where rows that belong to users are held to
the scope of the work by row-level security.
"""

from mana_lab.storage.scope import RowScope, owned_by
from mana_lab.storage.scratch import scratch_database
from mana_lab.storage.statements import insert_or_ignore
from mana_lab.storage.store import Store
from mana_lab.storage.types import UtcDateTime

__all__ = ["RowScope", "Store", "UtcDateTime", "insert_or_ignore", "owned_by", "scratch_database"]
