"""Whom these tests play with."""

import pytest
from models_house import ANNA, few_tools
from runner_house import open_mana


@pytest.fixture(scope="module")
async def mana(tmp_path_factory):
    """Return a lab with few tools that single visits share."""
    async with open_mana(tmp_path_factory.mktemp("mana"), [ANNA], registry=few_tools()) as mana:
        yield mana


@pytest.fixture
async def fresh(tmp_path):
    """Return a lab with few tools in which nothing has happened, for whole ticks."""
    async with open_mana(tmp_path, [ANNA], registry=few_tools()) as mana:
        yield mana
