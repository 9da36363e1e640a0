"""An identity service for the personas to become users of."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "identity"))

from identity_house import open_house
from store_house import SqliteHome

from mana_lab.personas import Catalog, load_catalog

CAST = ("anna", "ben", "maya")


@pytest.fixture
async def house(tmp_path, clock):
    async with open_house(SqliteHome(tmp_path), clock) as house:
        yield house


@pytest.fixture
def catalog() -> Catalog:
    """Return all ten."""
    return load_catalog()


@pytest.fixture
def few() -> Catalog:
    """Return three personas."""
    catalog = load_catalog()
    return Catalog([catalog.get(name) for name in CAST])
