"""The tables of the ledger."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from mana_lab.storage import UtcDateTime

METADATA = MetaData(info={"schema": "lab", "migrations": Path(__file__).parent / "migrations"})
_STATUS = "status IN ('running', 'done', 'failed', 'abandoned')"

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
    Column("status", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint(_STATUS, name="runs_status"),
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
    Column("status", String(16), nullable=False),
    Column("calls", Integer, nullable=False, default=0),
    Column("errors", Integer, nullable=False, default=0),
    Column("skipped_modules", JSON, nullable=False, default=dict),
    Column("failed_step", String(16)),
    Column("error", Text),
    CheckConstraint(_STATUS, name="ticks_status"),
    CheckConstraint("number >= 1", name="ticks_number"),
    CheckConstraint("calls >= errors AND errors >= 0", name="ticks_counts"),
    UniqueConstraint("persona_email", "number", name="ticks_of_a_persona"),
    Index("ticks_run_idx", "run_id", "scheduled_at"),
)
