"""The first day of everybody, which all searches begin after."""

import asyncio

import pytest
from isolation_house import first_day, folder


@pytest.fixture(scope="session")
def day():
    with folder() as where:
        yield asyncio.run(first_day(where))
