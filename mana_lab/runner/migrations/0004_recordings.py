"""What is recorded of a run, and the lists of tools that recordings speak of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("runs", sa.Column("recording", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "offers",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("tools", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )


def downgrade() -> None:
    """Remove both again."""
    op.drop_table("offers")
    op.drop_column("runs", "recording")
