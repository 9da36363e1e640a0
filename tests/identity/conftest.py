"""The identity service that most of these tests talk to."""

import pytest
from identity_house import open_house


@pytest.fixture
async def house(tmp_path, clock):
    async with open_house(tmp_path, clock) as house:
        yield house
