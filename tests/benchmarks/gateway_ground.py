"""What ``gateway.py`` measures with: servers in processes of their own, and requests to them.

FastMCP and the TypeScript SDKs are installed into a folder of their own, which later runs find
again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import httpx

sys.path.insert(1, str(Path(__file__).parents[1] / "gateway"))
sys.path.insert(2, str(Path(__file__).parent))

from gateway_house import legacy, modern
from gateway_servers import pem
from load import ID

HERE = Path(__file__).parent
SERVER_CPU, LOAD_CPU = 0, 1
TEXT = "hello there"
FASTMCP = ("fastmcp==4.1.2", "httptools==0.9.0")


class NotHereError(Exception):
    """A server cannot be measured on this machine."""


class Process:
    """A program that says in a line of JSON when it is ready."""

    def __init__(self, *command, cpu, cwd=None):
        self._program = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=cwd,
            text=True,
        )
        self.pid = self._program.pid
        os.sched_setaffinity(self.pid, {cpu})

    def tell(self):
        line = self._program.stdout.readline()
        if not line:
            raise NotHereError("it did not start")
        return json.loads(line)

    def ask(self, order):
        self._program.stdin.write(json.dumps(order) + "\n")
        self._program.stdin.flush()
        return self.tell()

    def cpu_seconds(self):
        """What its threads have used, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self):
        found = Path(f"/proc/{self.pid}/status").read_text()
        [line] = [each for each in found.splitlines() if each.startswith("VmRSS")]
        return int(line.split()[1]) / 1024

    def end(self):
        self._program.kill()
        self._program.communicate()


class Ground:
    """The services, the load, and all servers of a run."""

    def __init__(self, users):
        self._processes = []
        self.services = self.start(
            sys.executable, HERE / "gateway_servers.py", "services", "--users", users, cpu=LOAD_CPU
        )
        found = self.services.tell()
        self.url = f"http://127.0.0.1:{found['port']}"
        self.tokens = found["tokens"]
        self.key = pem(found["jwks"]["keys"][0])
        self.load = self.start(sys.executable, HERE / "load.py", cpu=LOAD_CPU)

    def start(self, *command, cpu=SERVER_CPU, cwd=None):
        process = Process(*command, cpu=cpu, cwd=cwd)
        self._processes.append(process)
        return process

    def of_python(self, kind):
        """Start one of our own servers; return it and its port."""
        script = HERE / "gateway_servers.py"
        server = self.start(sys.executable, script, kind, "--services", self.url)
        return server, server.tell()["port"]

    def end(self):
        for process in reversed(self._processes):
            process.end()


def request(port, token, made):
    """Return a whole request of HTTP/1.1, with the place for its id."""
    body = json.dumps(made["json"] | {"id": 111_222_333}).replace("111222333", ID)
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        **made["headers"],
        "Content-Length": len(body.replace(ID, "1" * 9)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /mcp HTTP/1.1\r\n{head}\r\n{body}"


def modern_requests(port, tokens):
    made = modern(name="test.echo", arguments={"text": TEXT})
    return [request(port, token, made) for token in tokens]


def legacy_requests(port, tokens):
    """Open a session for each token, and return a call in each."""
    found = []
    for token in tokens:
        hello = legacy(
            "initialize",
            protocolVersion="2025-11-25",
            capabilities={},
            clientInfo={"name": "benchmark", "version": "1"},
        )
        bearer = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer) as http:
            answer = http.post("/mcp", **hello)
            assert answer.status_code == 200, answer.text
            session = answer.headers["mcp-session-id"]
            made = legacy("tools/call", session, name="test.echo", arguments={"text": TEXT})
            done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            assert http.post("/mcp", headers=made["headers"], json=done).status_code == 202
        found.append(request(port, token, made))
    return found


def fastmcp(folder):
    """Return the Python that has FastMCP."""
    home = folder / "-".join(FASTMCP).replace("=", "")
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        venv.create(home, with_pip=True, clear=True)
        _install([python, "-m", "pip", "install", "--quiet", *FASTMCP])
        (home / "installed").touch()
    return python


def typescript(folder):
    """Return the folder with the TypeScript SDKs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotHereError("there is no Node here")
    home = folder / "typescript"
    home.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "others" / "package.json").read_bytes()
    listed = home / "package.json"
    if not listed.exists() or listed.read_bytes() != wanted:
        shutil.rmtree(home / "node_modules", ignore_errors=True)
        (home / "wanted.json").write_bytes(wanted)
        (home / "package.json").write_bytes(wanted)
        try:
            _install(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=home)
        except NotHereError:
            listed.unlink()
            raise
    shutil.copy(HERE / "others" / "typescript_server.mjs", home)
    return home


def _install(command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotHereError("it cannot be installed here")
