"""What every test uses: one kind of event loop, the seams for time, and databases."""

import gc
import os
from collections import Counter

import pytest
from postgres_house import (
    REQUIRED_VARIABLE,
    URL_VARIABLE,
    NoPostgresError,
    OwnServer,
    open_server,
)
from store_house import PostgresHome, SqliteHome

from mana_lab.clock import ManualClock

for name in ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS"):  # typer would write colours into pipes
    os.environ.pop(name, None)
# Names the server to test on; no lab of a test shall use the very database that it names.
GIVEN_SERVER = {URL_VARIABLE: os.environ.pop(URL_VARIABLE, "")}


_IDENTITY = (
    "accounts",
    "activity",
    "attacks",
    "client",
    "due",
    "exchange",
    "invitations",
    "keys",
    "lockout",
    "long_tokens",
    "personas",
    "policies",
    "recovery",
    "requests",
    "sessions",
    "shared_spaces",
    "tokens",
)
_SYNC = (
    "admission",
    "attacks",
    "client",
    "exchanged",
    "hostile",
    "live",
    "orders",
    "pull",
    "replica",
    "service",
)
SLOW_ON_POSTGRES = frozenset(
    [f"test_identity_{name}" for name in _IDENTITY] + [f"test_sync_{name}" for name in _SYNC]
)
"""What hardly depends on the store; CI runs it on PostgreSQL too."""

SLOW_MODULES = frozenset(
    [
        "test_chain_over_ports",
        "test_commands_advice",
        "test_commands_connecting",
        "test_commands_explaining",
        "test_commands_keeping",
        "test_commands_serving",
        "test_commands_sharding",
        "test_findings_varied",
        "test_gateway_command",
        "test_gateway_session_ends",
        "test_lab_connect",
        "test_lab_ownership",
        "test_lab_replay",
        "test_lab_replay_folders",
        "test_lab_replay_models",
        "test_lab_seed_chain",
        "test_lab_shards",
        "test_notebook_background",
        "test_notebook_elsewhere",
        "test_postgres_upgrade",
        "test_runner_replay",
        "test_runner_service_command",
        "test_runner_service_duty",
        "test_runner_target_remote",
        "test_runner_target_ticks",
        "test_testing_gate",
    ]
)
"""What takes long for what it guards; CI runs it too."""

QUICK_NOTEBOOKS = frozenset(
    ["00_quickstart", "01_seed_personas", "02_drive_tools", "06_any_mcp_server"]
)
"""Notebooks that are checked cell by cell by default; CI checks all."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Refuse two tests of one name, and leave to CI what is long and was tried on SQLite."""
    twins = [name for name, times in Counter(item.nodeid for item in items).items() if times > 1]
    if twins:  # pytest-xdist would run only one of them, and say nothing
        message = f"several tests have one name: {', '.join(twins)}"
        raise pytest.UsageError(message)
    for item in items:
        spec = getattr(item, "callspec", None)
        on_postgres = spec is not None and spec.params.get("home") == "postgres"
        if on_postgres and item.path.stem in SLOW_ON_POSTGRES:
            item.add_marker(pytest.mark.slow)
        is_long_notebook = item.path.suffix == ".ipynb" and item.path.stem not in QUICK_NOTEBOOKS
        if is_long_notebook or item.path.stem in SLOW_MODULES:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """Spare the collector of garbage what stays until the end: all that was imported and found."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, the only loop that the product runs on."""
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    """Time that moves only when the test moves it."""
    return ManualClock()


def _started(start):
    """Start a server; without one the test is skipped, or fails if it must not be."""
    try:
        return start()
    except NoPostgresError as reason:
        if os.environ.get(REQUIRED_VARIABLE):
            pytest.fail(f"{REQUIRED_VARIABLE} is set, but: {reason}")
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def postgres():
    """Return a PostgreSQL server."""
    server = _started(lambda: open_server(GIVEN_SERVER))
    yield server
    server.close()


@pytest.fixture(scope="session")
def mortal_postgres():
    """Return a PostgreSQL server that a test may kill, set up to lose what nobody insists on.

    It answers a commit before it is on the disk, or even out of its memory, wherever it is left
    that choice.
    """
    lazy = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    server = _started(lambda: OwnServer(durable=True, **lazy))
    yield server
    server.close()


@pytest.fixture(scope="session")
async def template(postgres):
    """Return the name of a database with the tables of all services, for copying."""
    from mana_lab.identity import server as identity
    from mana_lab.runner import ledger
    from mana_lab.storage import Store
    from mana_lab.sync import server as sync

    home = PostgresHome(postgres)
    for service in (identity, sync, ledger):
        async with await Store.open(home.url(""), service.METADATA):
            pass
    return home.database


@pytest.fixture
def postgres_home(postgres, template):
    """Return a PostgreSQL database with the services' tables in it."""
    home = PostgresHome(postgres, template)
    yield home
    home.close()


@pytest.fixture(params=["sqlite", "postgres"])
def home(request, tmp_path):
    """Return databases of the one kind, then of the other."""
    if request.param == "sqlite":
        return SqliteHome(tmp_path)
    return request.getfixturevalue("postgres_home")
