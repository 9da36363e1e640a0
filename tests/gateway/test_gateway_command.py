"""``python -m mana_lab.gateway``."""

import base64
import os
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import httpx
import pytest
from typer.testing import CliRunner

from mana_lab.errors import SettingsError
from mana_lab.gateway.__main__ import command
from mana_lab.gateway.app import FORWARDS
from mana_lab.gateway.process import Order, prepare
from mana_lab.registry import Done, ToolContext, ToolInput, tool
from mana_lab.settings import Settings
from mana_lab.tools import default_registry, plugins
from mana_lab.web.serving import listen


def run(*arguments, **environ):
    names = ("MANA_AUTH_URL", "MANA_SYNC_URL", "JWT_ISSUER", "JWT_AUDIENCE", "MANA_LAB_ENV")
    names += ("MANA_APPROVED_TOOLS", "MANA_TOOLS_KEY")
    clean = dict.fromkeys(names) | environ
    return CliRunner().invoke(command, [str(each) for each in arguments], env=clean)


def test_help_has_an_example():
    done = run("--help")
    assert done.exit_code == 0
    assert "For example: python -m mana_lab.gateway --port 3069" in " ".join(done.output.split())


def test_a_busy_port_ends_the_command_with_one_sentence():
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        done = run("--port", port)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"port {port} on 127.0.0.1 is in use; ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "65535"),
        (["--port", "many"], "--port"),
        (["--host", "192.0.2.1"], "192.0.2.1"),
        (["--auth-url", "localhost:3001"], "localhost:3001"),
        (["--sync-url", "nowhere"], "nowhere"),
        (["--public-url", "ftp://lab.example"], "ftp://lab.example"),
        (["--allow-origin", "app.example"], "app.example"),
        (["--allow-origin", "*"], "'*' is not an origin"),
        (["--allow-origin", "null"], "null"),
        (["--colour", "red"], "--colour"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_values_end_the_command_with_status_two(arguments, said):
    done = run("--port", "0", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_environment_variable_is_named():
    done = run("--port", "0", MANA_LAB_ENV="staging")
    assert done.exit_code == 2
    assert "MANA_LAB_ENV" in done.stderr


@tool("bells.ring", policy_hint="write")
async def ring(_given: ToolInput, _ctx: ToolContext) -> Done:
    """Ring a bell one time."""
    return Done()


@pytest.fixture
def bells(monkeypatch):
    """Another package's tool is installed, as far as entry points go."""
    module = ModuleType("bells_of_the_gateway")
    module.ring = ring
    monkeypatch.setitem(sys.modules, module.__name__, module)
    point = EntryPoint("bells", f"{module.__name__}:ring", plugins.ENTRY_POINTS)
    monkeypatch.setattr(plugins, "entry_points", lambda **_: [point])


@pytest.mark.usefixtures("bells")
def test_a_tool_that_nobody_approved_keeps_the_gateway_from_starting(tmp_path):
    done = run("--port", "0")
    assert done.exit_code == 1
    assert "bells.ring (added)" in done.stderr
    assert "MANA_APPROVED_TOOLS" in done.stderr
    for key in ("short", "c2hvcnQ="):
        environ = {"MANA_APPROVED_TOOLS": str(tmp_path / "tools.jws"), "MANA_TOOLS_KEY": key}
        done = run("--port", "0", **environ)
        assert done.exit_code == 2
        assert done.stderr.startswith("MANA_TOOLS_KEY: ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_the_command_says_where_it_listens_serves_and_stops_on_a_signal(stop, tmp_path):
    command = [sys.executable, "-m", "mana_lab.gateway", "--port", "0", "--data", str(tmp_path)]
    command += ["--allow-origin", "https://app.example", "--allow-origin", "https://LAB.example:8"]
    environ = {**os.environ, "MANA_AUTH_URL": "http://127.0.0.1:9", "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    ) as process:
        try:
            line = process.stdout.readline()
            url = line.split()[4]
            origin = url.removesuffix("/mcp")
            assert httpx.get(f"{origin}/health").json()["registry"]["tools"] == len(
                default_registry()
            )
            described = httpx.get(f"{origin}/.well-known/oauth-protected-resource").json()
            assert described["resource"] == url
            assert described["authorization_servers"] == ["http://127.0.0.1:9"]
            for page in ("https://app.example", "https://lab.example:8", "http://localhost:1"):
                refused = httpx.post(url, json={}, headers={"Origin": page})
                assert refused.status_code == 401
                assert refused.headers["access-control-allow-origin"] == page
        finally:
            process.send_signal(stop)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest, errors) == (0, "", "")


@pytest.mark.parametrize("key", [None, base64.b64encode(bytes(32)).decode()])
async def test_its_folder_is_made_where_it_is_missing(tmp_path, key):
    data = tmp_path / "new" / "gateway"
    settings = Settings.from_environment(MANA_GATEWAY_KEY=key)
    await prepare(Order(settings, "http://127.0.0.1:3069", data))
    assert (data / "gateway.db").is_file()
    (tmp_path / "file").write_text("here")
    with pytest.raises(SettingsError, match="cannot be used"):
        await prepare(Order(settings, "http://127.0.0.1:3069", tmp_path / "file"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize(
    ("options", "environ"), [(["--forward-tokens"], {}), ([], {"MANA_FORWARD_TOKENS": "1"})]
)
def test_the_command_that_is_told_to_forward_tokens_says_so(options, environ, tmp_path):
    command = [sys.executable, "-m", "mana_lab.gateway", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    ) as process:
        process.stdout.readline()
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert FORWARDS in errors
