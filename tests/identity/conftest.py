"""The identity service that most of these tests talk to."""

import pytest
from identity_house import open_house


@pytest.fixture
async def house(home, clock):
    async with open_house(home, clock) as house:
        yield house
