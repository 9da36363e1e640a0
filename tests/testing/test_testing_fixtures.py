"""The fixtures as a project that has installed mana_lab gets them: in a pytest of its own."""

import sys

import pytest
from testing_house import hermetic

from mana_lab.testing import labs  # noqa: F401 - once, as tests in this process load it again

pytest_plugins = ["pytester"]

ANYIO = """
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.mana_lab(personas=["anna", "ben"])]

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

PLANTS = """
from pydantic import Field
from mana_lab.registry import Table, ToolContext, ToolInput, ToolOutput, tool

PLANTS = Table("plants", "plants")

class Plant(ToolOutput):
    id: str
    name: str

class NewPlant(ToolInput):
    name: str = Field(min_length=1, max_length=200, description="Its name", examples=["Fern"])

@tool("plants.add", policy_hint="write", tables=(PLANTS,))
async def add(given: NewPlant, ctx: ToolContext) -> Plant:
    '''Add a plant to look after.

    For watering it every week use habits.create.

    Example: {"name": "Fern"}
    '''
    return Plant.of(await ctx.records(PLANTS).create(given.model_dump(by_alias=True)))
"""

TESTS = """
import asyncio
import copy
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

async def test_a_call_is_audited(lab, persona):
    anna = await persona("anna")
    outcome = await anna.call("todo.create", title="Essay")
    assert outcome.ok
    assert list(lab.actions_df()["tool_name"]) == ["todo.create"]
    assert repr(anna).startswith("<Anna, signed in")
    assert repr(lab).startswith("<Lab: 2 personas")
    assert "actions_df" in dir(lab)
    assert repr(copy.copy(lab)) == repr(lab)

async def test_another_test_has_a_lab_of_its_own(lab):
    assert lab.actions_df().empty
    run = await lab.run(days=1)
    assert run.status == "done"
    assert len(lab.actions_df(run)) == run.calls > 0

async def test_a_session_ends_with_its_block(lab):
    from mana_lab.errors import LabClosedError
    async with await lab.persona("ben") as ben:
        assert (await ben.call("todo.list")).data["tasks"] == []
    with pytest.raises(LabClosedError):
        await ben.call("todo.list")

async def test_what_is_cancelled_ends(lab):
    running = asyncio.create_task(lab.run(days=300))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    anna = await lab.persona("anna")
    assert (await anna.call("todo.list")).ok

@pytest.mark.mana_lab(personas=["anna"], tools=[add])
async def test_the_lab_offers_a_tool_of_the_project(lab, persona):
    anna = await persona("anna")
    assert len(lab.catalog) == 1
    assert (await anna.call("plants.add", name="Fern")).data["name"] == "Fern"

async def test_any_client_reaches_the_gateway(gateway, lab):
    http = httpx2.AsyncClient(headers=gateway.headers("anna"))
    async with http, Client(streamable_http_client(gateway.url, http_client=http)) as client:
        answer = await client.call_tool("todo.create", {"title": "Essay"})
        assert answer.structured_content["task"]["title"] == "Essay"
    anna = await lab.persona("anna")
    assert [each["title"] for each in (await anna.call("todo.list")).data["tasks"]] == ["Essay"]
"""


@pytest.mark.slow
def test_plain_async_tests_get_labs(pytester):
    hermetic(pytester).makepyfile(ANYIO + PLANTS + TESTS)
    pytester.runpytest_subprocess().assert_outcomes(passed=6)


def test_it_does_not_matter_whose_event_loops_the_tests_run_in(pytester):
    """A plugin that runs each test in a loop of its own, without fixtures that are async."""
    hermetic(pytester).makeconftest(
        """
        import asyncio, inspect

        def pytest_pyfunc_call(pyfuncitem):
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                names = inspect.signature(pyfuncitem.obj).parameters
                given = {name: pyfuncitem.funcargs[name] for name in names}
                asyncio.run(pyfuncitem.obj(**given))
                return True
        """
    )
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.mana_lab(personas="anna")

        async def test_async(lab, persona):
            anna = await persona("anna")
            assert (await anna.call("todo.create", title="Essay")).ok

        def test_not_async(lab, gateway):
            assert gateway.url.startswith("http://127.0.0.1:")
            assert gateway.token("anna").count(".") == 2
            anna = lab.wait(lab.persona, "anna")
            assert anna.wait(anna.call, "todo.list").data["tasks"] == []
        """
    )
    pytester.runpytest_inprocess("-p", "no:anyio").assert_outcomes(passed=2)


def test_a_wrong_wish_is_told(pytester):
    hermetic(pytester).makepyfile(
        """
        import pytest

        @pytest.mark.mana_lab(personas=["nobody"])
        def test_nobody(lab): ...

        @pytest.mark.mana_lab(person=["anna"])
        def test_misspelt(lab): ...

        @pytest.mark.mana_lab(personas=[])
        def test_empty(lab): ...
        """
    )
    done = pytester.runpytest_inprocess()
    done.assert_outcomes(errors=3)
    done.stdout.fnmatch_lines(["*InvalidInputError: personas: got [[][]], allowed: at least one*"])
    done.stdout.fnmatch_lines(["*UnknownPersonaError: the catalog has no persona 'nobody'*"])
    done.stdout.fnmatch_lines(["*unexpected keyword argument 'person'*"])


def test_fixtures_of_the_project_go_first(pytester):
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def lab():
            return "mine"
        """
    )
    pytester.makepyfile("def test_mine(lab): assert lab == 'mine'")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


ONLY_THIS_PLUGIN = """
import os, sys, pytest
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
assert pytest.main(["-q", "-p", "mana_lab.testing.plugin"]) == 0
print("loaded", *sys.modules)
"""


def test_whoever_does_not_use_it_pays_nothing(pytester):
    pytester.makepyfile("def test_nothing(): pass")
    loaded = pytester.run(sys.executable, "-c", ONLY_THIS_PLUGIN).outlines[-1].split()
    rooms = {name for name in loaded if name.startswith("mana_lab.")}
    assert {name for name in rooms if not name.startswith("mana_lab.testing")} == set()
    assert "mana_lab.testing.plugin" in rooms
    assert not {"pandas", "duckdb", "scipy", "matplotlib", "mcp", "pydantic"} & set(loaded)


@pytest.mark.parametrize("option", ["--markers", "--fixtures", "--help"])
def test_pytest_tells_what_there_is(pytester, option):
    done = pytester.runpytest_inprocess(option)
    wanted = {
        "--markers": "@pytest.mark.mana_lab(personas=*",
        "--fixtures": "gateway -- *mana_lab/testing/fixtures.py*",
        "--help": "*--mana-baseline=FILE*",
    }
    done.stdout.fnmatch_lines([wanted[option]])
