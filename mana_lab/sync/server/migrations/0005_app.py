"""What happened in an app since a place, found without a look at all that ever did."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the index."""
    op.create_index("sync_changes_app", "sync_changes", ["space_id", "app_id", "seq"])


def downgrade() -> None:
    """Remove it again."""
    op.drop_index("sync_changes_app", "sync_changes")
