"""A lab that has been lived in, and the command line."""

import asyncio
import shutil

import pytest
from commands_house import VARIABLES
from typer.testing import CliRunner

from mana_lab import Lab
from mana_lab.commands import app


@pytest.fixture
def run():
    """Return what runs a command in this process, without the caller's environment."""

    def invoke(*arguments, **environ):
        clean = dict.fromkeys(VARIABLES) | {"COLUMNS": "200"} | environ
        return CliRunner().invoke(app, [str(each) for each in arguments], env=clean)

    return invoke


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory):
    """Return the folder of a lab after one day; tests only read it."""
    folder = tmp_path_factory.mktemp("lived") / "lab"

    async def live():
        async with await Lab.open(folder) as lab:
            await lab.seed()
            await lab.run(days=1)

    asyncio.run(live())
    return folder


@pytest.fixture
def lab_folder(tmp_path, lived_in):
    """Return a copy of that lab's folder, for a test that changes it."""
    return shutil.copytree(lived_in, tmp_path / "lab")
