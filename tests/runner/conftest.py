"""A lab with the personas that most of these tests play with."""

import pytest
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
