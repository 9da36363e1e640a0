"""A seeded lab of four personas who use two modules, so that there is something to compare."""

import shutil

import pytest

from mana_lab import Lab
from mana_lab.personas import Catalog, load_catalog

NAMES = ("anna", "ben", "maya", "tom")


def daily(mix):
    """Return four personas of the catalog who use these modules every day."""
    changed = {"module_mix": mix, "tick_cadence": "daily", "timezone": "Europe/Berlin"}
    return Catalog([load_catalog().get(name).model_copy(update=changed) for name in NAMES])


@pytest.fixture(scope="session")
async def seeded(tmp_path_factory):
    """Return the folder of a seeded lab; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("experiments") / "lab"
    async with await Lab.open(folder, catalog=daily({"todo": 0.6, "notes": 0.4})) as lab:
        assert not (await lab.seed()).failed
    return folder


@pytest.fixture
def folder(tmp_path, seeded):
    return shutil.copytree(seeded, tmp_path / "lab")


@pytest.fixture
async def lab(folder):
    async with await Lab.open(folder) as lab:
        yield lab
