"""The services that the tools stand on, and tools of our own."""

import pytest
from registry_house import open_house
from registry_tools import REGISTRY


@pytest.fixture
async def house(tmp_path, clock):
    async with open_house(tmp_path, clock, REGISTRY) as house:
        yield house


@pytest.fixture
async def anna(house):
    return await house.user("anna")
