"""The tables that analysis reads, as far as it reads them.

They belong to identity and to the runner's ledger; here are only the names and types of the
columns, because analysis may import neither.
"""

from __future__ import annotations

from sqlalchemy import JSON, Float, Integer, String, column, table

from mana_lab.storage import UtcDateTime

USERS = table("users", column("id", String), column("name", String), column("email", String))

PERSONAS = table(
    "personas",
    column("user_id", String),
    column("archetype", String),
    column("system_prompt", String),
    column("module_mix", JSON),
    column("tick_cadence", String),
    column("timezone", String),
    column("language", String),
    column("traits", JSON),
    column("last_active_at", UtcDateTime),
    column("created_at", UtcDateTime),
)

ACTIONS = table(
    "persona_actions",
    column("id", String),
    column("persona_id", String),
    column("tick_id", String),
    column("run_id", String),
    column("seq", Integer),
    column("tool_name", String),
    column("tool_hash", String),
    column("module", String),
    column("input_hash", String),
    column("result", String),
    column("error_kind", String),
    column("error_code", String),
    column("error_message", String),
    column("latency_ms", Float),
    column("shown", Integer),
    column("occurred_at", UtcDateTime),
    column("created_at", UtcDateTime),
)

FEEDBACK = table(
    "persona_feedback",
    column("id", String),
    column("persona_id", String),
    column("tick_id", String),
    column("run_id", String),
    column("module", String),
    column("rating", Integer),
    column("notes", String),
    column("evidence", JSON),
    column("brain", String),
    column("occurred_at", UtcDateTime),
    column("created_at", UtcDateTime),
)

RUNS = table(
    "runs",
    column("id", String),
    column("ordinal", Integer),
    column("seed", Integer),
    column("brain", String),
    column("model", String),
    column("starts_at", UtcDateTime),
    column("ends_at", UtcDateTime),
    column("reached_at", UtcDateTime),
    column("status", String),
    column("reason", String),
    column("design", JSON),
    column("created_at", UtcDateTime),
)

TICKS = table(
    "ticks",
    column("id", String),
    column("run_id", String),
    column("persona_email", String),
    column("persona_id", String),
    column("number", Integer),
    column("scheduled_at", UtcDateTime),
    column("status", String),
    column("attempt", Integer),
    column("brain", String),
    column("model", String),
    column("variant", String),
    column("requests", Integer),
    column("input_tokens", Integer),
    column("output_tokens", Integer),
    column("cost_nano_usd", Integer),
    column("prompt_hash", String),
    column("calls", Integer),
    column("errors", Integer),
    column("skipped_modules", JSON),
    column("failed_step", String),
    column("error", String),
)
