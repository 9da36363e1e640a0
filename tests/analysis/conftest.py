"""Databases with known rows, and frames by hand."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, insert, update

from mana_lab.analysis import Databases, Warehouse, columns
from mana_lab.analysis.columns import frame_of
from mana_lab.identity.server import schema
from mana_lab.runner import ledger_tables
from mana_lab.storage import Store

MONDAY = datetime(2026, 1, 5, 7, tzinfo=UTC)


class House:
    """An identity database, a ledger and the warehouse over them."""

    def __init__(self, identity, ledger):
        self.identity, self.ledger = identity, ledger
        engines = {"identity": identity.engine, "ledger": ledger.engine}
        self.warehouse = Warehouse(Databases(engines))
        self._written = 0

    async def persona(self, name="Anna", archetype="adhd-student", *, slug=None, **more):
        slug = slug or name.lower()
        user = {"id": f"user-{slug}", "name": name, "email": f"persona.{slug}@mana.test"}
        times = {"created_at": MONDAY, "updated_at": MONDAY}
        row = {
            "user_id": user["id"],
            "archetype": archetype,
            "system_prompt": "You are somebody.",
            "module_mix": {"todo": 0.6, "journal": 0.4},
            "created_at": MONDAY,
            **more,
        }
        await self._put(self.identity, schema.USERS, {**user, **times, "kind": "persona"})
        await self._put(self.identity, schema.PERSONAS, row)
        return SimpleNamespace(**user)

    async def run(self, ordinal=1, **more):
        row = {
            "id": f"run-{ordinal}",
            "ordinal": ordinal,
            "seed": 7,
            "brain": "scripted",
            "starts_at": MONDAY,
            "ends_at": MONDAY + timedelta(days=7),
            "reached_at": MONDAY + timedelta(days=7),
            "status": "done",
            "created_at": MONDAY,
        }
        await self._put(self.ledger, ledger_tables.RUNS, {**row, **more})

    async def tick(self, persona, number=1, run=1, **more):
        row = {
            "id": f"{persona.id}-tick-{number}",
            "run_id": f"run-{run}",
            "persona_email": persona.email,
            "persona_id": persona.id,
            "number": number,
            "scheduled_at": MONDAY + timedelta(days=number - 1),
            "status": "done",
            "brain": "scripted",
        }
        await self._put(self.ledger, ledger_tables.TICKS, {**row, **more})

    async def action(self, persona, tool="todo.create", *, seq=0, tick=1, run=1, **more):
        tick_id = f"{persona.id}-tick-{tick}"
        row = {
            "id": f"{tick_id}-{seq}-{tool}",
            "persona_id": persona.id,
            "tick_id": tick_id,
            "run_id": None if run is None else f"run-{run}",
            "seq": seq,
            "tool_name": tool,
            "module": tool.partition(".")[0],
            "result": "ok",
            "latency_ms": 12.5,
            "occurred_at": MONDAY + timedelta(days=tick - 1),
            "created_at": self._wall(),
        }
        await self._put(self.identity, schema.PERSONA_ACTIONS, {**row, **more})

    async def feedback(self, persona, module="todo", rating=4, *, tick=1, run=1, **more):
        tick_id = f"{persona.id}-tick-{tick}"
        row = {
            "id": f"{tick_id}-{module}",
            "persona_id": persona.id,
            "tick_id": tick_id,
            "run_id": None if run is None else f"run-{run}",
            "module": module,
            "rating": rating,
            "notes": "It worked.",
            "evidence": [],
            "brain": "scripted",
            "occurred_at": MONDAY + timedelta(days=tick - 1),
            "created_at": self._wall(),
        }
        await self._put(self.identity, schema.PERSONA_FEEDBACK, {**row, **more})

    async def rename(self, persona, name):
        change = update(schema.USERS).where(schema.USERS.c.id == persona.id).values(name=name)
        await self.identity.write(lambda connection: connection.execute(change))

    async def remove(self, persona):
        gone = delete(schema.USERS).where(schema.USERS.c.id == persona.id)
        await self.identity.write(lambda connection: connection.execute(gone))

    async def _put(self, store, table, row):
        await store.write(lambda connection: connection.execute(insert(table).values(row)))

    def _wall(self):
        self._written += 1
        return MONDAY + timedelta(milliseconds=self._written)


@pytest.fixture
async def house(tmp_path):
    async with (
        await Store.open(f"sqlite:///{tmp_path}/identity.db", schema.METADATA) as identity,
        await Store.open(f"sqlite:///{tmp_path}/ledger.db", ledger_tables.METADATA) as ledger,
    ):
        yield House(identity, ledger)


@pytest.fixture
async def lived_in(house):
    """A house after one run of two days of two personas, with one retried error."""
    anna, ben = await house.persona("Anna"), await house.persona("Ben", "ceo-busy")
    await house.run()
    for persona in (anna, ben):
        await house.tick(persona, calls=2, errors=0)
    await house.tick(anna, 2, calls=2, errors=1)
    for persona in (ben, anna):
        await house.action(persona, "journal.add", seq=1)
        await house.action(persona, "todo.create", seq=0)
    failure = {
        "result": "error",
        "error_kind": "invalid-input",
        "error_code": "invalid-arguments",
        "error_message": "dueDate: got 'tomorrow', expected a date",
    }
    await house.action(anna, "todo.create", seq=0, tick=2, **failure)
    await house.action(anna, "todo.create", seq=1, tick=2)
    await house.feedback(anna, "todo", 5)
    await house.feedback(anna, "todo", 2, tick=2, notes="todo.create failed 1 time.")
    await house.feedback(ben, "journal", 4, evidence=["user-ben-tick-1-1-journal.add"])
    return house


def _rows(kinds, defaults, rows):
    whole = [{**dict.fromkeys(kinds), **defaults, **row} for row in rows]
    return frame_of(list(kinds), [[row[name] for name in kinds] for row in whole], kinds)


def _person(row):
    name = row.get("persona", "Anna")
    slug = name.lower()
    return {"persona": name, "email": f"persona.{slug}@mana.test", "persona_id": slug, **row}


@pytest.fixture
def actions_of():
    """Make an actions frame of dictionaries; what they leave out has a default."""

    def make(*rows):
        defaults = {"tool_name": "todo.create", "result": "ok", "tick_id": "1", "seq": 0}
        filled = [_person({"occurred_at": MONDAY, **defaults, **row}) for row in rows]
        for row in filled:
            row.setdefault("module", row["tool_name"].partition(".")[0])
            row.setdefault("id", f"{row['persona_id']}-{row['tick_id']}-{row['seq']}")
        return _rows(columns.ACTIONS, {}, filled)

    return make


@pytest.fixture
def feedback_of():
    """Make a feedback frame of pairs of a module and a rating, or of dictionaries."""

    def make(*rows):
        pairs = [
            row if isinstance(row, dict) else {"module": row[0], "rating": row[1]} for row in rows
        ]
        filled = [_person({"occurred_at": MONDAY, "brain": "scripted", **row}) for row in pairs]
        return _rows(columns.FEEDBACK, {}, filled)

    return make


@pytest.fixture
def personas_of():
    """Make a personas frame of names and module mixes."""

    def make(**mixes):
        rows = [_person({"persona": name, "module_mix": mix}) for name, mix in mixes.items()]
        return _rows(columns.PERSONAS, {}, rows)

    return make
