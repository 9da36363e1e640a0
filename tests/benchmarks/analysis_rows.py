"""A lab of many calls that nobody made: rows as a runner leaves them, straight into its stores."""

from __future__ import annotations

import random
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, tzinfo=UTC)
CALLS_A_TICK = 5
FAILING, STAYING = 0.11, 0.4
TOOLS = {
    "todo": ("todo.create", "todo.list", "todo.complete", "todo.update"),
    "notes": ("notes.create", "notes.list", "notes.search"),
    "journal": ("journal.add", "journal.list"),
    "habits": ("habits.create", "habits.log", "habits.list"),
    "calendar": ("calendar.create", "calendar.list"),
}
UNKNOWN = "unknown-tool"
ERRORS = (
    ("invalid-input", "invalid-arguments", "priority: got 'asap', allowed: low, medium, high"),
    ("not-found", "not-found", "no task has that id; todo.list shows those that there are"),
    ("not-found", UNKNOWN, "there is no such tool"),
    ("conflict", "conflict", "the habit was logged on that day already"),
)


def fill(folder, calls, runs):
    """Put *calls* into the stores of a seeded lab, in *runs* runs of its personas.

    Ticks are of five calls; 11 % of the calls fail, and two fifths of these are tried again. Every
    tenth persona never finds the last tool of a module.
    """
    chance = random.Random(7)
    with closing(sqlite3.connect(folder / "identity.db")) as identity, identity:
        people = identity.execute(
            "SELECT p.user_id, u.email FROM personas p JOIN users u ON u.id = p.user_id"
            " ORDER BY u.email"
        ).fetchall()
        ticks = list(_ticks(chance, people, calls // CALLS_A_TICK, runs))
        _insert(
            identity, "persona_actions", (row for tick in ticks for row in _calls(chance, tick))
        )
        _insert(
            identity, "persona_feedback", (row for tick in ticks for row in _ratings(chance, tick))
        )
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        _insert(ledger, "runs", (_run(number) for number in range(1, runs + 1)))
        _insert(ledger, "ticks", map(_tick, ticks))


def _ticks(chance, people, count, runs):
    numbers = dict.fromkeys((email for _, email in people), 0)
    for place in range(count):
        who, email = people[place % len(people)]
        numbers[email] += 1
        yield {
            "id": str(uuid.UUID(int=chance.getrandbits(128))),
            "run_id": _run_id(1 + place * runs // count),
            "persona_id": who,
            "persona_email": email,
            "number": numbers[email],
            "scheduled_at": _text(START + timedelta(minutes=place)),
            "module": chance.choice(list(TOOLS)),
            "sparing": place % len(people) % 10 == 0,
        }


def _calls(chance, tick):
    tools = TOOLS[tick["module"]][: -1 if tick["sparing"] else None]
    tool, given, wrong = chance.choice(tools), chance.randrange(5000), 0
    for seq in range(CALLS_A_TICK):
        failed = chance.random() < FAILING
        kind, code, message = chance.choice(ERRORS) if failed else (None, None, None)
        name = f"{tool}s" if code == UNKNOWN else tool
        wrong += failed
        yield {
            "id": f"{tick['id']}-{seq}-{name}",
            "persona_id": tick["persona_id"],
            "tick_id": tick["id"],
            "run_id": tick["run_id"],
            "seq": seq,
            "tool_name": name,
            "tool_hash": None if code == UNKNOWN else tool.encode().hex().ljust(64, "0"),
            "module": tick["module"],
            "input_hash": f"{given:064x}",
            "result": "error" if failed else "ok",
            "error_kind": kind,
            "error_code": code,
            "error_message": message,
            "latency_ms": round(chance.expovariate(0.1), 3),
            "occurred_at": tick["scheduled_at"],
            "created_at": tick["scheduled_at"],
        }
        stays = failed and chance.random() < STAYING
        if not stays:
            tool = chance.choice(tools)
        if not stays or chance.random() < 0.5:
            given = 0 if tool.endswith("list") else chance.randrange(5000)
    tick |= {"errors": wrong}


def _ratings(chance, tick):
    yield {
        "id": f"{tick['id']}-{tick['module']}",
        "persona_id": tick["persona_id"],
        "tick_id": tick["id"],
        "run_id": tick["run_id"],
        "module": tick["module"],
        "rating": max(1, 5 - tick["errors"] - chance.randrange(2)),
        "notes": "It was as it was.",
        "evidence": "[]",
        "brain": "scripted",
        "occurred_at": tick["scheduled_at"],
        "created_at": tick["scheduled_at"],
    }


def _run(number):
    moment = _text(START)
    return {
        "id": _run_id(number),
        "ordinal": number,
        "seed": 7,
        "brain": "scripted",
        "starts_at": moment,
        "ends_at": _text(START + timedelta(days=999)),
        "reached_at": moment,
        "status": "done",
        "created_at": moment,
    }


def _tick(tick):
    skipped = {"module", "errors", "sparing"}
    return {name: value for name, value in tick.items() if name not in skipped} | {
        "status": "done",
        "brain": "scripted",
        "calls": CALLS_A_TICK,
        "errors": tick["errors"],
        "skipped_modules": "{}",
        "ended_at": tick["scheduled_at"],
        "attempt": 1,
        "requests": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_nano_usd": 0,
        "held_tokens": 0,
        "held_nano_usd": 0,
    }


def _run_id(number):
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"run {number}"))


def _text(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _insert(database, table, rows):
    rows = iter(rows)
    first = next(rows)
    names = ", ".join(first)
    places = ", ".join(f":{name}" for name in first)
    statement = f"INSERT INTO {table} ({names}) VALUES ({places})"
    database.execute(statement, first)
    database.executemany(statement, rows)
