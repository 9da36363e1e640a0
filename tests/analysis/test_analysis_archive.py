"""Archives: written once, read by anybody, and by the same SQL from one lab or from many."""

import random
import shutil

import duckdb
import fsspec
import pandas as pd
import pytest
from living_house import lab_of, lived, warehouse_of

from mana_lab import Archive, Archives
from mana_lab.analysis.archive import write_archive
from mana_lab.analysis.columns import VIEWS
from mana_lab.analysis.parquet import read_parquet, writing
from mana_lab.analysis.statistics import (
    compare_between,
    compare_models,
    compare_modules,
    compare_runs,
    compare_within,
    journey_reliability,
    last_activity,
    noise_floor,
    persona_means,
    repeat_agreement,
)
from mana_lab.errors import (
    ArchiveError,
    InvalidInputError,
    NotFoundError,
    QueryError,
    RunFolderError,
    SettingsError,
)

NO_RUN = "__HIVE_DEFAULT_PARTITION__"


@pytest.fixture
async def many(lived_in):
    """A house with runs 1, 2 and 10 and a call by hand."""
    anna = type("Anna", (), {"id": "user-anna", "email": "persona.anna@mana.test"})
    for number, tool in ((2, "notes.create"), (10, "notes.list")):
        await lived_in.run(number)
        await lived_in.tick(anna, number + 1, run=number)
        await lived_in.action(anna, tool, tick=number + 1, run=number)
    await lived_in.feedback(anna, "notes", 3, tick=3, run=2)
    await lived_in.action(anna, "notes.list", tick=99, run=None)
    return lived_in


@pytest.fixture
async def archive(many, tmp_path):
    folder = tmp_path / "monday"
    folder.mkdir()
    write_archive(many.warehouse, folder)
    return folder


def assert_same(one, other):
    for name in ("actions_df", "feedback_df", "ticks_df", "runs_df", "personas_df"):
        pd.testing.assert_frame_equal(getattr(one, name)(), getattr(other, name)())


async def test_an_archive_has_what_the_lab_had(archive, many):
    opened = Archive.open(archive)
    assert_same(opened, many.warehouse)
    assert repr(opened) == "<Archive: 3 runs, 9 calls>"
    assert opened.summary().equals(Archive.open(str(archive)).summary())
    assert opened.actions_df(10)["tool_name"].tolist() == ["notes.list"]
    with pytest.raises(NotFoundError, match="its runs are 1, 2, 10"):
        opened.actions_df(3)


async def test_it_is_partitioned_the_way_hive_does_it(archive):
    assert sorted(path.name for path in (archive / "actions").iterdir()) == [
        "run=1",
        "run=10",
        "run=2",
        "run=__HIVE_DEFAULT_PARTITION__",
    ]
    with duckdb.connect() as anybody:
        rows = anybody.execute(
            f"SELECT run, count(*) FROM read_parquet('{archive}/actions/*/*.parquet',"
            " hive_partitioning = true) GROUP BY run ORDER BY run NULLS LAST"
        ).fetchall()
    assert rows == [(1, 6), (2, 1), (10, 1), (None, 1)]


async def test_the_same_rows_give_the_same_bytes(archive, many, tmp_path):
    (tmp_path / "again").mkdir()
    write_archive(many.warehouse, tmp_path / "again")
    files = [path.relative_to(archive) for path in archive.rglob("*") if path.is_file()]
    assert len(files) == 2 + 4 + 2 + 3
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (archive / file).read_bytes()


async def test_each_run_is_told(many, tmp_path):
    told = []
    write_archive(many.warehouse, tmp_path, lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3), (3, 3)]


async def test_the_same_sql_runs_over_one_lab_and_over_many(archive, many, tmp_path):
    ben = type("Ben", (), {"id": "user-ben"})
    await many.action(ben, "notes.create", seq=7, tick=1, run=10)
    (tmp_path / "tuesday").mkdir()
    write_archive(many.warehouse, tmp_path / "tuesday")
    query = "SELECT module, count(*) AS n FROM persona_actions GROUP BY ALL ORDER BY ALL"
    one = Archive.open(archive).sql(query)
    both = Archives.open({"monday": archive, "tuesday": tmp_path / "tuesday"})
    assert one["n"].tolist() == [2, 3, 4]
    assert both.sql(query)["n"].tolist() == [4, 7, 8]
    by_lab = both.sql("SELECT lab, count(*) AS n FROM persona_actions GROUP BY ALL ORDER BY ALL")
    assert by_lab.to_dict("list") == {"lab": ["monday", "tuesday"], "n": [9, 10]}
    for name in ("actions_df", "feedback_df", "ticks_df", "runs_df", "personas_df"):
        frame = getattr(both, name)()
        assert frame.columns[0] == "lab"
        assert list(frame.columns[1:]) == list(getattr(many.warehouse, name)().columns)
    assert repr(both) == "<Archives: monday, tuesday>"


