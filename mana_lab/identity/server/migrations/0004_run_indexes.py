"""Calls and ratings are found by their run."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = ("persona_actions", "persona_feedback")


def upgrade() -> None:
    """Add an index to each table."""
    for table in _TABLES:
        op.create_index(f"ix_{table}_run_id_created_at", table, ["run_id", "created_at"])


def downgrade() -> None:
    """Remove them again."""
    for table in _TABLES:
        op.drop_index(f"ix_{table}_run_id_created_at", table)
