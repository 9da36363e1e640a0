"""Lock-out, sign-up cap, keys of vaults, invitations, policies of spaces; versions of tools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and columns."""
    op.create_table(
        "login_attempts",
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", UtcDateTime(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_login_attempts_failures")),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_login_attempts")),
    )
    op.create_index(
        op.f("ix_login_attempts_failed_at"), "login_attempts", ["failed_at"], unique=False
    )
    op.create_table(
        "signup_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("signups", sa.Integer(), nullable=False),
        sa.CheckConstraint("signups >= 0", name=op.f("ck_signup_days_signups")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_signup_days")),
    )
    op.create_table(
        "encryption_vault_keys",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=44), nullable=False),
        sa.Column("wrapped_mk", sa.String(), nullable=True),
        sa.Column("wrap_iv", sa.String(), nullable=True),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(wrapped_mk IS NULL) = (retired_at IS NULL)",
            name=op.f("ck_encryption_vault_keys_retired_wrap"),
        ),
        sa.CheckConstraint(
            "(wrapped_mk IS NULL) = (wrap_iv IS NULL)",
            name=op.f("ck_encryption_vault_keys_wrap_iv_pair"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_encryption_vault_keys_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "key_id", name=op.f("pk_encryption_vault_keys")),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("inviter_id", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "role IN ('owner', 'admin', 'member')", name=op.f("ck_invitations_role")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'accepted', 'rejected', 'canceled')",
            name=op.f("ck_invitations_status"),
        ),
        sa.ForeignKeyConstraint(
            ["inviter_id"], ["users.id"], name=op.f("fk_invitations_inviter_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_invitations_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    )
    op.create_index(op.f("ix_invitations_email"), "invitations", ["email"], unique=False)
    op.create_index(op.f("ix_invitations_inviter_id"), "invitations", ["inviter_id"], unique=False)
    op.create_index(
        op.f("ix_invitations_organization_id"), "invitations", ["organization_id"], unique=False
    )
    op.create_index(
        "uq_invitations_pending",
        "invitations",
        ["organization_id", "email"],
        unique=True,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "space_policy_audit",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("space_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("tool_name", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "action IN ('added', 'removed')", name=op.f("ck_space_policy_audit_action")
        ),
        sa.ForeignKeyConstraint(
            ["actor"], ["users.id"], name=op.f("fk_space_policy_audit_actor"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"],
            ["organizations.id"],
            name=op.f("fk_space_policy_audit_space_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space_policy_audit")),
        sa.UniqueConstraint("space_id", "seq", name=op.f("uq_space_policy_audit_space_id_seq")),
    )
    op.create_table(
        "space_policy_preferences",
        sa.Column("space_id", sa.String(), nullable=False),
        sa.Column("allow_destructive", sa.JSON(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"],
            ["organizations.id"],
            name=op.f("fk_space_policy_preferences_space_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["updated_by"],
            ["users.id"],
            name=op.f("fk_space_policy_preferences_updated_by"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_space_policy_preferences")),
    )
    op.add_column("persona_actions", sa.Column("tool_hash", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Remove them again."""
    op.drop_column("persona_actions", "tool_hash")
    for name in (
        "space_policy_preferences",
        "space_policy_audit",
        "invitations",
        "encryption_vault_keys",
        "signup_days",
        "login_attempts",
    ):
        op.drop_table(name)
