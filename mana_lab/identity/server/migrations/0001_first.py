"""The tables of the identity service in the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "jwks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.String(), nullable=False),
        sa.Column("wrap_iv", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jwks")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("logo", sa.String(), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("slug", name=op.f("uq_organizations_slug")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("access_tier", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "access_tier IN ('guest', 'public', 'beta', 'alpha', 'founder')",
            name=op.f("ck_users_access_tier"),
        ),
        sa.CheckConstraint("kind IN ('human', 'persona', 'system')", name=op.f("ck_users_kind")),
        sa.CheckConstraint("role IN ('user', 'admin', 'service')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_accounts_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("user_id", "provider_id", name=op.f("uq_accounts_user_id_provider_id")),
    )
    op.create_table(
        "encryption_vault_audit",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("ip_address", sa.String(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.Column("context", sa.String(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_encryption_vault_audit_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encryption_vault_audit")),
    )
    op.create_index(
        op.f("ix_encryption_vault_audit_user_id"),
        "encryption_vault_audit",
        ["user_id"],
        unique=False,
    )
    op.create_table(
        "encryption_vaults",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("wrapped_mk", sa.String(), nullable=True),
        sa.Column("wrap_iv", sa.String(), nullable=True),
        sa.Column("format_version", sa.SmallInteger(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("recovery_wrapped_mk", sa.String(), nullable=True),
        sa.Column("recovery_iv", sa.String(), nullable=True),
        sa.Column("recovery_format_version", sa.SmallInteger(), nullable=False),
        sa.Column("recovery_set_at", UtcDateTime(), nullable=True),
        sa.Column("zero_knowledge", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("rotated_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(recovery_wrapped_mk IS NULL) = (recovery_iv IS NULL)",
            name=op.f("ck_encryption_vaults_recovery_iv_pair"),
        ),
        sa.CheckConstraint(
            "(wrapped_mk IS NULL) = (wrap_iv IS NULL)",
            name=op.f("ck_encryption_vaults_wrap_iv_pair"),
        ),
        sa.CheckConstraint(
            "NOT zero_knowledge OR (wrapped_mk IS NULL AND recovery_wrapped_mk IS NOT NULL)",
            name=op.f("ck_encryption_vaults_zk_consistency"),
        ),
        sa.CheckConstraint(
            "wrapped_mk IS NOT NULL OR recovery_wrapped_mk IS NOT NULL",
            name=op.f("ck_encryption_vaults_has_wrap"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_encryption_vaults_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_encryption_vaults")),
    )
    op.create_table(
        "members",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('owner', 'admin', 'member')", name=op.f("ck_members_role")),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_members_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_members_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint(
            "organization_id", "user_id", name=op.f("uq_members_organization_id_user_id")
        ),
    )
    op.create_index(op.f("ix_members_user_id"), "members", ["user_id"], unique=False)
    op.create_table(
        "personas",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("archetype", sa.String(), nullable=False),
        sa.Column("system_prompt", sa.Text(), nullable=False),
        sa.Column("module_mix", sa.JSON(), nullable=False),
        sa.Column("tick_cadence", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("last_active_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "tick_cadence IN ('hourly', 'daily', 'weekdays')", name=op.f("ck_personas_tick_cadence")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_personas_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_personas")),
    )
    op.create_index(op.f("ix_personas_archetype"), "personas", ["archetype"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "persona_actions",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("persona_id", sa.String(), nullable=False),
        sa.Column("tick_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("tool_name", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=True),
        sa.Column("input_hash", sa.String(), nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("error_kind", sa.String(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "error_kind IN ('invalid-input', 'refused', 'not-found', 'conflict', 'infrastructure')",
            name=op.f("ck_persona_actions_error_kind"),
        ),
        sa.CheckConstraint("result IN ('ok', 'error')", name=op.f("ck_persona_actions_result")),
        sa.CheckConstraint("latency_ms >= 0", name=op.f("ck_persona_actions_latency")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_persona_actions_seq")),
        sa.ForeignKeyConstraint(
            ["persona_id"],
            ["personas.user_id"],
            name=op.f("fk_persona_actions_persona_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persona_actions")),
    )
    op.create_index(
        op.f("ix_persona_actions_persona_id_occurred_at"),
        "persona_actions",
        ["persona_id", "occurred_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_persona_actions_tick_id"), "persona_actions", ["tick_id"], unique=False
    )
    op.create_table(
        "persona_feedback",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("persona_id", sa.String(), nullable=False),
        sa.Column("tick_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("brain", sa.String(), nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_persona_feedback_rating")),
        sa.ForeignKeyConstraint(
            ["persona_id"],
            ["personas.user_id"],
            name=op.f("fk_persona_feedback_persona_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persona_feedback")),
    )
    op.create_index(
        op.f("ix_persona_feedback_module_occurred_at"),
        "persona_feedback",
        ["module", "occurred_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_persona_feedback_persona_id_occurred_at"),
        "persona_feedback",
        ["persona_id", "occurred_at"],
        unique=False,
    )


def downgrade() -> None:
    """Remove the tables."""
    for name in (
        "persona_feedback",
        "persona_actions",
        "sessions",
        "personas",
        "members",
        "encryption_vaults",
        "encryption_vault_audit",
        "accounts",
        "users",
        "organizations",
        "jwks",
    ):
        op.drop_table(name)
