"""``serve`` and ``token``: a lab for clients outside."""

import signal

import httpx
import pytest
from collector_house import collector
from commands_house import PORTS, served

from mana_lab.web.serving import listen


def test_a_lab_is_served_until_it_is_told_to_stop(run, lab_folder):
    page = {"Origin": "https://app.example"}
    with served(lab_folder, "--allow-origin", page["Origin"]) as (process, urls):
        for url in (urls["identity"], urls["sync"], urls["gateway"].removesuffix("/mcp")):
            assert httpx.get(f"{url}/health").json()["status"] == "ok"
        done = run("token", "anna", "--dir", lab_folder, "--auth", urls["identity"])
        assert done.exit_code == 0, done.stderr
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
        hello["params"] = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        headers = {"Accept": "application/json, text/event-stream"}
        refused = httpx.post(urls["gateway"], json=hello, headers=headers | page)
        assert refused.headers["access-control-allow-origin"] == page["Origin"]
        assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (401, True)
        headers["Authorization"] = f"Bearer {done.stdout.strip()}"
        assert httpx.post(urls["gateway"], json=hello, headers=headers).status_code == 200
        busy = run("run", "--dir", lab_folder)
        assert (busy.exit_code, "is open already" in busy.stderr) == (1, True)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
    assert run("run", "--dir", lab_folder, "--days", 0.1).exit_code == 0


def test_spans_of_a_served_lab_go_where_the_environment_says(monkeypatch, lab_folder):
    with collector() as (url, got):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with served(lab_folder) as (process, urls):
            assert httpx.get(f"{urls['identity']}/api/auth/jwks").status_code == 200
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
            assert (process.returncode, errors) == (0, "")
    assert {path for path, _ in got} == {"/v1/traces"}
    assert any(b"mana-auth" in body for _, body in got)


def test_a_token_of_nobody_is_refused(run, lab_folder):
    with served(lab_folder) as (_, urls):
        where = ("--dir", lab_folder, "--auth", urls["identity"])
        assert run("token", "zoe", *where).exit_code == 1
        for url in (urls["identity"] + "/nowhere", "nonsense"):
            done = run("token", "anna", "--dir", lab_folder, "--auth", url)
            assert done.exit_code in {1, 2}
            assert "Traceback" not in done.stderr


def test_a_token_of_a_lab_that_is_not_served_says_how_to_serve_it(run, lived_in):
    with listen("127.0.0.1", 0) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    done = run("token", "anna", "--dir", lived_in, "--auth", url)
    assert done.exit_code != 0
    assert f"python -m mana_lab serve --dir {lived_in}" in done.stderr.replace("\n", "")


@pytest.mark.parametrize("which", [0, 2, 4])
def test_a_busy_port_ends_the_command_and_touches_no_folder(run, tmp_path, which):
    with listen("127.0.0.1", 0) as sock:
        ports = list(PORTS)
        ports[which + 1] = sock.getsockname()[1]
        done = run("serve", "--dir", tmp_path / "lab", *ports)
    assert done.exit_code == 1
    assert "is in use" in done.stderr
    assert not (tmp_path / "lab").exists()


@pytest.mark.parametrize("value", ["-1", "65536", "http", ""])
def test_a_port_that_does_not_exist_is_refused(run, tmp_path, value):
    for option in ("--auth-port", "--sync-port", "--port"):
        done = run("serve", "--dir", tmp_path / "lab", option, value)
        assert done.exit_code == 2
        assert option in done.stderr


def test_an_origin_that_is_none_is_refused_before_anything_is_made(run, tmp_path):
    for wrong in ("app.example", "*", "https://app.example/"):
        done = run("serve", "--dir", tmp_path / "lab", *PORTS, "--allow-origin", wrong)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"{wrong!r} is not an origin" in done.stderr
    assert not (tmp_path / "lab").exists()
