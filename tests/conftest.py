"""What every test uses: one kind of event loop and the seams for time."""

import os

import pytest

from mana_lab.clock import ManualClock

for name in ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS"):  # typer would write colours into pipes
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, the only loop that the product runs on."""
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    """Time that moves only when the test moves it."""
    return ManualClock()
