"""A run folder that was changed is refused, and the refusal names what is wrong."""

import hashlib
import json
import shutil

import duckdb
import pytest
from folders_house import edited, edited_lines, edited_manifest, sealed

from mana_lab import Lab, RunFolder
from mana_lab.analysis import parquet
from mana_lab.errors import CatalogError, ProtocolError, RunFolderError

DEEP = b"[" * 100_000

pytestmark = pytest.mark.usefixtures("anyio_backend")  # also for fixtures of plain tests


@pytest.fixture(scope="module")
async def original(tmp_path_factory, seeded_folder, few):
    home = tmp_path_factory.mktemp("original")
    shutil.copytree(seeded_folder, home / "lab")
    async with await Lab.open(home / "lab", catalog=few) as lab:
        run = await lab.run(days=1, personas=["anna"], record=True)
        await lab.keep_run(run, home / "run")
    return home / "run"


@pytest.fixture
def kept(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RunFolderError, match="there is no run folder at"):
        RunFolder.open(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match=r"is no run folder: it has no manifest\.json"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("name", ["tape.jsonl", "actions.parquet", "catalog.json"])
def test_a_changed_file_is_named(kept, name):
    raw = (kept / name).read_bytes()
    (kept / name).write_bytes(raw[:-3] + b"\n}]"[: len(raw[-3:])])
    with pytest.raises(RunFolderError, match=rf"{name}: was changed; its SHA-256"):
        RunFolder.open(kept)


def test_a_truncated_a_longer_and_a_missing_file_are_named(kept):
    raw = (kept / "tape.jsonl").read_bytes()
    (kept / "tape.jsonl").write_bytes(raw[:-10])
    with pytest.raises(RunFolderError, match=r"tape\.jsonl: has \d+ bytes instead of \d+"):
        RunFolder.open(kept)
    (kept / "tape.jsonl").write_bytes(raw + b"{}\n")
    with pytest.raises(RunFolderError, match=r"tape\.jsonl: has \d+ bytes, and may have \d+"):
        RunFolder.open(kept)
    (kept / "tape.jsonl").unlink()
    with pytest.raises(RunFolderError, match=r"tape\.jsonl: is missing"):
        RunFolder.open(kept)


@pytest.mark.parametrize("name", ["notes.txt", "..evil", "TAPE.JSONL", ".hidden"])
def test_what_does_not_belong_there_is_named(kept, name):
    (kept / name).write_text("hello")
    with pytest.raises(RunFolderError, match="does not belong into a run folder"):
        RunFolder.open(kept)


@pytest.mark.parametrize("name", ["manifest.json", "tape.jsonl", "ticks.parquet"])
@pytest.mark.parametrize("kind", ["link", "folder"])
def test_links_and_folders_are_no_files(kept, tmp_path, name, kind):
    (kept / name).rename(tmp_path / name)
    if kind == "link":
        (kept / name).symlink_to(tmp_path / name)
    else:
        (kept / name).mkdir()
    with pytest.raises(RunFolderError, match=rf"{name}: is no plain file"):
        RunFolder.open(kept)


@pytest.mark.parametrize("name", ["../secrets.json", "/etc/passwd", "a/b", "tape.jsonl\x00", ""])
def test_a_manifest_leads_nowhere_else(kept, name):
    edited_manifest(kept, lambda known: known["files"].update({name: known["files"]["tape.jsonl"]}))
    with pytest.raises(RunFolderError, match=r"lists .* which is no file of a run folder"):
        RunFolder.open(kept)


def test_a_manifest_lists_every_file(kept):
    edited_manifest(kept, lambda known: known["files"].pop("tape.jsonl"))
    with pytest.raises(RunFolderError, match=r"does not list 'tape\.jsonl'"):
        RunFolder.open(kept)


@pytest.mark.parametrize("version", [0, 2, "1", None, True, 10**30])
def test_another_version_is_refused(kept, version):
    edited_manifest(kept, lambda known: known.update(format=version))
    with pytest.raises(RunFolderError, match="this version of mana_lab reads 1"):
        RunFolder.open(kept)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        DEEP,
        b"\xff\xfe",
        b'{"format": 1, "format": 1}',
        b'{"format": NaN}',
        b'{"format": 1}',
        b'{"format": 1, "run": 7, "recording": null, "files": {}}',
        b'{"format": 1, "run": {}, "recording": null, "files": [], "more": 1}',
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_what_is_no_manifest_is_refused(kept, raw):
    (kept / "manifest.json").write_bytes(raw)
    with pytest.raises(RunFolderError, match=r"manifest\.json: "):
        RunFolder.open(kept)


@pytest.mark.parametrize("size", [-1, 10**15, 1.5, "9"])
def test_a_manifest_says_how_large_files_are(kept, size):
    edited_manifest(kept, lambda known: known["files"]["tape.jsonl"].update(bytes=size))
    with pytest.raises(RunFolderError, match=r"bytes"):
        RunFolder.open(kept)


@pytest.mark.parametrize(
    "raw",
    [b"", b"PAR1", b"PAR1" + b"\xff" * 64 + b"PAR1", b"run,persona\n1,Anna\n"],
    ids=["empty", "short", "damaged", "csv"],
)
def test_what_is_no_parquet_is_named(kept, raw):
    edited(kept, "actions.parquet", lambda _: raw)
    folder = RunFolder.open(kept)
    with pytest.raises(RunFolderError, match=r"actions\.parquet: is no Parquet file") as error:
        folder.actions_df()
    assert str(kept) not in str(error.value)


@pytest.mark.parametrize(
    "columns",
    ["*, 1 AS more", "* EXCLUDE (tool_name)", "* REPLACE (1 AS tool_name)", "seq, *"],
    ids=["more", "fewer", "type", "order"],
)
def test_parquet_with_other_columns_is_named(kept, columns):
    path = kept / "actions.parquet"
    with duckdb.connect(":memory:") as duck:
        duck.execute(f"CREATE TABLE t AS SELECT {columns} FROM read_parquet('{path}')")
        duck.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    sealed(kept, path.name)
    with pytest.raises(RunFolderError, match=r"actions\.parquet: has not the columns"):
        RunFolder.open(kept).actions_df()


@pytest.mark.parametrize(
    ("name", "column"),
    [("ticks", "tick"), ("ticks", "scheduled_at"), ("ratings", "rating"), ("personas", "email")],
)
def test_a_row_without_what_it_is_known_by_is_named(kept, name, column):
    path = kept / f"{name}.parquet"
    with duckdb.connect(":memory:") as duck:
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute(f"CREATE TABLE t AS SELECT * FROM read_parquet('{path}')")
        duck.execute(f"UPDATE t SET {column} = NULL")
        duck.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    sealed(kept, path.name)
    with pytest.raises(RunFolderError, match=rf"{name}\.parquet: has a row without {column}"):
        RunFolder.open(kept).summary()


async def test_a_list_of_things_that_are_no_tools_is_refused(kept):
    tools = [{"name": 7}]
    digest = hashlib.sha256(json.dumps(tools).encode()).hexdigest()
    edited_lines(kept, "offers.jsonl", lambda _: [{"hash": digest, "answer": tools}])
    with pytest.raises(ProtocolError, match="a list of tools that is none"):
        await RunFolder.open(kept).replay()


def test_parquet_that_unpacks_to_too_much_is_refused(kept, monkeypatch):
    path = kept / "actions.parquet"
    monkeypatch.setattr(parquet, "MOST_UNPACKED", 1_000_000)
    with duckdb.connect(":memory:") as duck:
        long = "repeat('a' || n, 1000) AS error_message"
        rows = f"SELECT * REPLACE ({long}) FROM read_parquet('{path}'), range(2000) AS r(n)"
        duck.execute(f"COPY (SELECT * EXCLUDE (n) FROM ({rows})) TO '{path}.new' (FORMAT parquet)")
    (kept / "actions.parquet.new").rename(path)
    sealed(kept, path.name)
    with pytest.raises(RunFolderError, match=r"actions\.parquet: unpacks to \d+ bytes; at most"):
        RunFolder.open(kept).actions_df()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[1]\n",
        b"not json\n",
        b'{"run":1}\n',
        DEEP + b"\n",
        b'{"answer": NaN}\n',
        b"{}",
    ],
    ids=lambda line: repr(line[:20]),
)
async def test_a_line_that_is_none_of_a_tape_is_named(kept, line):
    edited(kept, "tape.jsonl", lambda raw: raw + line)
    number = len((kept / "tape.jsonl").read_bytes().split(b"\n")) - line.endswith(b"\n")
    with pytest.raises(RunFolderError, match=rf"tape\.jsonl: line {number}: "):
        await RunFolder.open(kept).replay()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines[1:], "line 1: is out of place"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "line 2: is out of place"),
        (lambda lines: [{**lines[0], "run": "another"}, *lines[1:]], "line 1: is out of place"),
        (lambda lines: [{**lines[0], "persona": "x"}], "a tick that is not in the run"),
        (lambda lines: [{**lines[0], "track": "radio"}], "line 1: track"),
        (lambda lines: [{**lines[0], "step": -1}], "line 1: step"),
        (lambda lines: [{**lines[0], "request": "none"}], "line 1: request"),
        (lambda lines: [{**lines[0], "more": 1}], "line 1: more"),
        (lambda lines: [{**lines[0], "text": "{"}], "line 1: text: is not JSON"),
    ],
    ids=["cut", "twice", "run", "persona", "track", "step", "request", "more", "text"],
)
async def test_a_tape_that_is_out_of_order_is_refused(kept, change, reason):
    edited_lines(kept, "tape.jsonl", change)
    with pytest.raises(RunFolderError, match=reason):
        await RunFolder.open(kept).replay()


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("offers.jsonl", b'{"hash":"x","answer":[]}\n', "is not the list of its hash"),
        ("offers.jsonl", b"7\n", "is no list of tools"),
        ("memory.json", b"[]\n", "is not what personas remember"),
        ("memory.json", b'{"a": 1}\n', "is not what personas remember"),
        ("memory.json", DEEP, "is not JSON"),
    ],
    ids=["hash", "list", "no object", "no memory", "deep"],
)
async def test_other_files_of_a_tape_are_checked_as_well(kept, name, raw, reason):
    edited(kept, name, lambda _: raw)
    with pytest.raises(RunFolderError, match=f"{name}: .*{reason}|{name}: {reason}"):
        await RunFolder.open(kept).replay()


async def test_an_answer_that_is_none_of_an_app_is_refused(kept):
    edited_lines(kept, "tape.jsonl", lambda lines: [{**lines[0], "answer": {}}, *lines[1:]])
    with pytest.raises(ProtocolError, match="step 0 of the tape is not an answer of an app"):
        await RunFolder.open(kept).replay()


def test_a_damaged_catalog_is_named(kept):
    edited(kept, "catalog.json", lambda _: b'{"personas": []}')
    with pytest.raises(CatalogError, match=r"catalog\.json"):
        RunFolder.open(kept).catalog  # noqa: B018


async def test_a_shorter_tape_ends_the_tick_that_it_was_cut_in(kept):
    edited_lines(kept, "tape.jsonl", lambda lines: lines[:-2])
    again = await RunFolder.open(kept).replay()
    assert not again.same
    assert again.difference.persona == "persona.anna@mana.test"


def test_a_forged_manifest_holds_no_html(kept):
    edited_manifest(kept, lambda known: known["run"].update(brain="<script>"))
    assert json.loads((kept / "manifest.json").read_text())["run"]["brain"] == "<script>"
    assert not hasattr(RunFolder.open(kept), "_repr_html_")
