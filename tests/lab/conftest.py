"""A lab of its own for a test, with the personas in it."""

import shutil

import pytest

from mana_lab import Lab
from mana_lab.personas import Catalog, load_catalog

NAMES = ("anna", "ben", "maya", "paul")


@pytest.fixture(scope="session")
def few() -> Catalog:
    """Return four personas: enough for most tests, and quickly seeded.

    Paul wants nothing that the app has a tool for.
    """
    catalog = load_catalog()
    people = [catalog.get(name) for name in NAMES]
    return Catalog([*people[:-1], people[-1].model_copy(update={"module_mix": {"cards": 1.0}})])


@pytest.fixture(scope="session")
async def seeded_folder(tmp_path_factory, few):
    """Return the folder of a seeded lab; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("seeded") / "lab"
    async with await Lab.open(folder, catalog=few) as lab:
        assert not (await lab.seed()).failed
    return folder


@pytest.fixture
def folder(tmp_path, seeded_folder):
    """Return the folder of a seeded lab that is not open."""
    return shutil.copytree(seeded_folder, tmp_path / "lab")


@pytest.fixture
async def lab(folder, few):
    """Return a seeded lab of four personas."""
    async with await Lab.open(folder, catalog=few) as lab:
        yield lab
