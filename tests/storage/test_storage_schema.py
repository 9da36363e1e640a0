"""Stores of earlier releases come to have this one's tables, and lose nothing."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, inspect, text
from storage_house import METADATA, NAMES, described, first_release

from mana_lab import Lab
from mana_lab.errors import StoreTooNewError
from mana_lab.personas import Catalog, load_catalog
from mana_lab.storage import Store, owned_by
from mana_lab.storage.schema import prepare, revisions
from mana_lab.storage.upgrading import upgrade
from mana_lab.sync import server as sync


def in_memory(work):
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        return work(connection)


def at_once(connection, metadata):
    prepare(connection, metadata)
    return described(connection)


@pytest.mark.parametrize("name", NAMES)
def test_the_steps_from_nothing_lead_to_the_tables_of_the_metadata(name):
    metadata = METADATA[name]

    def by_steps(connection):
        upgrade(connection, metadata.info["migrations"], "base")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        return described(connection)

    assert in_memory(by_steps) == in_memory(lambda connection: at_once(connection, metadata))


@pytest.mark.parametrize("name", NAMES)
def test_the_first_step_makes_the_tables_of_the_first_release(name, tmp_path):
    with closing(sqlite3.connect(first_release(tmp_path / "lab") / f"{name}.db")) as raw:
        released = {row[0] for row in raw.execute("SELECT name FROM sqlite_master")}

    def first(connection):
        upgrade(connection, METADATA[name].info["migrations"], "base", "0001")
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master")
        return {row[0] for row in rows}

    autonamed = {f"sqlite_autoindex_alembic_version_{n}" for n in (1, 2)} | {"alembic_version"}
    assert in_memory(first) - autonamed == released


@pytest.mark.parametrize("name", NAMES)
def test_steps_follow_one_another(name):
    found = revisions(METADATA[name].info["migrations"])
    assert found == [f"{n:04}" for n in range(1, len(found) + 1)]


async def test_a_lab_of_the_first_release_is_upgraded_with_all_that_is_in_it(tmp_path):
    folder = first_release(tmp_path / "lab")
    catalog = Catalog([load_catalog().get(name) for name in ("lena", "paul")])
    for time in range(2):
        async with await Lab.open(folder, catalog=catalog) as lab:
            assert len(lab.actions_df()) == 11 + 2 * time
            assert len(lab.personas_df()) == 2
            lena = await lab.persona("lena")
            (note,) = (await lena.call("notes.search", query="first release")).data["notes"]
            assert note["content"] == "still readable"
            assert (await lena.call("notes.get", id=note["id"])).ok
            for name in NAMES:
                store = getattr(lab._stores, name)
                assert await store.read(lambda c: len(described(c))) > 1
    for name in ("identity", "sync"):
        with closing(sqlite3.connect(folder / f"{name}.db")) as raw:
            (known,) = raw.execute("SELECT version_num FROM alembic_version").fetchall()
        assert known == (revisions(METADATA[name].info["migrations"])[-1],)


async def test_stores_are_upgraded_at_the_same_time(tmp_path):
    folders = [first_release(tmp_path / f"lab{number}") for number in range(4)]
    files = [(folder / f"{name}.db", name) for folder in folders for name in ("identity", "sync")]
    stores = await asyncio.gather(
        *(Store.open(f"sqlite:///{path}", METADATA[name]) for path, name in files)
    )
    for store, (_, name) in zip(stores, files, strict=True):
        assert await store.read(described) == in_memory(lambda c, n=name: at_once(c, METADATA[n]))
        await store.close()


async def test_a_store_of_a_later_release_is_left_alone(tmp_path):
    url = f"sqlite:///{tmp_path}/sync.db"
    async with await Store.open(url, sync.METADATA) as store:
        await store.write(
            lambda connection: connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = '9999'"
            )
        )
    with pytest.raises(StoreTooNewError, match="revision 9999"):
        await Store.open(url, sync.METADATA)


STEP = """
revision = "0002"
down_revision = "0001"

def upgrade():
    from alembic import op
    op.execute("CREATE TABLE half (id INTEGER)")
    op.execute("INSERT INTO things VALUES (1, 'anna')")
    raise RuntimeError("in the middle")
"""


async def test_a_step_that_fails_changes_nothing(home, tmp_path):
    steps = tmp_path / "steps"
    steps.mkdir()
    (steps / "0001_first.py").write_text('revision = "0001"\ndown_revision = None\n')
    metadata = MetaData(info={"migrations": steps, "schema": "public"})
    things = Table("things", metadata, Column("id", Integer), Column("owner", String))
    things.info.update(owned_by("owner"))
    async with await Store.open(home.url("things"), metadata):
        pass
    before = left(home)
    (steps / "0002_second.py").write_text(STEP)
    with pytest.raises(RuntimeError, match="in the middle"):
        await Store.open(home.url("things"), metadata)
    assert left(home) == before
    assert home.rows("things", things) == []


def left(home):
    """Return what there is, and how PostgreSQL keeps it from others."""
    schema = "public" if home.kind == "postgres" else None
    forced = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'things'"
    with home.connected("things") as connection:
        names = sorted(inspect(connection).get_table_names(schema))
        return names, schema and connection.scalar(text(forced))


def test_a_store_that_is_up_to_date_does_not_load_alembic(tmp_path):
    script = f"""
import asyncio, sys
from mana_lab.identity import server
from mana_lab.storage import Store, owned_by
async def main():
    for _ in range(2):
        async with await Store.open("sqlite:///{tmp_path}/identity.db", server.METADATA):
            pass
asyncio.run(main())
assert "alembic" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
