"""Shards of runs and how they ended; how many requests a provider takes of all processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables, and count the requests that are under way."""
    held = sa.Column("held_requests", sa.Integer(), nullable=False, server_default="0")
    op.add_column("ticks", held)
    op.create_table(
        "shards",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'failed', 'stopped')", name="shards_status"
        ),
        sa.CheckConstraint("number >= 1", name="shards_number"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_table(
        "flows",
        sa.Column("provider", sa.String(length=128), nullable=False),
        sa.Column("most_at_once", sa.Double(), nullable=False),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.CheckConstraint("most_at_once >= 1", name="flows_most"),
        sa.PrimaryKeyConstraint("provider"),
    )
    op.create_table(
        "flow_users",
        sa.Column("provider", sa.String(length=128), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["flows.provider"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("provider", "holder"),
    )
