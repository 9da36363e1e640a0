"""Leases, attempts, what models took and said, what brains keep; runs that were stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mana_lab.storage import UtcDateTime

revision = "0002"
down_revision = "0001"

_COPY_RUNS = """
    INSERT INTO runs (
        id, ordinal, seed, brain, model, starts_at, ends_at, reached_at, status, created_at
    )
    SELECT id, ordinal, seed, brain, model, starts_at, ends_at, reached_at,
        CASE status WHEN 'abandoned' THEN 'stopped' ELSE status END, created_at
    FROM old_runs
"""
_COPY_TICKS = """
    INSERT INTO ticks (
        id, run_id, persona_email, persona_id, number, scheduled_at, status, attempt, brain, model,
        calls, errors, skipped_modules, requests, input_tokens, output_tokens, cost_nano_usd,
        held_tokens, held_nano_usd, failed_step, error
    )
    SELECT t.id, t.run_id, t.persona_email, t.persona_id, t.number, t.scheduled_at,
        CASE t.status WHEN 'running' THEN 'waiting' WHEN 'abandoned' THEN 'failed'
            ELSE t.status END,
        1, r.brain, r.model, t.calls, t.errors, t.skipped_modules, 0, 0, 0, 0, 0, 0,
        CASE t.status WHEN 'abandoned' THEN 'use' ELSE t.failed_step END,
        CASE t.status WHEN 'abandoned' THEN 'interrupted: the run ended before the tick'
            ELSE t.error END
    FROM old_ticks t JOIN old_runs r ON r.id = t.run_id
"""


def upgrade() -> None:
    """Make both tables anew, with what was in them."""
    op.drop_index("ticks_run_idx", "ticks")
    for name in ("ticks", "runs"):
        op.execute(f"CREATE TABLE old_{name} AS SELECT * FROM {name}")  # noqa: S608
        op.drop_table(name)
    _make_runs()
    _make_ticks()
    _make_tapes()
    op.create_index("ticks_run_idx", "ticks", ["run_id", "scheduled_at"], unique=False)
    op.execute(_COPY_RUNS)
    op.execute(_COPY_TICKS)
    for name in ("ticks", "runs"):
        op.drop_table(f"old_{name}")


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("brain", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=True),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("reached_at", UtcDateTime(), nullable=False),
        sa.Column("participants", sa.JSON(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'failed', 'stopped')", name="runs_status"
        ),
        sa.CheckConstraint("starts_at < ends_at", name="runs_order"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ordinal"),
    )


def _make_ticks() -> None:
    op.create_table(
        "ticks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("persona_email", sa.String(length=320), nullable=False),
        sa.Column("persona_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("scheduled_at", UtcDateTime(), nullable=False),
        sa.Column("due_since", sa.String(length=32), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.Column("brain", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=True),
        sa.Column("prompt_hash", sa.String(length=64), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("skipped_modules", sa.JSON(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("held_tokens", sa.BigInteger(), nullable=False),
        sa.Column("held_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("failed_step", sa.String(length=16), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("kept", sa.JSON(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        *_checks_of_ticks(),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("persona_email", "number", name="ticks_of_a_persona"),
        sa.UniqueConstraint("persona_id", "due_since", name="ticks_due_once"),
    )


def _make_tapes() -> None:
    op.create_table(
        "tapes",
        sa.Column("tick_id", sa.String(length=36), nullable=False),
        sa.Column("track", sa.String(length=16), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.CheckConstraint("track IN ('model', 'app')", name="tapes_track"),
        sa.CheckConstraint("step >= 0", name="tapes_step"),
        sa.ForeignKeyConstraint(["tick_id"], ["ticks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tick_id", "track", "step"),
    )


def _checks_of_ticks() -> list[sa.CheckConstraint]:
    checks = {
        "ticks_status": "status IN ('waiting', 'running', 'done', 'failed', 'abandoned')",
        "ticks_lease": "(status = 'running') = (holder IS NOT NULL AND held_until IS NOT NULL)",
        "ticks_number": "number >= 1",
        "ticks_attempt": "attempt >= 1",
        "ticks_counts": "calls >= errors AND errors >= 0",
        "ticks_usage": "requests >= 0 AND input_tokens >= 0 AND output_tokens >= 0"
        " AND cost_nano_usd >= 0 AND held_tokens >= 0 AND held_nano_usd >= 0",
    }
    return [sa.CheckConstraint(text, name=name) for name, text in checks.items()]
