"""Which variant of the app a tick had, and what a run set out to vary."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("runs", sa.Column("design", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("ticks", sa.Column("variant", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Remove both again."""
    op.drop_column("ticks", "variant")
    op.drop_column("runs", "design")
