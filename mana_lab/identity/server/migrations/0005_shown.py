"""How many things the answer to a call listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("persona_actions") as table:
        table.add_column(sa.Column("shown", sa.Integer(), nullable=True))
        table.create_check_constraint(op.f("ck_persona_actions_shown"), "shown >= 0")


def downgrade() -> None:
    """Remove it again."""
    with op.batch_alter_table("persona_actions") as table:
        table.drop_constraint(op.f("ck_persona_actions_shown"), type_="check")
        table.drop_column("shown")
