"""The app's tools, on the services that they stand on."""

import sys
from pathlib import Path

import pytest

from mana_lab.tools import default_registry

sys.path.insert(0, str(Path(__file__).parents[1] / "registry"))

from registry_house import open_house


@pytest.fixture
async def house(tmp_path, clock):
    async with open_house(tmp_path, clock, default_registry()) as house:
        yield house


@pytest.fixture
async def anna(house):
    return await house.user("anna")
