"""The notebooks pointed at something else than a lab of their own, through the environment."""

import asyncio
import json
import shutil

import pytest
from notebook_house import SHIPPED, outputs

from mana_lab import Lab
from mana_lab.errors import NotebookFailedError
from mana_lab.notebook.files import copy
from mana_lab.notebook.refresh import refresh
from mana_lab.personas import Catalog, load_catalog

READING = ("03_actions", "04_feedback", "10_fortnight_timeline")
ACTING = ("00_quickstart", "02_drive_tools", "11_write_your_own_tool")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Return a folder with a lab of three personas, its export, and its last run, kept."""
    home = tmp_path_factory.mktemp("elsewhere")
    people = Catalog([load_catalog().get(name) for name in ("anna", "ben", "maya")])

    async def live():
        async with await Lab.open(home / "lab", catalog=people) as lab:
            await lab.seed()
            await lab.run(days=1, seed=3)
            await lab.run(days=2, seed=4)
            lab.export(home / "archive")
            await lab.keep_run(2, home / "kept")

    asyncio.run(live())
    return home


def shipped(name):
    (path,) = [each for each in SHIPPED if each.stem == name]
    return path


def said(path):
    """Return all texts that the notebook put out."""
    texts = [each for cell in outputs(path) for each in cell]
    return json.dumps([{key: text for key, text in each.items() if key != "png"} for each in texts])


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("03_actions", "archive"),
        pytest.param("03_actions", "lab", marks=pytest.mark.slow),
        pytest.param("03_actions", "kept", marks=pytest.mark.slow),
        ("04_feedback", "kept"),
        pytest.param("04_feedback", "lab", marks=pytest.mark.slow),
        pytest.param("04_feedback", "archive", marks=pytest.mark.slow),
        pytest.param("10_fortnight_timeline", "lab", marks=pytest.mark.slow),
    ],
)
def test_a_notebook_reads_another_lab(tmp_path, monkeypatch, elsewhere, name, place):
    monkeypatch.setenv("MANA_LAB_DIR", str(elsewhere / place))
    [path] = copy([shipped(name)], tmp_path)
    refresh(path)
    assert "<Run: seed 4, brain scripted, from 2026-01-06 00:00" in said(path)
    assert "seeding" not in said(path)


@pytest.mark.slow
def test_the_run_and_the_persona_can_be_chosen(tmp_path, monkeypatch, elsewhere):
    monkeypatch.setenv("MANA_LAB_DIR", str(elsewhere / "archive"))
    monkeypatch.setenv("MANA_LAB_RUN", "1")
    monkeypatch.setenv("MANA_LAB_PERSONA", "ben")
    [path] = copy([shipped("10_fortnight_timeline")], tmp_path)
    refresh(path)
    assert "<Run: seed 3" in said(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTING)
def test_a_notebook_acts_in_another_lab(tmp_path, monkeypatch, elsewhere, name):
    folder = shutil.copytree(elsewhere / "lab", tmp_path / "lab")
    monkeypatch.setenv("MANA_LAB_DIR", str(folder))
    monkeypatch.setenv("MANA_LAB_DAYS", "1")
    [path] = copy([shipped(name)], tmp_path)
    refresh(path)

    async def rows():
        async with await Lab.open(folder) as lab:
            return len(lab.runs_df()), len(lab.actions_df())

    runs, calls = asyncio.run(rows())
    assert runs == (2 if name == "02_drive_tools" else 3)
    assert calls > len(load_catalog())


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("MANA_LAB_DIR", "/nowhere/at/all", "neither the folder of a lab nor a run folder"),
        ("MANA_LAB_DIR", "a\tb", r"MANA_LAB_DIR: got 'a\\tb', need a text in one line"),
        ("MANA_LAB_RUN", "last", "MANA_LAB_RUN: got 'last', need a whole number"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, monkeypatch, variable, value, reason):
    monkeypatch.setenv(variable, value)
    [path] = copy([shipped("03_actions")], tmp_path)
    with pytest.raises(NotebookFailedError, match=reason):
        refresh(path)
    assert path.read_bytes() == shipped("03_actions").read_bytes()


@pytest.mark.slow
def test_a_run_that_is_not_there_is_told(tmp_path, monkeypatch, elsewhere):
    monkeypatch.setenv("MANA_LAB_DIR", str(elsewhere / "lab"))
    monkeypatch.setenv("MANA_LAB_RUN", "7")
    [path] = copy([shipped("03_actions")], tmp_path)
    with pytest.raises(NotebookFailedError, match="has no run 7; its runs are 1, 2"):
        refresh(path)


def test_every_notebook_says_by_its_parameters_whether_it_can_be_pointed_elsewhere():
    pointed = {path.stem for path in SHIPPED if "MANA_LAB_DIR" in path.read_text(encoding="utf-8")}
    assert pointed >= {*READING, *ACTING}
