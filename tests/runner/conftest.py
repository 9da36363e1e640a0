"""A lab with the personas that most of these tests play with."""

import pytest
from playing_house import ANNA, few_tools
from runner_house import cast, open_mana


@pytest.fixture
async def mana(tmp_path):
    async with open_mana(tmp_path, cast("anna", "maya")) as mana:
        yield mana


@pytest.fixture
def anna():
    [persona] = cast("anna")
    return persona


@pytest.fixture
def maya():
    [persona] = cast("maya")
    return persona


@pytest.fixture
async def fresh(tmp_path):
    """Return a lab with few tools in which nothing has happened, for whole ticks."""
    async with open_mana(tmp_path, [ANNA], registry=few_tools()) as mana:
        yield mana


@pytest.fixture(scope="module")
async def shared(tmp_path_factory):
    """Return a lab with few tools that single visits share."""
    async with open_mana(tmp_path_factory.mktemp("mana"), [ANNA], registry=few_tools()) as mana:
        yield mana
