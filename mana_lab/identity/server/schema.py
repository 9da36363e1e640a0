"""The tables of the identity service, named as in Mana's own ``auth`` schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from mana_lab.errors import ErrorKind
from mana_lab.identity.wire import (
    Cadence,
    InvitationStatus,
    Kind,
    PolicyAction,
    Role,
    SpaceRole,
    Tier,
)
from mana_lab.storage import UtcDateTime, owned_by

METADATA = MetaData(
    info={"schema": "auth", "migrations": Path(__file__).parent / "migrations"},
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    },
)


def _one_of(column: str, values: Sequence[str]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def _owner(column: str = "user_id", **options: Any) -> Column[str]:
    return Column(
        column, String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, **options
    )


def _space(column: str = "organization_id", **options: Any) -> Column[str]:
    return Column(
        column,
        String,
        ForeignKey("organizations.id", ondelete="CASCADE"),
        nullable=False,
        **options,
    )


def _persona() -> Column[str]:
    return Column(
        "persona_id",
        String,
        ForeignKey("personas.user_id", ondelete="CASCADE"),
        nullable=False,
    )


USERS = Table(
    "users",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False, unique=True),
    Column("email_verified", Boolean, nullable=False, default=False),
    Column("role", String, nullable=False, default="user"),
    Column("access_tier", String, nullable=False, default="public"),
    Column("kind", String, nullable=False, default="human"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    _one_of("role", get_args(Role)),
    _one_of("access_tier", get_args(Tier)),
    _one_of("kind", get_args(Kind)),
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", String, primary_key=True),
    _owner(),
    Column("account_id", String, nullable=False),
    Column("provider_id", String, nullable=False),
    Column("password", String),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "provider_id"),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", String, primary_key=True),
    _owner(index=True),
    Column("token_hash", String, nullable=False, unique=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

LOGIN_ATTEMPTS = Table(
    "login_attempts",
    METADATA,
    Column("address_hash", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False, index=True),
    Column("locked_until", UtcDateTime),
    CheckConstraint("failures >= 0", name="failures"),
)

SIGNUP_DAYS = Table(
    "signup_days",
    METADATA,
    Column("day", String(10), primary_key=True),
    Column("signups", Integer, nullable=False),
    CheckConstraint("signups >= 0", name="signups"),
)

JWKS = Table(
    "jwks",
    METADATA,
    Column("id", String, primary_key=True),
    Column("wrapped_key", String, nullable=False),
    Column("wrap_iv", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

ORGANIZATIONS = Table(
    "organizations",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("slug", String, nullable=False, unique=True),
    Column("logo", String),
    Column("metadata", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

MEMBERS = Table(
    "members",
    METADATA,
    Column("id", String, primary_key=True),
    _space(),
    _owner(index=True),
    Column("role", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("organization_id", "user_id"),
    _one_of("role", get_args(SpaceRole)),
)

INVITATIONS = Table(
    "invitations",
    METADATA,
    Column("id", String, primary_key=True),
    _space(index=True),
    Column("email", String, nullable=False, index=True),
    Column("role", String, nullable=False),
    Column("status", String, nullable=False),
    _owner("inviter_id", index=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    _one_of("role", get_args(SpaceRole)),
    _one_of("status", get_args(InvitationStatus)),
    Index(
        "uq_invitations_pending",
        "organization_id",
        "email",
        unique=True,
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
)

SPACE_POLICIES = Table(
    "space_policy_preferences",
    METADATA,
    _space("space_id", primary_key=True),
    Column("allow_destructive", JSON, nullable=False),
    Column("schema_version", Integer, nullable=False, default=1),
    Column("updated_by", String, ForeignKey("users.id", ondelete="SET NULL")),
    Column("updated_at", UtcDateTime, nullable=False),
)

SPACE_POLICY_AUDIT = Table(
    "space_policy_audit",
    METADATA,
    Column("id", String, primary_key=True),
    _space("space_id"),
    Column("seq", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("tool_name", String, nullable=False),
    Column("actor", String, ForeignKey("users.id", ondelete="SET NULL")),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("space_id", "seq"),
    _one_of("action", get_args(PolicyAction)),
)

PERSONAS = Table(
    "personas",
    METADATA,
    _owner(primary_key=True),
    Column("archetype", String, nullable=False, index=True),
    Column("system_prompt", Text, nullable=False),
    Column("module_mix", JSON, nullable=False),
    Column("tick_cadence", String, nullable=False, default="daily"),
    Column("language", String),
    Column("timezone", String),
    Column("traits", JSON(none_as_null=True)),
    Column("last_active_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    _one_of("tick_cadence", get_args(Cadence)),
)

PERSONA_ACTIONS = Table(
    "persona_actions",
    METADATA,
    Column("id", String(255), primary_key=True),
    _persona(),
    Column("tick_id", String, nullable=False),
    Column("run_id", String),
    Column("seq", Integer, nullable=False),
    Column("tool_name", String, nullable=False),
    Column("tool_hash", String(64)),
    Column("module", String),
    Column("input_hash", String),
    Column("result", String, nullable=False),
    Column("error_kind", String),
    Column("error_code", String),
    Column("error_message", Text),
    Column("latency_ms", Float),
    Column("shown", Integer),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "persona_id", "occurred_at"),
    Index(None, "tick_id"),
    Index(None, "run_id", "created_at"),
    _one_of("result", ("ok", "error")),
    _one_of("error_kind", get_args(ErrorKind)),
    CheckConstraint("seq >= 0", name="seq"),
    CheckConstraint("latency_ms >= 0", name="latency"),
    CheckConstraint("shown >= 0", name="shown"),
)

PERSONA_FEEDBACK = Table(
    "persona_feedback",
    METADATA,
    Column("id", String(255), primary_key=True),
    _persona(),
    Column("tick_id", String, nullable=False),
    Column("run_id", String),
    Column("module", String, nullable=False),
    Column("rating", SmallInteger, nullable=False),
    Column("notes", Text),
    Column("evidence", JSON, nullable=False),
    Column("brain", String),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "module", "occurred_at"),
    Index(None, "persona_id", "occurred_at"),
    Index(None, "run_id", "created_at"),
    CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
)

VAULTS = Table(
    "encryption_vaults",
    METADATA,
    _owner(primary_key=True),
    Column("wrapped_mk", String),
    Column("wrap_iv", String),
    Column("format_version", SmallInteger, nullable=False, default=1),
    Column("kek_id", String, nullable=False, default="env-v1"),
    Column("recovery_wrapped_mk", String),
    Column("recovery_iv", String),
    Column("recovery_format_version", SmallInteger, nullable=False, default=1),
    Column("recovery_set_at", UtcDateTime),
    Column("zero_knowledge", Boolean, nullable=False, default=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("rotated_at", UtcDateTime),
    CheckConstraint("wrapped_mk IS NOT NULL OR recovery_wrapped_mk IS NOT NULL", name="has_wrap"),
    CheckConstraint("(wrapped_mk IS NULL) = (wrap_iv IS NULL)", name="wrap_iv_pair"),
    CheckConstraint(
        "(recovery_wrapped_mk IS NULL) = (recovery_iv IS NULL)", name="recovery_iv_pair"
    ),
    CheckConstraint(
        "NOT zero_knowledge OR (wrapped_mk IS NULL AND recovery_wrapped_mk IS NOT NULL)",
        name="zk_consistency",
    ),
    info=owned_by("user_id"),
)

VAULT_KEYS = Table(
    "encryption_vault_keys",
    METADATA,
    _owner(primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("verifier", String(44), nullable=False),
    Column("wrapped_mk", String),
    Column("wrap_iv", String),
    Column("kek_id", String, nullable=False, default="env-v1"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
    CheckConstraint("(wrapped_mk IS NULL) = (wrap_iv IS NULL)", name="wrap_iv_pair"),
    CheckConstraint("(wrapped_mk IS NULL) = (retired_at IS NULL)", name="retired_wrap"),
    info=owned_by("user_id"),
)
"""A row for every key of a vault that is in use: for the current one, whose wrap lies in the vault
itself, by what a proof of it is recognised; for earlier ones also their wrap."""

VAULT_AUDIT = Table(
    "encryption_vault_audit",
    METADATA,
    Column("id", String, primary_key=True),
    _owner(index=True),
    Column("action", String, nullable=False),
    Column("ip_address", String),
    Column("user_agent", String),
    Column("context", String),
    Column("status", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    info=owned_by("user_id"),
)
