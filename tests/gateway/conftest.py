"""The gateway that most of these tests knock at, and the JavaScript that knocks."""

import pytest
from calls_house import open_room
from gateway_house import open_house
from gateway_sessions import Sessions
from node_house import NoNodeError, install, without_node


@pytest.fixture
async def house(tmp_path, clock):
    async with open_house(tmp_path, clock) as house:
        yield house


@pytest.fixture
def sessions():
    """Return what counts the sessions that a test opens."""
    return Sessions()


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Return Node with the pinned packages."""
    try:
        return install(tmp_path_factory.mktemp("node"))
    except NoNodeError as reason:
        without_node(reason)


@pytest.fixture
async def room(tmp_path, clock):
    async with open_room(tmp_path, clock) as room:
        yield room
