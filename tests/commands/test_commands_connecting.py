"""``token``: what MCP clients are given, filled in."""

import asyncio
import base64
import json
import shlex
import shutil
import subprocess
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from commands_house import ADMIN, mana_elsewhere, served
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from mana_lab.commands.clients import McpClient, setup
from mana_lab.gateway.config import METADATA_PATH
from mana_lab.notebook import BackgroundServer
from mana_lab.settings import LabSecrets
from mana_lab.web.serving import listen

URL = "http://127.0.0.1:3069/mcp"
HOSTILE = "http://127.0.0.1:1/a'b$(c)`d`;e&f*g!h~{i}/mcp"


def claims(token):
    text = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def lifetime(token):
    said = claims(token)
    return said["exp"] - said["iat"]


def read_claude_code(text):
    words = shlex.split(text)
    assert words[:6] == ["claude", "mcp", "add", "--transport", "http", "mana"]
    assert words[7::2] == ["--header"] * len(words[8::2])
    return words[6], dict(each.split(": ", 1) for each in words[8::2])


def read_claude_desktop(text):
    [server] = json.loads(text)["mcpServers"].values()
    assert server["command"] == "npx"
    assert not any(" " in each for each in server["args"])
    _, _, url, *options = server["args"]
    assert options[:2] == ["--transport", "http-only"]
    assert options[2::2] == ["--header"] * len(options[3::2])
    headers = dict(each.split(":", 1) for each in options[3::2])
    return url, {name: server["env"][value[2:-1]] for name, value in headers.items()}


def read_vscode(text):
    [server] = json.loads(text)["servers"].values()
    assert server["type"] == "http"
    return server["url"], server["headers"]


READERS = {
    "claude-code": read_claude_code,
    "claude-desktop": read_claude_desktop,
    "vscode": read_vscode,
}


@pytest.mark.parametrize("space", [None, "a-space"])
@pytest.mark.parametrize("url", [URL, HOSTILE], ids=["usual", "hostile"])
@pytest.mark.parametrize("client", READERS)
def test_a_client_reads_back_what_it_was_given(client, url, space):
    said = setup(McpClient(client), url, "a.b-c_d.e", space)
    headers = {"Authorization": "Bearer a.b-c_d.e"}
    assert READERS[client](said.text) == (
        url,
        headers if space is None else headers | {"X-Mana-Space": space},
    )
    assert said.text.count("\n") == (0 if client == "claude-code" else 2)


def test_a_shell_hands_the_command_on_as_it_is():
    said = setup(McpClient.CLAUDE_CODE, HOSTILE, "a.b.c", "it's $HOME").text
    done = subprocess.run(
        [shutil.which("sh"), "-c", f'claude() {{ printf "%s\\n" "$@"; }}; {said}'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[5:] == [
        HOSTILE,
        "--header",
        "Authorization: Bearer a.b.c",
        "--header",
        "X-Mana-Space: it's $HOME",
    ]


@pytest.fixture(scope="module")
def lab(lived_in, tmp_path_factory):
    """Serve a lab; return the options that say so."""
    folder = shutil.copytree(lived_in, tmp_path_factory.mktemp("served") / "lab")
    with served(folder) as (_, urls):
        yield ("--dir", folder, "--auth", urls["identity"]), urls["gateway"]


@pytest.fixture
def ask(run, lab):
    """Return what asks for a token of anna in the served lab."""
    where, gateway = lab
    return lambda *more: run("token", "anna", *where, "--gateway", gateway, *more)


def test_serving_says_how_a_client_connects(run, lived_in, tmp_path):
    folder = shutil.copytree(lived_in, tmp_path / "my lab")
    with served(folder) as (_, said):
        words = shlex.split(said["client"])
        assert words[:3] == ["python", "-m", "mana_lab"]
        done = run(*words[3:])
    assert (done.exit_code, read_claude_code(done.stdout)[0]) == (0, said["gateway"])


def spaces_seen(url, headers):
    """Return in which spaces a user is, as the gateway's own tool tells."""
    call = {"name": "spaces.list", "arguments": {}}
    meta = {"protocolVersion": "2026-07-28", "clientCapabilities": {}}
    call["_meta"] = {f"io.modelcontextprotocol/{name}": value for name, value in meta.items()}
    answer = httpx.post(
        url,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
        headers=headers
        | {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "spaces.list",
        },
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]["structuredContent"]


@pytest.mark.slow
@pytest.mark.parametrize("client", READERS)
def test_a_client_connects_with_what_is_printed_for_a_day(ask, lab, client):
    done = ask("--client", client)
    assert done.exit_code == 0, done.stderr
    url, headers = READERS[client](done.stdout)
    assert (url, list(headers)) == (lab[1], ["Authorization"])
    assert lifetime(headers["Authorization"].removeprefix("Bearer ")) == 24 * 3600
    assert spaces_seen(url, headers)
    assert "24 hours" in done.stderr
    assert "acts as Anna" in done.stderr
    assert headers["Authorization"] not in done.stderr


def test_a_client_acts_in_the_space_that_was_asked_for(ask):
    by_slug = ask("--client", "vscode", "--space", "anna-and-ben")
    assert by_slug.exit_code == 0, by_slug.stderr
    url, headers = read_vscode(by_slug.stdout)
    assert spaces_seen(url, headers)
    by_id = ask("--client", "claude-code", "--space", headers["X-Mana-Space"])
    assert read_claude_code(by_id.stdout)[1]["X-Mana-Space"] == headers["X-Mana-Space"]


def test_a_space_that_is_not_theirs_is_refused_with_those_that_are(ask):
    done = ask("--client", "vscode", "--space", "maya-and-noah")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "anna-and-ben" in done.stderr


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ((), 900),
        (("--hours", "8"), 8 * 3600),
        (("--hours", "0.5"), 1800),
        (("--hours", "24"), 86400),
    ],
    ids=["usual", "eight", "half", "most"],
)
def test_a_plain_token_lasts_as_long_as_it_was_asked_for(ask, options, seconds):
    done = ask(*options)
    assert (done.exit_code, done.stderr) == (0, "")
    assert lifetime(done.stdout.strip()) == seconds
    assert done.stdout.count("\n") == 1


