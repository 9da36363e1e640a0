"""The tables of the gateway in the first release that has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("space_id", sa.String(length=255), nullable=False),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("tool_hash", sa.String(length=64), nullable=True),
        sa.Column("input_hmac", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=True),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.CheckConstraint("decision IN ('allow', 'flagged', 'deny')", name="attempts_decision"),
        sa.CheckConstraint(
            "outcome IN ('begun', 'success', 'failed', 'invalid', 'denied', 'asked', 'cancelled')",
            name="attempts_outcome",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "attempts_principal_idx", "attempts", ["principal", "occurred_at"], unique=False
    )
    op.create_table(
        "keyed_answers",
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("call_hmac", sa.String(length=64), nullable=False),
        sa.Column("acts_at", UtcDateTime(), nullable=False),
        sa.Column("holder", sa.String(length=36), nullable=True),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.Column("sealed_answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", "key_digest"),
    )
    op.create_index("keyed_answers_age_idx", "keyed_answers", ["acts_at"], unique=False)
    op.create_table(
        "rate_windows",
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("hits", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "tool"),
    )
    op.create_table(
        "used_consents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
