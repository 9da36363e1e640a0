"""``python -m mana_lab.runner``, next to a lab that is being served."""

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, closing, suppress

import httpx
import pytest
from service_house import ANNA, until
from serving_house import Turnstile, served
from typer.testing import CliRunner

from mana_lab import Lab
from mana_lab.lab import serve_lab
from mana_lab.personas import Catalog
from mana_lab.runner import METADATA, Budget, Holder, Ledger
from mana_lab.runner.__main__ import command
from mana_lab.runner.service import Drained
from mana_lab.runner.service.process import Order, serve_runner
from mana_lab.settings import DEVELOPMENT_SEED_SECRET, Settings
from mana_lab.storage import Store
from mana_lab.web.serving import listen

KEYS = {"MANA_SERVICE_KEY": "a service key", "PERSONA_SEED_SECRET": "a seed secret"}
READ = (
    "MANA_AUTH_URL",
    "MANA_MCP_URL",
    "MANA_LAB_ENV",
    "MANA_SERVICE_KEY",
    "MANA_RUNNER_TOKEN",
    "MANA_METRICS_TOKEN",
    "PERSONA_SEED_SECRET",
    "TICK_INTERVAL_MS",
    "PERSONA_CONCURRENCY",
    "RUNNER_PAUSED",
    "DATABASE_URL",
)
no_sigterm = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")


def run(*arguments, **environ):
    clean = dict.fromkeys(READ) | environ
    return CliRunner().invoke(command, [str(each) for each in arguments], env=clean)


def test_help_has_an_example():
    done = run("--help")
    assert done.exit_code == 0
    assert "For example: python -m mana_lab.runner --auth-url" in " ".join(done.output.split())


def test_a_busy_port_ends_the_command_with_one_sentence(tmp_path):
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        done = run("--port", port, "--data", tmp_path, **KEYS)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"port {port} on 127.0.0.1 is in use; ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (["--port", "70000"], {}, "65535"),
        (["--host", "192.0.2.1"], {}, "192.0.2.1"),
        (["--auth-url", "localhost:3001"], {}, "localhost:3001"),
        (["--mcp-url", "nowhere"], {}, "nowhere"),
        (["--interval", "0"], {}, "--interval"),
        (["--interval", "nan"], {}, "--interval"),
        (["--concurrency", "0"], {}, "--concurrency"),
        (["--brain", "clever"], {}, "there is no brain 'clever'"),
        (["--budget", "much"], {}, "'much'"),
        (["--budget", "-1"], {}, "above 0"),
        (["--seed", str(2**63)], {}, "64 bits"),
        (["--grace", "-1"], {}, "--grace"),
        (["--grace", "nan"], {}, "--grace"),
        (["--lab", "nowhere"], {}, "there is no lab in nowhere"),
        (["--colour", "red"], {}, "--colour"),
        ([], {"MANA_SERVICE_KEY": ""}, "MANA_SERVICE_KEY"),
        ([], {"TICK_INTERVAL_MS": "soon"}, "TICK_INTERVAL_MS"),
        ([], {"TICK_INTERVAL_MS": "0"}, "greater than or equal to 1"),
        ([], {"PERSONA_CONCURRENCY": "-2"}, "PERSONA_CONCURRENCY"),
        ([], {"RUNNER_PAUSED": "perhaps"}, "RUNNER_PAUSED"),
        ([], {"MANA_LAB_ENV": "staging"}, "MANA_LAB_ENV"),
        ([], {"DATABASE_URL": "mysql://host/name"}, "got a mysql URL"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_bad_values_end_the_command_with_status_two(arguments, environ, said, tmp_path):
    done = run("--port", "0", "--data", tmp_path, *arguments, **KEYS | environ)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"PERSONA_SEED_SECRET": ""}, "PERSONA_SEED_SECRET"),
        ({"PERSONA_SEED_SECRET": DEVELOPMENT_SEED_SECRET}, "PERSONA_SEED_SECRET"),
        ({"MANA_SERVICE_KEY": "dev-service-key"}, "MANA_SERVICE_KEY"),
    ],
    ids=["no seed secret", "the known seed secret", "the known service key"],
)
def test_production_takes_no_secret_that_everybody_knows(environ, named, tmp_path):
    production = KEYS | {"MANA_LAB_ENV": "production"} | environ
    done = run("--port", "0", "--data", tmp_path, **production)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{named}: ")


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("--port", "0", "--data", tmp_path / "file", **KEYS)
    assert done.exit_code == 2
    assert "the runner's folder" in done.stderr


@pytest.fixture
async def mana(tmp_path):
    """Return a lab that is being served, with a persona who is due, and the way to its gateway."""
    folder = tmp_path / "lab"
    async with await Lab.open(folder, catalog=Catalog([ANNA])) as lab:
        await lab.seed()
    where = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve_lab(folder, auth_port=0, sync_port=0, port=0, on_ready=where.set_result)
    )
    addresses = await asyncio.wait_for(where, 30)
    turnstile = Turnstile(addresses.gateway.removesuffix("/mcp"))
    async with served(turnstile.app) as url:
        yield folder, addresses.identity, url, turnstile
    await turnstile.close()
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def started(mana, data, *options):
    """Start the command as a process."""
    folder, identity, gateway, _ = mana
    environ = {name: value for name, value in os.environ.items() if name not in READ}
    given = ["--lab", folder, "--auth-url", identity, "--mcp-url", gateway, "--data", data]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "mana_lab.runner", "--port", "0", *map(str, given), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
    )


