"""Large labs are read from a mirror, which is never believed when it is not up to date."""

import pandas as pd
import pytest

from mana_lab.analysis import Databases, Warehouse


@pytest.fixture
def mirror(tmp_path):
    return tmp_path / "mirror"


@pytest.fixture
def told():
    return []


@pytest.fixture
async def large(lived_in, mirror, told):
    """A house with two runs and a call by hand, for which every lab is large."""
    anna = type("Anna", (), {"id": "user-anna", "email": "persona.anna@mana.test"})
    await lived_in.run(2)
    await lived_in.tick(anna, 3, run=2)
    await lived_in.action(anna, "notes.create", tick=3, run=2)
    await lived_in.feedback(anna, "notes", 3, tick=3, run=2)
    await lived_in.action(anna, "notes.list", tick=9, run=None)
    engines = {"identity": lived_in.identity.engine, "ledger": lived_in.ledger.engine}

    def again(large=1):
        tell = lambda done, total: told.append((done, total))  # noqa: E731
        return Warehouse(Databases(engines, mirror, tell, large))

    lived_in.again, lived_in.anna = again, anna
    return lived_in


def frames_of(warehouse):
    names = ("actions_df", "feedback_df", "ticks_df", "runs_df", "personas_df")
    return {name: getattr(warehouse, name)() for name in names}


def assert_same(one, other):
    for name, frame in frames_of(one).items():
        pd.testing.assert_frame_equal(frame, frames_of(other)[name])


async def test_the_rows_are_the_same_with_a_mirror_and_without(large, told):
    assert_same(large.again(), large.warehouse)
    assert told == [(6, 8), (7, 8)]
    assert_same(large.again(), large.warehouse)
    assert len(told) == 2


@pytest.mark.parametrize("folder", ["run=5", "persona=zed", "mon[1]", "b*"])
async def test_the_folder_of_a_mirror_gives_it_no_values_and_is_no_pattern(large, tmp_path, folder):
    engines = {"identity": large.identity.engine, "ledger": large.ledger.engine}
    (tmp_path / folder).mkdir()
    mirror, told = tmp_path / folder / "mirror", []

    def again():
        tell = lambda done, total: told.append((done, total))  # noqa: E731
        return Warehouse(Databases(engines, mirror, tell, 1))

    again().runs_df()
    assert_same(again(), large.warehouse)
    assert told == [(6, 8), (7, 8)]


async def test_the_mirror_is_what_is_read(large, mirror, told):
    large.again().actions_df()
    (mirror / "run-1" / "persona_actions.parquet").write_bytes(
        (mirror / "run-2" / "persona_actions.parquet").read_bytes()
    )
    assert len(large.again().actions_df()) == 3
    assert len(told) == 2


async def test_only_runs_that_are_over_are_mirrored(large, mirror):
    await large.run(3, status="running")
    await large.tick(large.anna, 4, run=3)
    await large.action(large.anna, "notes.create", tick=4, run=3)
    assert len(large.again().actions_df(3)) == 1
    assert sorted(path.name for path in mirror.iterdir()) == ["run-1", "run-2"]


async def test_small_labs_have_no_mirror(large, mirror):
    assert_same(large.again(large=9), large.warehouse)
    assert not mirror.exists()


async def test_what_changed_is_read_again(large, told):
    large.again().actions_df()
    await large.action(large.anna, "notes.create", seq=1, tick=3, run=2)
    assert_same(large.again(), large.warehouse)
    assert told[2:] == [(2, 9)]
    await large.rename(large.anna, "Zora")
    assert_same(large.again(), large.warehouse)
    await large.tick(large.anna, 5, run=2, status="failed", error="no")
    assert_same(large.again(), large.warehouse)
    await large.remove(large.anna)
    assert "Zora" not in set(large.again().actions_df()["persona"])
    assert_same(large.again(), large.warehouse)


@pytest.mark.parametrize(
    ("view", "damage"),
    [("persona_actions", b""), ("persona_feedback", b"PAR1 not at all"), ("ticks", b"a,b\n")],
)
async def test_a_damaged_mirror_is_made_anew(large, mirror, view, damage):
    large.again().actions_df()
    (mirror / "run-1" / f"{view}.parquet").write_bytes(damage)
    assert_same(large.again(), large.warehouse)
    assert (mirror / "run-1" / f"{view}.parquet").stat().st_size > 100


async def test_a_mirror_with_a_name_that_is_no_text_is_made_anew(large, mirror):
    large.again().actions_df()
    file = mirror / "run-1" / "ticks.parquet"
    damaged = file.read_bytes().replace(b"scheduled_at", b"scheduled\xffat")
    file.write_bytes(damaged)
    assert_same(large.again(), large.warehouse)
    assert file.read_bytes() != damaged


async def test_a_mirror_that_cannot_be_written_is_done_without(large, mirror):
    mirror.write_text("in the way")
    assert_same(large.again(), large.warehouse)


async def test_a_warehouse_sees_what_came_since_its_last_answer(large):
    warehouse = large.again()
    before = warehouse.sql("SELECT count(*) AS n FROM persona_actions")["n"].item()
    await large.action(large.anna, "notes.create", seq=1, tick=3, run=2)
    assert warehouse.sql("SELECT count(*) AS n FROM persona_actions")["n"].item() == before + 1


@pytest.mark.parametrize(
    "query",
    [
        "DROP VIEW personas",
        'DELETE FROM kept."personas 1"',
        "UPDATE kept.\"personas 1\" SET persona = 'Eve'; SELECT 1",
        "CREATE OR REPLACE VIEW personas AS SELECT 1 AS a",
        'WITH gone AS (SELECT 1) DELETE FROM kept."personas 1"',
        "CREATE TEMP VIEW personas AS SELECT 1 AS a",
        'PREPARE p AS DELETE FROM kept."personas 1"; EXECUTE p',
        'BEGIN; DELETE FROM kept."personas 1"; COMMIT',
        'BEGIN; DELETE FROM kept."personas 1"',
    ],
)
async def test_no_query_changes_what_the_next_one_sees(large, query):
    warehouse = large.again()
    warehouse.sql(query)
    assert_same(warehouse, large.warehouse)
