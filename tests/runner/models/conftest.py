"""Whom these tests play with."""

import pytest
from models_house import ANNA
from runner_house import open_mana


@pytest.fixture(scope="module")
async def mana(tmp_path_factory):
    """Return a lab that single visits share."""
    async with open_mana(tmp_path_factory.mktemp("mana"), [ANNA]) as mana:
        yield mana


@pytest.fixture
async def fresh(tmp_path):
    """Return a lab in which nothing has happened, for whole ticks."""
    async with open_mana(tmp_path, [ANNA]) as mana:
        yield mana
