"""The end of the log in a row of its own, which those who append wait for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table, with the number that was given last."""
    head = op.create_table(
        "sync_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("id = 1", name="sync_head_one"),
        sa.PrimaryKeyConstraint("id"),
    )
    bind = op.get_bind()
    changes = sa.table("sync_changes", sa.column("seq"), sa.column("created_at", UtcDateTime()))
    last = bind.execute(
        sa.select(sa.func.max(changes.c.seq), sa.func.max(changes.c.created_at))
    ).one()
    given = max(last[0] or 0, _given(bind))
    if given:
        op.bulk_insert(head, [{"id": 1, "seq": given, "written_at": last[1]}])


def downgrade() -> None:
    """Remove it again."""
    op.drop_table("sync_head")


def _given(bind: sa.Connection) -> int:
    """Return the last number that the database itself gave, to a change that may be removed."""
    if bind.dialect.name == "sqlite":
        given = "SELECT seq FROM sqlite_sequence WHERE name = 'sync_changes'"
    else:
        given = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM sync_changes_seq_seq"
    return int(bind.scalar(sa.text(given)) or 0)
