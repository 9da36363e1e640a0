"""What sets personas apart from others of their archetype."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("personas", sa.Column("traits", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Remove it again."""
    op.drop_column("personas", "traits")
