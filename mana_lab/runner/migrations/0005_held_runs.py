"""Which runs have a runner that lives, and whose app is on tape."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; runs that are known of were recorded where anything was noted of them."""
    op.add_column("runs", sa.Column("held_until", UtcDateTime(), nullable=True))
    op.add_column(
        "runs", sa.Column("app_on_tape", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE runs SET app_on_tape = true WHERE recording IS NOT NULL")


def downgrade() -> None:
    """Remove both again."""
    op.drop_column("runs", "app_on_tape")
    op.drop_column("runs", "held_until")
