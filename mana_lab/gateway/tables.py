"""The tables of the gateway: what was attempted, what was answered under a key, what was agreed to.

Nothing in them can be read as what somebody asked or was told: arguments are there as keyed
digests, answers are sealed.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Float,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from mana_lab.storage import UtcDateTime

METADATA = MetaData(info={"schema": "gateway", "migrations": Path(__file__).parent / "migrations"})

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("principal", String(128), nullable=False),
    Column("space_id", String(255), nullable=False),
    Column("tool", String(128), nullable=False),
    Column("tool_hash", String(64)),
    Column("input_hmac", String(64), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("error_code", String(64)),
    Column("latency_ms", Float),
    Column("trace_id", String(32), nullable=False),
    CheckConstraint("decision IN ('allow', 'flagged', 'deny')", name="attempts_decision"),
    CheckConstraint(
        "outcome IN ('begun', 'success', 'failed', 'invalid', 'denied', 'asked', 'cancelled')",
        name="attempts_outcome",
    ),
    Index("attempts_principal_idx", "principal", "occurred_at"),
)
"""A row an attempt. ``begun`` stays where the process died before it knew how the call ended."""

ANSWERS = Table(
    "keyed_answers",
    METADATA,
    Column("user_id", String(128), nullable=False),
    Column("key_digest", String(64), nullable=False),
    Column("call_hmac", String(64), nullable=False),
    Column("acts_at", UtcDateTime, nullable=False),
    Column("holder", String(36)),
    Column("held_until", UtcDateTime),
    Column("sealed_answer", Text),
    PrimaryKeyConstraint("user_id", "key_digest"),
    Index("keyed_answers_age_idx", "acts_at"),
)
"""A row a call that carries an idempotency key; without an answer it is still to be done."""

CONSENTS = Table(
    "used_consents",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("user_id", String(128), nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
)
"""The confirmations that were used, until they would have ended anyway."""

WINDOWS = Table(
    "rate_windows",
    METADATA,
    Column("user_id", String(128), nullable=False),
    Column("tool", String(128), nullable=False),
    Column("hits", JSON, nullable=False),
    PrimaryKeyConstraint("user_id", "tool"),
)
"""When a user called a tool in the last minute, where several processes count it together."""