def test_a_clients_token_may_be_shorter(ask):
    done = ask("--client", "vscode", "--hours", "2")
    token = read_vscode(done.stdout)[1]["Authorization"].removeprefix("Bearer ")
    assert lifetime(token) == 7200
    assert "2 hours" in done.stderr


@pytest.mark.parametrize("hours", ["24.01", "25", "0", "-1", "nan", "inf", "long", ""])
def test_a_length_that_no_token_has_is_refused(run, lived_in, hours):
    done = run("token", "anna", "--dir", lived_in, "--hours", hours)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--hours" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--client", "netscape"), "claude-code"),
        (("--space", "anna-and-ben"), "--client"),
        (("--client", "vscode", "--gateway", "localhost"), "--gateway"),
        (("--client", "vscode", "--auth", "nonsense"), "--auth"),
    ],
    ids=["client", "space", "gateway", "auth"],
)
def test_options_that_make_no_sense_are_refused(run, lived_in, options, said):
    done = run("token", "anna", "--dir", lived_in, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@contextmanager
def saying(document):
    """Serve something that describes itself as *document*."""
    sock = listen("127.0.0.1", 0)

    async def describe(_):
        return document

    @asynccontextmanager
    async def build():
        yield Starlette(routes=[Route(f"{METADATA_PATH}/mcp", describe)])

    server = BackgroundServer(build, sock)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
    asyncio.run(server.start())
    try:
        yield url
    finally:
        asyncio.run(server.stop())


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (JSONResponse({"authorization_servers": ["https://auth.example"]}), "does not take"),
        (JSONResponse({"authorization_servers": []}), "does not take"),
        (JSONResponse({"authorization_servers": [1]}), "no gateway answers"),
        (JSONResponse({"authorization_servers": None}), "no gateway answers"),
        (JSONResponse([]), "no gateway answers"),
        (PlainTextResponse("\x1b[2Jhello"), "no gateway answers"),
    ],
    ids=["another issuer", "no issuer", "a number", "nothing", "a list", "no json"],
)
def test_what_takes_no_such_tokens_is_not_connected_to(run, lab, document, said):
    where, _ = lab
    with saying(document) as url:
        done = run("token", "anna", *where, "--client", "claude-code", "--gateway", url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert url in done.stderr
    assert said in done.stderr
    assert "\x1b" not in done.stderr


def test_a_gateway_that_is_not_there_is_told_with_how_to_start_one(run, lab):
    where, gateway = lab
    with listen("127.0.0.1", 0) as sock:
        silent = f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
    for wrong in (silent, where[3] + "/mcp", gateway + "/nowhere"):
        done = run("token", "anna", *where, "--client", "vscode", "--gateway", wrong)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"no gateway answers at {wrong}" in done.stderr
        assert f"python -m mana_lab serve --dir {where[1]}" in done.stderr.replace("\n", "")


@pytest.mark.parametrize(
    "options", [("--client", "claude-code"), ("--hours", "24")], ids=["client", "hours"]
)
def test_a_deployed_mana_is_said_to_give_no_long_tokens(run, lived_in, tmp_path, options):
    secrets = LabSecrets.load(lived_in)
    for folder in (lived_in, tmp_path):
        elsewhere = ("--dir", folder, "--auth", "https://auth.mana.example")
        done = run("token", "anna", *elsewhere, *options)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "https://auth.mana.example gives no tokens of more than 15 minutes" in done.stderr
        assert "Authorization: Bearer" in done.stderr
    with mana_elsewhere(tmp_path) as url:
        with httpx.Client(base_url=url) as http:
            body = {"email": ADMIN.email, "password": ADMIN.password}
            admin = http.post("/api/v1/auth/login", json=body).json()["accessToken"]
        seed = secrets.persona_seed_secret.get_secret_value()
        run("seed", "--auth", url, "--jwt", admin, PERSONA_SEED_SECRET=seed)
        here = ("--dir", lived_in, "--auth", url)
        assert lifetime(run("token", "anna", *here).stdout) == 900
        done = run("token", "anna", *here, "--hours", "24")
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"{url} gives no tokens of more than 15 minutes" in done.stderr