async def test_an_object_store_is_read_through_its_file_system(archive, many):
    store = fsspec.filesystem("memory")
    store.put(str(archive), "/labs/monday", recursive=True)
    try:
        opened = Archive.open("memory://labs/monday/", filesystem=store)
        assert_same(opened, many.warehouse)
        with pytest.raises(QueryError, match="disabled"):
            opened.sql("SELECT * FROM read_parquet('memory://labs/monday/runs.parquet')")
        with pytest.raises(ArchiveError, match=r"has no personas\.parquet"):
            Archive.open("memory://labs/tuesday", filesystem=store)
    finally:
        store.rm("/labs", recursive=True)


async def test_an_empty_lab_is_an_archive_too(house, tmp_path):
    (tmp_path / "empty").mkdir()
    write_archive(house.warehouse, tmp_path / "empty")
    opened = Archive.open(tmp_path / "empty")
    assert_same(opened, house.warehouse)
    assert repr(opened) == "<Archive: 0 runs, 0 calls>"


async def test_a_place_that_is_no_archive_is_named(tmp_path):
    with pytest.raises(ArchiveError, match="nowhere: there is no such folder"):
        Archive.open(tmp_path / "nowhere")
    with pytest.raises(ArchiveError, match=r": has no personas\.parquet; make an archive"):
        Archive.open(tmp_path)
    with pytest.raises(ArchiveError, match="gopher://labs/monday: is an address; say what reads"):
        Archive.open("gopher://labs/monday")


async def test_one_archive_is_not_many(archive):
    for places in ({}, {"monday": archive}, [archive, archive], str(archive)):
        with pytest.raises(InvalidInputError, match=r"Archive\.open"):
            Archives.open(places)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("personas.parquet", b""),
        ("actions/run=2/data.parquet", b"PAR1"),
        ("ticks/run=10/data.parquet", b"a,b\n1,2\n"),
    ],
)
async def test_a_damaged_file_is_an_error_and_not_a_smaller_lab(archive, file, damage):
    (archive / file).write_bytes(damage)
    with pytest.raises(ArchiveError, match="cannot be read as an archive"):
        Archive.open(archive)


async def test_a_file_with_other_columns_is_refused_and_named(archive):
    with duckdb.connect() as other:
        other.execute(
            "COPY (SELECT * REPLACE ('late' AS occurred_at) FROM read_parquet($file)) TO $to",
            {
                "file": str(archive / "actions" / "run=1" / "data.parquet"),
                "to": str(archive / "actions" / "run=1" / "other.parquet"),
            },
        )
    part = archive / "actions" / "run=1"
    (part / "other.parquet").replace(part / "data.parquet")
    for run in ("run=2", "run=10", "run=__HIVE_DEFAULT_PARTITION__"):
        (archive / "actions" / run / "data.parquet").unlink()
    with pytest.raises(ArchiveError, match="its column occurred_at is VARCHAR, need TIMESTAMP"):
        Archive.open(archive)


async def test_a_file_in_no_folder_of_a_run_is_refused(archive):
    (archive / "actions" / "all").mkdir()
    (archive / "actions" / "run=1" / "data.parquet").rename(archive / "actions/all/data.parquet")
    with pytest.raises(ArchiveError, match="is in no folder of a run"):
        Archive.open(archive)


@pytest.mark.parametrize("parent", ["brain=foo", "persona=zed", "run=5"])
async def test_a_folder_above_an_archive_gives_it_no_values(archive, many, tmp_path, parent):
    place = tmp_path / parent / "monday"
    shutil.copytree(archive, place)
    assert_same(Archive.open(place), many.warehouse)


@pytest.mark.parametrize(
    ("name", "other"), [("mon[1]", "mon1"), ("b*", "bx"), ("q?", "qx"), ("[[]", "["), ("[!a]", "b")]
)
async def test_the_name_of_a_folder_is_no_pattern(archive, many, tmp_path, name, other):
    shutil.copytree(archive, tmp_path / name)
    (tmp_path / other).mkdir()
    await many.run(11, brain="human")
    write_archive(many.warehouse, tmp_path / other)
    assert Archive.open(tmp_path / name).runs_df()["run"].tolist() == [1, 2, 10]
    store = fsspec.filesystem("memory")
    for each in (name, other):
        for file in (tmp_path / each).rglob("*.parquet"):
            store.pipe_file(f"/labs/{file.relative_to(tmp_path)}", file.read_bytes())
    try:
        opened = Archive.open(f"memory://labs/{name}", filesystem=store)
        assert opened.runs_df()["run"].tolist() == [1, 2, 10]
        assert opened.actions_df(10)["tool_name"].tolist() == ["notes.list"]
    finally:
        store.rm("/labs", recursive=True)


