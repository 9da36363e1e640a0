"""The tables of the ledger."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from mana_lab.storage import UtcDateTime

METADATA = MetaData(info={"schema": "lab", "migrations": Path(__file__).parent / "migrations"})

RUNS = Table(
    "runs",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("ordinal", Integer, nullable=False, unique=True),
    Column("seed", BigInteger, nullable=False),
    Column("brain", String(64), nullable=False),
    Column("model", String(128)),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("reached_at", UtcDateTime, nullable=False),
    Column("participants", JSON(none_as_null=True)),
    Column("status", String(16), nullable=False),
    Column("reason", Text),
    Column("recording", JSON(none_as_null=True)),
    Column(
        "app_on_tape",
        Boolean(create_constraint=False),
        nullable=False,
        default=False,
        server_default=false(),
    ),
    Column("held_until", UtcDateTime),
    Column("design", JSON(none_as_null=True)),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ('running', 'done', 'failed', 'stopped')", name="runs_status"),
    CheckConstraint("starts_at < ends_at", name="runs_order"),
)

TICKS = Table(
    "ticks",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("run_id", String(36), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("persona_email", String(320), nullable=False),
    Column("persona_id", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("scheduled_at", UtcDateTime, nullable=False),
    Column("due_since", String(32)),
    Column("status", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=1),
    Column("holder", String(64)),
    Column("held_until", UtcDateTime),
    Column("brain", String(64), nullable=False),
    Column("model", String(128)),
    Column("variant", String(64)),
    Column("prompt_hash", String(64)),
    Column("calls", Integer, nullable=False, default=0),
    Column("errors", Integer, nullable=False, default=0),
    Column("skipped_modules", JSON, nullable=False, default=dict),
    Column("requests", Integer, nullable=False, default=0),
    Column("input_tokens", BigInteger, nullable=False, default=0),
    Column("output_tokens", BigInteger, nullable=False, default=0),
    Column("cost_nano_usd", BigInteger, nullable=False, default=0),
    Column("held_requests", Integer, nullable=False, default=0, server_default="0"),
    Column("held_tokens", BigInteger, nullable=False, default=0),
    Column("held_nano_usd", BigInteger, nullable=False, default=0),
    Column("failed_step", String(16)),
    Column("error", Text),
    Column("kept", JSON(none_as_null=True)),
    Column("ended_at", UtcDateTime),
    CheckConstraint(
        "status IN ('waiting', 'running', 'done', 'failed', 'abandoned')", name="ticks_status"
    ),
    CheckConstraint(
        "(status = 'running') = (holder IS NOT NULL AND held_until IS NOT NULL)",
        name="ticks_lease",
    ),
    CheckConstraint("number >= 1", name="ticks_number"),
    CheckConstraint("attempt >= 1", name="ticks_attempt"),
    CheckConstraint("calls >= errors AND errors >= 0", name="ticks_counts"),
    CheckConstraint(
        "requests >= 0 AND input_tokens >= 0 AND output_tokens >= 0 AND cost_nano_usd >= 0"
        " AND held_tokens >= 0 AND held_nano_usd >= 0",
        name="ticks_usage",
    ),
    UniqueConstraint("persona_email", "number", name="ticks_of_a_persona"),
    UniqueConstraint("persona_id", "due_since", name="ticks_due_once"),
    Index("ticks_run_idx", "run_id", "scheduled_at"),
)

TAPES = Table(
    "tapes",
    METADATA,
    Column("tick_id", String(36), ForeignKey("ticks.id", ondelete="CASCADE"), primary_key=True),
    Column("track", String(16), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("answer", JSON, nullable=False),
    CheckConstraint("track IN ('model', 'app')", name="tapes_track"),
    CheckConstraint("step >= 0", name="tapes_step"),
)

SHARDS = Table(
    "shards",
    METADATA,
    Column("run_id", String(36), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("reason", Text),
    CheckConstraint("status IN ('running', 'done', 'failed', 'stopped')", name="shards_status"),
    CheckConstraint("number >= 1", name="shards_number"),
)

FLOWS = Table(
    "flows",
    METADATA,
    Column("provider", String(128), primary_key=True),
    Column("most_at_once", Double, nullable=False),
    Column("era", Integer, nullable=False),
    Column("not_before", UtcDateTime),
    CheckConstraint("most_at_once >= 1", name="flows_most"),
)

FLOW_USERS = Table(
    "flow_users",
    METADATA,
    Column(
        "provider",
        String(128),
        ForeignKey("flows.provider", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("holder", String(64), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

OFFERS = Table(
    "offers",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("tools", JSON, nullable=False),
)
