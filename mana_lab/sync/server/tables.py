"""The change log's table, with a commit-ordered cursor in front."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from mana_lab.storage import UtcDateTime, owned_by

METADATA = MetaData(info={"schema": "sync", "migrations": Path(__file__).parent / "migrations"})
"""The tables of the sync service's store."""

sync_changes = Table(
    "sync_changes",
    METADATA,
    # Drawn from sync_head.
    Column(
        "seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("id", String(36), nullable=False),
    Column("app_id", String, nullable=False),
    Column("table_name", String, nullable=False),
    Column("record_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("op", String, nullable=False),
    Column("data", JSON(none_as_null=True)),
    Column("field_timestamps", JSON, nullable=False, default=dict),
    Column("client_id", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("schema_version", Integer, nullable=False, default=1),
    Column("actor", JSON(none_as_null=True)),
    Column("origin", String),
    Column("space_id", String, nullable=False),
    CheckConstraint("op IN ('insert', 'update', 'delete')", name="sync_changes_op"),
    CheckConstraint("user_id <> '' AND space_id <> ''", name="sync_changes_owner"),
    UniqueConstraint("user_id", "id", name="sync_changes_event"),
    Index("sync_changes_collection", "space_id", "app_id", "table_name", "seq"),
    Index("sync_changes_app", "space_id", "app_id", "seq"),
    Index("sync_changes_record", "table_name", "record_id", "created_at"),
    sqlite_autoincrement=True,
    info=owned_by("user_id", readable_in="space_id"),
)
"""Every change that was ever pushed, in the order of its commit; ``id`` is the event id."""

sync_head = Table(
    "sync_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("written_at", UtcDateTime),
    CheckConstraint("id = 1", name="sync_head_one"),
)
"""One row: the number of the last change, and when it was stored.

Whoever appends holds the row until the commit, in whatever process, so a smaller number is never
committed after a greater one; and none is given twice, whatever is removed.
"""

sync_spent = Table(
    "sync_spent",
    METADATA,
    Column("jti", String, primary_key=True),
    Column("ends_at", UtcDateTime, nullable=False),
    Index("sync_spent_end", "ends_at"),
)
"""The tokens for one push that were used, until nobody would take them any more."""