@asynccontextmanager
async def process(mana, data, *options):
    """Run the command; hand out its process and a client of its routes."""
    runner = await started(mana, data, *options)
    try:
        line = (await runner.stdout.readline()).decode()
        assert line.startswith("The runner listens on http://127.0.0.1:")
        async with httpx.AsyncClient(base_url=line.split()[4], timeout=30) as http:
            yield runner, http
    finally:
        with suppress(ProcessLookupError):
            runner.kill()
        await runner.wait()


async def ended(runner):
    """Return how the process ended, and what it said last."""
    said, errors = await asyncio.wait_for(runner.communicate(), 60)
    assert errors.decode() == ""
    return runner.returncode, said.decode()


async def ledger_of(data):
    async with await Store.open(f"sqlite:///{data}/ledger.db", METADATA) as store:
        return await Ledger(store, Holder("the test")).runs()


@pytest.mark.slow
@no_sigterm
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
async def test_it_says_where_it_listens_works_and_lets_ticks_end_on_a_signal(stop, mana, tmp_path):
    turnstile = mana[3]
    turnstile.open.clear()
    data = tmp_path / "runner"
    async with process(mana, data) as (runner, http):
        ready = await http.get("/ready")
        checks = {"ledger": True, "identity": True, "gateway": True}
        assert ready.json() == {"status": "ready", "checks": checks}
        await until(lambda: turnstile.held)
        assert (await http.get("/health")).json()["inFlight"] == 1
        runner.send_signal(stop)
        turnstile.open.set()
        assert await ended(runner) == (
            0,
            "The runner has stopped; ticks under way: 1 finished, 0 left for the next start\n",
        )
    [done] = await ledger_of(data)
    assert (done.status, done.ticks, done.failed_ticks, done.brain) == ("done", 1, 0, "scripted")
    assert done.calls > 0


@no_sigterm
@pytest.mark.slow
async def test_what_a_kill_or_a_short_grace_cut_off_is_finished_by_the_next_start(mana, tmp_path):
    turnstile = mana[3]
    turnstile.open.clear()
    data = tmp_path / "runner"
    async with process(mana, data) as (runner, _):
        await until(lambda: turnstile.held == 1)
        runner.kill()
        await runner.wait()
    async with process(mana, data, "--grace", "0") as (runner, _):
        await until(lambda: turnstile.held == 2)
        runner.terminate()
        assert await ended(runner) == (
            0,
            "The runner has stopped; ticks under way: 0 finished, 1 left for the next start\n",
        )
    turnstile.open.set()
    async with process(mana, data) as (runner, http):
        text = ""
        async with asyncio.timeout(60):
            while 'ticks_total{status="done"} 1.0' not in text:
                text = (await http.get("/metrics")).text
        runner.terminate()
        await ended(runner)
    runs = await ledger_of(data)
    assert [(run.status, run.ticks, run.open_ticks) for run in runs] == [
        ("stopped", 1, 0),
        ("stopped", 0, 0),
        ("done", 0, 0),
    ]
    assert runs[0].failed_ticks == 0
    with closing(sqlite3.connect(mana[0] / "identity.db")) as database:
        count = "SELECT count(*), count(DISTINCT id) FROM persona_actions"
        assert database.execute(count).fetchone() == (runs[0].calls, runs[0].calls)


@no_sigterm
@pytest.mark.slow
async def test_a_second_runner_of_the_same_folder_is_refused(mana, tmp_path):
    data = tmp_path / "runner"
    async with process(mana, data, "--paused") as (_, http):
        assert (await http.get("/health")).json()["paused"] is True
        second = await started(mana, data)
        said, errors = await asyncio.wait_for(second.communicate(), 60)
    assert (second.returncode, said) == (1, b"")
    assert errors.startswith(b"another runner works in ")
    assert errors.count(b"\n") == 1


@no_sigterm
@pytest.mark.slow
async def test_a_second_signal_waits_for_nobody(mana, tmp_path):
    turnstile = mana[3]
    turnstile.open.clear()
    async with process(mana, tmp_path / "runner", "--grace", "3600") as (runner, http):
        await until(lambda: turnstile.held == 1)
        runner.terminate()
        status = ""
        async with asyncio.timeout(60):
            while status != "draining":
                status = (await http.get("/ready")).json()["status"]
        runner.terminate()
        code, said = await ended(runner)
    turnstile.open.set()
    assert (code, said.split("way: ")[1]) == (0, "0 finished, 1 left for the next start\n")


async def test_where_a_postgresql_is_named_the_ledger_is_there(
    postgres_home, tmp_path, monkeypatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key of the tests")
    environ = {"DATABASE_URL": postgres_home.url(""), "MANA_AUTH_URL": "http://127.0.0.1:9", **KEYS}
    settings = Settings.from_environment(environ | {"RUNNER_PAUSED": "1"})
    model = "anthropic:claude-sonnet-5-5"
    order = Order(settings, tmp_path / "unused", 7, model, Budget.of("1.00"))
    ready = asyncio.Event()
    with listen("127.0.0.1", 0) as sock:
        serving = asyncio.create_task(serve_runner(order, sock, ready.set))
        await asyncio.wait_for(ready.wait(), 30)
        serving.cancel()
        assert await serving == Drained(finished=0, released=0)
    async with await Store.open(postgres_home.url(""), METADATA) as store:
        [run] = await Ledger(store, Holder("the test")).runs()
    assert (run.status, run.seed, run.brain, run.model) == ("done", 7, "model", model)
    assert not (tmp_path / "unused").exists()