def doubled(file):
    """Write each row of a file a second time."""
    with duckdb.connect() as duck:
        given = {"file": str(file)}
        duck.execute(
            "CREATE TABLE kept AS FROM read_parquet($file, hive_partitioning=false)", given
        )
        duck.execute("COPY (FROM kept UNION ALL FROM kept) TO $file (FORMAT parquet)", given)


CHANGES = {
    "no actions": (
        lambda at: shutil.rmtree(at / "actions"),
        "3 of its ticks had 6 calls with 1 errors, and its persona_actions have 0 of them with 0",
    ),
    "no actions of a run": (
        lambda at: shutil.rmtree(at / "actions" / "run=1"),
        "3 of its ticks had 6 calls",
    ),
    "no ticks": (
        lambda at: shutil.rmtree(at / "ticks"),
        "its persona_actions have rows of the tick user-anna-tick-1, which is not in its ticks",
    ),
    "a copy of a file": (
        lambda at: shutil.copy(
            at / "actions/run=1/data.parquet", at / "actions/run=1/data copy.parquet"
        ),
        r"run=1/data copy\.parquet: is in no folder of a run, or is another file than its data",
    ),
    "a copy of a folder": (
        lambda at: shutil.copytree(at / "actions" / "run=1", at / "actions" / "run=01"),
        r"run=01/data\.parquet: is in no folder of a run",
    ),
    "personas twice": (
        lambda at: doubled(at / "personas.parquet"),
        "its personas have the user_id user-anna more than once",
    ),
    "runs twice": (
        lambda at: doubled(at / "runs.parquet"),
        "its runs have the id run-1 more than once",
    ),
    "ratings twice": (
        lambda at: doubled(at / "ratings/run=1/data.parquet"),
        "its persona_feedback have the id user-anna-tick-1-todo more than once",
    ),
    "another number": (
        lambda at: (at / "ticks" / "run=1").rename(at / "ticks" / "run=5"),
        "its ticks of run 5 have rows of the run run-1, which is run 1",
    ),
    "calls by hand": (
        lambda at: (at / "actions" / "run=2").replace(
            at / "actions/run=__HIVE_DEFAULT_PARTITION__"
        ),
        "its persona_actions without a run have rows of the run run-2, which is run 2",
    ),
}


@pytest.mark.parametrize(("change", "reason"), CHANGES.values(), ids=CHANGES)
async def test_an_archive_that_is_not_whole_is_refused(archive, tmp_path, change, reason):
    (tmp_path / "whole").mkdir()
    shutil.copytree(archive, tmp_path / "whole", dirs_exist_ok=True)
    shutil.rmtree(archive / "actions" / f"run={NO_RUN}")
    change(archive)
    with pytest.raises(ArchiveError, match=reason):
        Archive.open(archive)
    with pytest.raises(ArchiveError, match=reason):
        Archives.open({"whole": tmp_path / "whole", "monday": archive})


async def test_who_is_gone_and_ticks_that_failed_make_no_archive_unsound(many, tmp_path):
    anna, zoe = type("Anna", (), {"id": "user-anna"}), await many.persona("Zoe")
    await many.tick(zoe, 1, run=2, calls=3, errors=1, status="failed", failed_step="record")
    await many.tick(zoe, 2, run=2, calls=1, errors=1, attempt=2)
    await many.action(zoe, "notes.list", tick=2, run=2)
    write_archive(many.warehouse, tmp_path)
    assert len(Archive.open(tmp_path).actions_df()) == 10
    await many.remove(anna)
    (tmp_path / "later").mkdir()
    write_archive(many.warehouse, tmp_path / "later")
    assert Archive.open(tmp_path / "later").personas_df()["persona"].tolist() == ["Ben", "Zoe"]


def with_a_name_that_is_no_text(file):
    """Damage a name of a column so that it is no UTF-8."""
    file.write_bytes(file.read_bytes().replace(b"created_at", b"created\xffat"))


