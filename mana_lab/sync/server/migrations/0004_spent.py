"""The tokens for one push that were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "sync_spent",
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("jti"),
    )
    op.create_index("sync_spent_end", "sync_spent", ["ends_at"], unique=False)


def downgrade() -> None:
    """Remove it again."""
    op.drop_table("sync_spent")
