"""The tables of the sync service in the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sync_changes",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("field_timestamps", sa.JSON(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("actor", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("space_id", sa.String(), nullable=False),
        sa.CheckConstraint("op IN ('insert', 'update', 'delete')", name="sync_changes_op"),
        sa.CheckConstraint("user_id <> '' AND space_id <> ''", name="sync_changes_owner"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("user_id", "id", name="sync_changes_event"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "sync_changes_collection",
        "sync_changes",
        ["space_id", "app_id", "table_name", "seq"],
        unique=False,
    )
    op.create_index(
        "sync_changes_record",
        "sync_changes",
        ["table_name", "record_id", "created_at"],
        unique=False,
    )


def downgrade() -> None:
    """Remove the tables."""
    for name in ("sync_changes",):
        op.drop_table(name)