@pytest.mark.parametrize("file", ["actions/run=1/data.parquet", "runs.parquet", "personas.parquet"])
async def test_a_name_that_is_no_text_is_an_error_of_the_house(archive, file):
    with_a_name_that_is_no_text(archive / file)
    with pytest.raises(ArchiveError, match="monday: cannot be read as an archive: "):
        Archive.open(archive)
    with pytest.raises(RunFolderError, match="is no Parquet file that can be read"):
        read_parquet(archive / file, VIEWS["runs"])


def test_flipped_bytes_are_an_error_of_the_house(tmp_path):
    write_archive(warehouse_of(lived("todo.create notes.list! notes.list")), tmp_path)
    file = tmp_path / "actions" / "run=1" / "data.parquet"
    whole = file.read_bytes()
    for seed in (1, 6, 23, 59, 89):
        draw, damaged = random.Random(seed), bytearray(whole)
        for _ in range(5):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        file.write_bytes(damaged)
        with pytest.raises(ArchiveError):
            Archive.open(tmp_path)


@pytest.mark.parametrize("folder", ["run=5", "mon[1]", "b*"])
async def test_a_file_alone_is_read_whatever_its_folder_is_called(many, tmp_path, folder):
    for each in ("mon1", "bx", folder):
        (tmp_path / each).mkdir()
    rows = many.warehouse.runs_df()
    with writing() as files:
        for each in ("mon1", "bx"):
            files.write(rows.head(1), VIEWS["runs"], tmp_path / each / "runs.parquet")
        files.write(rows, VIEWS["runs"], tmp_path / folder / "runs.parquet")
    read = read_parquet(tmp_path / folder / "runs.parquet", VIEWS["runs"])
    pd.testing.assert_frame_equal(read, rows)


async def test_what_is_no_file_system_is_told(archive):
    with pytest.raises(InvalidInputError, match="filesystem: got int, allowed: a file system of"):
        Archive.open(archive, filesystem=5)


@pytest.fixture
def two_labs(tmp_path):
    """Two labs in which the same six personas were seeded and did the same."""
    for lab, by in (("monday", 0), ("tuesday", 1)):
        lives = [
            lived("todo.create notes.list", who, n, lab=lab, todo=2 + (n + place) % 3, notes=4 - by)
            for place, who in enumerate(("Anna", "Ben", "Cem", "Dora", "Emil", "Finn"))
            for n in (1, 2, 3)
        ]
        (tmp_path / lab).mkdir()
        write_archive(warehouse_of(*lives), tmp_path / lab)
    return Archives.open({lab: tmp_path / lab for lab in ("monday", "tuesday")})


def test_a_persona_of_several_labs_is_one_persona(two_labs):
    rows = two_labs.feedback_df()
    monday, tuesday = (rows[rows["lab"] == lab] for lab in ("monday", "tuesday"))
    assert rows["persona_id"].nunique() == 12
    assert compare_runs(monday, tuesday, seed=1).shift.n_personas == 6
    assert noise_floor(monday, tuesday).n_personas == 6
    assert compare_models(monday, tuesday, seed=1).n_pairs == 36
    assert compare_within(rows, variant="lab", seed=1).difference.n_personas == 6
    found = compare_modules(rows, seed=1)
    assert (found.n_personas, found.pairs[0].test.p) == (6, 2 / 2**6)
    with pytest.raises(InvalidInputError, match="a persona is in both groups"):
        compare_between(rows, group="lab", seed=1)


def test_what_personas_did_in_several_labs_are_repeats(two_labs):
    rows = two_labs.feedback_df()
    agreement = repeat_agreement(rows, repeat="lab")
    assert agreement["persona_id"].tolist() == sorted(set(rows["email"]))
    assert (agreement["n_raters"] == 2).all()
    assert (agreement["n_units"] == 6).all()
    trials = rows.assign(journey=rows["module"], success=rows["rating"] > 3)
    assert journey_reliability(trials)["personas"].tolist() == [6, 6]
    with pytest.raises(InvalidInputError, match="choose one run of one lab"):
        last_activity(two_labs.ticks_df())


def test_the_personas_of_one_lab_keep_their_ids(two_labs):
    rows = two_labs.feedback_df()
    monday = rows[rows["lab"] == "monday"]
    means = persona_means(monday, "module").means
    assert means.index.tolist() == sorted(set(monday["persona_id"]))
    both = persona_means(rows, "module").means
    assert both.index.tolist() == sorted(set(rows["email"]))


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"], ids=["too long", "no name"])
def test_an_archive_that_cannot_be_made_is_told(tmp_path, name):
    with pytest.raises(SettingsError, match="cannot be made"):
        lab_of(lived("todo.create", todo=4)).export(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
