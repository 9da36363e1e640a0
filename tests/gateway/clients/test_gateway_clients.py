"""Real clients, over a real port with a real token, use the tools of an embedded lab."""

import json

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from mana_lab import Lab
from mana_lab.commands.clients import MCP_REMOTE, McpClient, setup
from mana_lab.personas import Catalog, load_catalog
from mana_lab.tools import default_registry

NAMES = [spec.name for spec in default_registry()]
INSPECTOR = "@modelcontextprotocol/inspector"


@pytest.fixture(scope="module")
async def lab(tmp_path_factory):
    catalog = Catalog([load_catalog().get("anna")])
    async with await Lab.open(tmp_path_factory.mktemp("lab"), catalog=catalog) as lab:
        await lab.seed()
        lab.url = (await lab.serve(0)).url
        yield lab


@pytest.fixture
async def token(lab):
    return await lab.token("anna")


def titles(listed):
    return [task["title"] for task in listed["tasks"]]


async def use(client, title):
    """List the tools, write a task, and read it back."""
    assert [tool.name for tool in (await client.list_tools()).tools] == NAMES
    created = await client.call_tool("todo.create", {"title": title})
    assert created.is_error is False, created.content
    assert created.structured_content["task"]["title"] == title
    assert title in titles((await client.call_tool("todo.list", {})).structured_content)
    with pytest.raises(MCPError) as refused:
        await client.call_tool("todo.dance", {})
    assert refused.value.code == -32602


@pytest.mark.parametrize(
    ("mode", "version"),
    [("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")],
    ids=["auto", "stateless", "older"],
)
async def test_the_python_client(lab, token, mode, version):
    shown = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=shown, timeout=30) as http,
        Client(streamable_http_client(lab.url, http_client=http), mode=mode) as client,
    ):
        await use(client, f"python {mode}")
        assert client.protocol_version == version


async def run_script(node, lab, token, tmp_path, script, *arguments):
    done = await node.run(node.folder / script, lab.url, *arguments, cwd=tmp_path, TOKEN=token)
    assert (done.status, done.errors) == (0, "")
    said = json.loads(done.out)
    assert said["tools"] == NAMES
    assert said["created"]["task"]["title"] in titles(said["listed"])
    assert said["unknown"] == -32602
    return said["created"]["task"]["title"], said["version"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("era", "version"),
    [("auto", "2026-07-28"), ("modern", "2026-07-28"), ("legacy", "2025-11-25")],
)
async def test_the_typescript_client(node, lab, token, tmp_path, era, version):
    said = await run_script(node, lab, token, tmp_path, "client_v2.mjs", era)
    assert said == (f"v2 {era}", version)


@pytest.mark.slow
async def test_the_typescript_client_of_the_first_line(node, lab, token, tmp_path):
    said = await run_script(node, lab, token, tmp_path, "client_v1.mjs")
    assert said == ("v1 legacy", "2025-11-25")


async def inspect(node, lab, tmp_path, era, *arguments, headers=()):
    """Run the Inspector's command line, at home in a folder of the test."""
    program = node.script(INSPECTOR, "clients/launcher/build/index.js")
    options = ("--cli", lab.url, "--transport", "http", "--protocol-era", era)
    shown = ("--header", *headers) if headers else ()
    catalog = str(tmp_path / "catalog.json")
    return await node.run(
        program, *options, *shown, *arguments, cwd=tmp_path, MCP_CATALOG_PATH=catalog
    )


@pytest.mark.slow
@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
async def test_the_inspectors_command_line(node, lab, token, tmp_path, era):
    async def ask(*arguments):
        shown = (f"Authorization: Bearer {token}",)
        done = await inspect(node, lab, tmp_path, era, *arguments, headers=shown)
        assert done.status == 0, done.out + done.errors
        return json.loads(done.out)

    listed = await ask("--method", "tools/list")
    assert [tool["name"] for tool in listed["tools"]] == NAMES
    title = f"inspector {era}"
    call = ("--method", "tools/call", "--tool-name")
    created = await ask(*call, "todo.create", "--tool-arg", f"title={title}")
    assert created["structuredContent"]["task"]["title"] == title
    assert title in titles((await ask(*call, "todo.list"))["structuredContent"])


@pytest.mark.slow
async def test_the_inspector_learns_that_it_needs_a_token(node, lab, tmp_path):
    done = await inspect(node, lab, tmp_path, "auto", "--method", "tools/list")
    assert done.status != 0
    assert "auth_required" in done.out + done.errors


@pytest.mark.slow
async def test_claude_desktops_bridge_with_the_configuration_that_is_printed(
    node, lab, token, tmp_path
):
    name, version = MCP_REMOTE.split("@")
    pinned = json.loads((node.folder / "package.json").read_text(encoding="utf-8"))
    assert pinned["dependencies"][name] == version
    text = setup(McpClient.CLAUDE_DESKTOP, lab.url, token).text
    server = json.loads(text)["mcpServers"]["mana"]
    assert [server["command"], *server["args"][:2]] == ["npx", "-y", MCP_REMOTE]
    bridge = StdioServerParameters(
        command=str(node.binary),
        args=[str(node.script(name, "dist/proxy.js")), *server["args"][2:]],
        env={**server["env"], "HOME": str(tmp_path)},
    )
    async with Client(bridge, mode="legacy") as client:
        await use(client, "desktop")
