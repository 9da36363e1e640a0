"""The gateway that most of these tests knock at."""

import pytest
from gateway_house import open_house


@pytest.fixture
async def house(tmp_path, clock):
    async with open_house(tmp_path, clock) as house:
        yield house
