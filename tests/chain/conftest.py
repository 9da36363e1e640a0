"""A seeded lab's folder, which no process has open."""

import shutil

import pytest

from mana_lab import Lab
from mana_lab.personas import Catalog, load_catalog


@pytest.fixture(scope="session")
def pair() -> Catalog:
    """Return two personas."""
    catalog = load_catalog()
    return Catalog([catalog.get("anna"), catalog.get("ben")])


@pytest.fixture(scope="session")
async def pair_folder(tmp_path_factory, pair):
    """Return the folder of a lab with two personas; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("pair") / "lab"
    async with await Lab.open(folder, catalog=pair) as lab:
        assert not (await lab.seed()).failed
    return folder


@pytest.fixture
def folder(tmp_path, pair_folder):
    """Return the folder of a seeded lab that is not open."""
    return shutil.copytree(pair_folder, tmp_path / "lab")
