"""A run is kept as a folder, read without its lab, and lived again."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from folders_house import edited_lines
from lab_house import secret_of
from target_house import Shop, served

from mana_lab import Lab, RunFolder
from mana_lab.analysis.columns import FRAMES
from mana_lab.analysis.parquet import writing
from mana_lab.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
)
from mana_lab.lab.manifest import FILES
from mana_lab.personas import Catalog

FRAMES_OF_A_LAB = ("actions_df", "feedback_df")
MODULES = {"goods": ["goods_*"], "shop": ["opening-hours", "get_weather"]}

pytestmark = pytest.mark.usefixtures("anyio_backend")  # also for fixtures of plain tests


@pytest.fixture(scope="module")
async def lived(tmp_path_factory, seeded_folder, few):
    """Return the folder of a lab that has lived two runs, and the first one of them, kept."""
    home = tmp_path_factory.mktemp("lived")
    shutil.copytree(seeded_folder, home / "lab")
    async with await Lab.open(home / "lab", catalog=few) as lab:
        run = await lab.run(days=2, seed=7, record=True)
        await lab.run(days=1, seed=8)
        await lab.keep_run(run, home / "run")
    return home


@pytest.fixture
def kept(lived, tmp_path):
    """Return a copy of the run folder, to do anything with."""
    return shutil.copytree(lived / "run", tmp_path / "elsewhere")


@pytest.fixture
async def old_lab(lived, few):
    async with await Lab.open(lived / "lab", catalog=few) as lab:
        yield lab


@pytest.mark.slow
async def test_a_kept_run_has_what_the_lab_has_of_it(kept, old_lab, tmp_path):
    folder = RunFolder.open(kept)
    for name in FRAMES_OF_A_LAB:
        here, there = getattr(folder, name)(), getattr(old_lab, name)(1)
        assert here["created_at"].isna().all()
        assert here.drop(columns="created_at").equals(there.drop(columns="created_at"))
    assert folder.summary().equals(old_lab.summary(1))
    assert folder.charts.ratings().png() == old_lab.charts.ratings(1).png()
    query = "SELECT module, avg(rating) AS mean FROM persona_feedback GROUP BY ALL ORDER BY ALL"
    assert folder.sql(query).equals(old_lab.sql(query.replace("GROUP", "WHERE run = 1 GROUP")))
    pages = [
        _but_for_what_others_use(each.report(tmp_path / f"{number}.html", 1).read_text())
        for number, each in enumerate((folder, old_lab))
    ]
    assert pages[0] == pages[1]
    assert repr(folder) == "<RunFolder: run 1, seed 7, brain scripted, with its app>"


def _but_for_what_others_use(page):
    """Return a report without what it says of tools that nobody used but in other runs."""
    return re.sub(r"<li>tools never discovered:.*?</li>", "", page)


async def test_the_same_run_gives_the_same_bytes_whenever_it_is_kept(lived, old_lab, tmp_path):
    await old_lab.keep_run(1, tmp_path / "again")
    files = sorted(path.name for path in (tmp_path / "again").iterdir())
    assert files == sorted([*FILES, "manifest.json"])
    for name in files:
        assert (tmp_path / "again" / name).read_bytes() == (lived / "run" / name).read_bytes()


async def test_a_folder_knows_versions_tools_seed_and_personas(kept, few):
    folder = RunFolder.open(kept)
    recording = folder.manifest.recording
    assert {"python", "mana_lab", "mcp", "pandas", "duckdb"} <= set(recording.versions)
    assert recording.tools.keys() >= {"todo.create", "notes.create"}
    assert (folder.manifest.run.seed, folder.manifest.run.number) == (7, 1)
    assert (folder.catalog.personas, folder.catalog.spaces) == (few.personas, few.spaces)


async def test_no_secret_leaves_the_lab(kept, old_lab):
    secrets = [
        secret_of(old_lab, name)
        for name in ("auth_kek", "persona_seed_secret", "service_key", "admin_password")
    ]
    token = await old_lab.token("anna")
    for path in kept.iterdir():
        raw = path.read_bytes()
        assert not any(secret.encode() in raw for secret in [*secrets, token[:40]])
        assert b"eyJ" not in raw  # how tokens begin


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_only_its_owner_reads_a_folder(lived):
    assert (lived / "run").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (lived / "run").iterdir()} == {0o600}


async def test_a_run_lives_again_without_any_app_to_the_byte(kept, tmp_path):
    folder = RunFolder.open(kept)
    again = await folder.replay()
    assert again.same
    assert (again.mode, again.calls) == ("all", len(folder.actions_df()))
    for name, frame in (("actions", again.actions_df), ("ratings", again.feedback_df)):
        with writing() as parquet:
            parquet.write(frame, FRAMES[name], tmp_path / f"{name}.parquet")
        assert (tmp_path / f"{name}.parquet").read_bytes() == (
            kept / f"{name}.parquet"
        ).read_bytes()
    assert str(again) == f"no difference in {again.calls} calls of {again.ticks} ticks"


async def test_a_run_lives_again_in_a_fresh_lab(kept, tmp_path):
    folder = RunFolder.open(kept)
    async with await Lab.open(tmp_path / "fresh", catalog=folder.catalog) as fresh:
        await fresh.seed()
        again = await fresh.replay(folder)
        assert str(again) == f"no difference in {again.calls} calls of {again.ticks} ticks"
        assert again.mode == "brain"
        kept_again = await fresh.keep_run(-1, tmp_path / "run")
    assert (await kept_again.replay()).same


@pytest.mark.slow
async def test_an_app_that_answers_otherwise_now_is_named(kept, tmp_path):
    def another_answer(lines):
        place = next(n for n, line in enumerate(lines) if "data" in line["answer"])
        lines[place]["answer"]["data"] = {"was": "different"}
        told.append(lines[place])
        return lines

    told = []
    edited_lines(kept, "tape.jsonl", another_answer)
    folder = RunFolder.open(kept)
    async with await Lab.open(tmp_path / "fresh", catalog=folder.catalog) as fresh:
        await fresh.seed()
        found = (await fresh.replay(folder)).difference
    [line] = told
    assert (found.persona, found.tick) == (line["persona"], line["tick"])
    assert (found.track, found.step) == ("app", line["step"])
    assert '"was":"different"' in found.was


async def test_a_run_with_another_server_lives_again_without_it(folder, few, tmp_path):
    async with (
        served(Shop().app()) as url,
        await Lab.target(folder, url=url, modules=MODULES, catalog=few) as lab,
    ):
        assert not (await lab.seed()).failed
        run = await lab.run(days=2, personas=["anna", "maya"], record=True)
        kept = await lab.keep_run(run, tmp_path / "run")
    assert kept.manifest.recording.app != "Mana"
    assert set(kept.actions_df()["module"]) <= {"goods", "shop"}
    again = await kept.replay()
    assert str(again) == f"no difference in {run.calls} calls of {run.ticks} ticks"


async def test_a_lab_that_stands_elsewhere_is_told_so(kept, old_lab, tmp_path, few):
    with pytest.raises(ConflictError, match=r"this lab's time is .* replay it in a fresh lab"):
        await old_lab.replay(kept)
    async with await Lab.open(tmp_path / "other", catalog=Catalog([few[0]])) as other:
        await other.seed()
        found = (await other.replay(kept)).difference
    assert (found.track, found.was, found.became) == ("tick", "a tick", None)


async def test_a_later_run_is_replayed_only_where_the_earlier_ones_were_lived(
    lab, old_lab, tmp_path
):
    later = await old_lab.keep_run(2, tmp_path / "later")
    with pytest.raises(ConflictError, match="is their tick 1 here, and was 3 when the run began"):
        await lab.replay(later)


async def test_a_run_without_its_app_is_read_and_not_replayed_without_one(old_lab, tmp_path):
    later = await old_lab.keep_run(-1, tmp_path / "later")
    assert repr(later).endswith("without its app>")
    assert len(later.actions_df())
    with pytest.raises(InvalidInputError, match="was not recorded with its app"):
        await later.replay()


async def test_a_folder_is_made_whole_or_not_at_all(old_lab, kept, tmp_path):
    with pytest.raises(ConflictError, match="is there already"):
        await old_lab.keep_run(1, kept)
    with pytest.raises(SettingsError, match="cannot be made"):
        await old_lab.keep_run(1, tmp_path / "no" / "such" / "place")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConflictError, match="is there already"):
        await old_lab.keep_run(1, tmp_path / "broken")
    with pytest.raises(NotFoundError, match="this lab has no run 9"):
        await old_lab.keep_run(9, tmp_path / "nine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "elsewhere"]


async def test_a_run_that_is_not_over_is_not_kept(lab, tmp_path):
    begun = asyncio.Event()

    class Slow:
        name, model = "slow", None

        async def use(self, _app, _scene):
            begun.set()
            await asyncio.Event().wait()

        async def rate(self, _scene, _actions):
            return []

    task = asyncio.create_task(lab.run(days=1, brain=Slow(), record=True))
    await begun.wait()
    with pytest.raises(ConflictError, match="has ticks that have not ended"):
        await lab.keep_run(-1, tmp_path / "run")
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(ConflictError, match="has ticks that have not ended"):
        await lab.keep_run(-1, tmp_path / "run")


def test_reading_a_folder_makes_nothing(kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(Path().rglob("*"))
    folder = RunFolder.open(kept)
    folder.summary()
    json.loads((kept / "manifest.json").read_text())
    assert sorted(Path().rglob("*")) == before
