"""Servers that nobody here wrote, as they come from npm and PyPI, used by the personas."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from node_house import NoNodeError, install, without_node

from mana_lab import Lab
from mana_lab.runner.target import ServerLimits

HERE = Path(__file__).parent
NPM = "@modelcontextprotocol"
PATIENCE = ServerLimits(start_s=60, call_s=3)
_PIP_S = 240

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Return the servers of the reference collection, from npm."""
    try:
        return install(tmp_path_factory.mktemp("npm"), HERE)
    except NoNodeError as reason:
        without_node(reason)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Return an environment with a server from PyPI, and the older SDK that it was made for."""
    folder = tmp_path_factory.mktemp("pypi")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install"]
    try:
        done = subprocess.run(
            [*pip, "--quiet", "--no-deps", "--no-compile", "-r", HERE / "requirements.txt"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PIP_S,
        )
    except subprocess.TimeoutExpired:
        without_node(f"pip did not end within {_PIP_S} s")
    if done.returncode != 0:
        without_node(f"pip could not install the server: {done.stderr[-500:]}")
    return folder


def reference(node, name, *arguments):
    """Return the command of one of npm's reference servers."""
    script = node.script(f"{NPM}/server-{name}", "dist/index.js")
    return [str(node.binary), str(script), *arguments]


def calls_of(lab, run):
    columns = ["persona", "tool_name", "module", "input_hash", "result", "error_kind"]
    return lab.actions_df(run)[columns].to_dict("records")


async def test_everything(folder, few, node):
    command = reference(node, "everything", "stdio")
    async with await Lab.target(folder, command=command, catalog=few, limits=PATIENCE) as lab:
        assert lab.server.protocol == "2025-11-25"
        assert {"echo", "get-sum", "get-tiny-image"} < {tool.name for tool in lab.server.tools}
        assert "task only" in lab.server.left_out["simulate-research-query"]
        async with await lab.persona("anna") as anna:
            added = await anna.call("get-sum", a=2, b=3)
            wrong = await anna.call("get-sum", a="two")
        assert "5" in added.data
        assert wrong.error.kind == "invalid-input"
        run = await lab.run(days=1, personas=["anna", "maya"])
        assert (run.status, run.failed_ticks) == ("done", 0)
        assert set(lab.feedback_df(run)["module"]) <= {"everything", "gzip"}
        assert lab.charts.tool_errors(run).finding


async def lived(folder, few, node, concurrency):
    """Return what two personas did with a knowledge graph of their own."""
    async with await Lab.target(
        folder,
        command=reference(node, "memory"),
        env={"MEMORY_FILE_PATH": "{folder}/memory.json"},
        modules=HERE / "memory.toml",
        catalog=few,
        limits=PATIENCE,
    ) as lab:
        await lab.seed()
        run = await lab.run(days=4, personas=["anna", "maya"], concurrency=concurrency)
        assert (run.status, run.failed_ticks) == ("done", 0)
        async with await lab.persona("anna") as anna:
            graph = (await anna.call("read_graph")).data
        ratings = lab.feedback_df(run)[["persona", "module", "rating", "notes"]]
        return calls_of(lab, run), ratings.to_dict("records"), graph


async def test_memory_twice_with_the_same_seed(folder, few, node, tmp_path):
    again = shutil.copytree(folder, tmp_path / "again")
    calls, ratings, graph = await lived(folder, few, node, 1)
    assert (calls, ratings, graph) == await lived(again, few, node, 4)
    assert {call["module"] for call in calls} == {"lookup", "graph"}
    made = [call for call in calls if call["tool_name"] == "create_entities"]
    assert any(call["result"] == "ok" for call in made)
    assert graph["entities"]
    kept = {path.parent.name for path in folder.glob("personas/*/memory.json")}
    assert kept == {"persona.anna", "persona.maya"}


async def test_sqlite_of_the_sdk_before_this_one(folder, few, python):
    command = [str(python / "bin" / "mcp-server-sqlite"), "--db-path", "{folder}/data.db"]
    async with await Lab.target(folder, command=command, catalog=few, limits=PATIENCE) as lab:
        assert repr(lab.server).startswith("<Target: sqlite 0.1.0, MCP 2025-11-25, 6 tools in sql")
        async with await lab.persona("ben") as ben:
            await ben.call("create_table", query="CREATE TABLE plants (name TEXT)")
            await ben.call("write_query", query="INSERT INTO plants VALUES ('Monstera')")
            found = await ben.call("read_query", query="SELECT name FROM plants")
            wrong = await ben.call("read_query")
        assert "Monstera" in str(found.data)
        assert (wrong.error.kind, wrong.error.code) == ("invalid-input", "invalid-input")
        run = await lab.run(days=3, personas=["anna", "ben"])
        assert (run.status, run.failed_ticks) == ("done", 0)
        assert set(lab.actions_df(run)["module"]) == {"sqlite"}
        assert (folder / "personas" / "persona.ben" / "data.db").stat().st_size
