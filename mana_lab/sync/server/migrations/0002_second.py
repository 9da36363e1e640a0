"""What kind of actor a change came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and columns."""
    op.add_column("sync_changes", sa.Column("origin", sa.String(), nullable=True))


def downgrade() -> None:
    """Remove them again."""
    op.drop_column("sync_changes", "origin")
