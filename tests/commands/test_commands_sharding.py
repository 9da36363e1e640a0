"""``shards`` and ``run --shard``: a run in parts, from the command line."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, closing, suppress

import psutil
import pytest
from commands_house import VARIABLES, served
from engines_house import ENGINES, installed_or_skip, open_and_ended
from serving_house import Turnstile
from serving_house import served as app_served

from mana_lab import Lab
from mana_lab.lab import serve_lab
from mana_lab.runner.shards import Site
from mana_lab.settings import LabSecrets
from mana_lab.web.serving import listen

WHO = ("anna", "kai", "julia")


@pytest.fixture
def said(run):
    """Return what gives the status of a command and what it said, in one line."""

    def ask(*words, **environment):
        done = run(*words, **environment)
        return done.exit_code, " ".join(done.output.split())

    return ask


def free_ports(count):
    sockets = [listen("127.0.0.1", 0) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


async def last_run(folder):
    async with await Lab.open(folder) as lab:
        return await lab.reopen(-1), lab.clock.now()


@pytest.mark.slow
def test_a_run_in_parts_is_lived_file_by_file_and_again_is_harmless(said, lab_folder, tmp_path):
    auth, sync, gateway = free_ports(3)
    urls = (
        "--auth-url",
        f"http://127.0.0.1:{auth}",
        "--mcp-url",
        f"http://127.0.0.1:{gateway}/mcp",
    )
    out = tmp_path / "shards"
    cutting = ("shards", "--dir", lab_folder, "--days", 1, "--count", 2, "--out", out)
    status, text = said(*cutting, *urls)
    assert status == 0, text
    assert "2 shards are in" in text
    assert "serve --dir" in text
    files = sorted(out.iterdir())
    assert [path.name for path in files] == ["shard-1.json", "shard-2.json"]
    ports = ("--auth-port", str(auth), "--sync-port", str(sync), "--port", str(gateway))
    with served(lab_folder, *ports, "--workers", "2", "--calls-per-minute", "1000000"):
        for path in (files[0], files[0], files[1]):
            status, text = said("run", "--dir", lab_folder, "--shard", path)
            assert status == 0, text
            assert "is done" in text
    run, now = asyncio.run(last_run(lab_folder))
    assert (run.status, run.open_ticks, run.failed_ticks) == ("done", 0, 0)
    assert run.ticks > 0
    assert now == run.ends_at
    status, text = said(*cutting, *urls)
    assert status == 2
    assert "is not empty" in text


@asynccontextmanager
async def lab_behind(turnstile, folder, auth_port):
    """Serve a lab, with a turnstile in front of its gateway."""
    where = asyncio.get_running_loop().create_future()
    ports = {"auth_port": auth_port, "sync_port": 0, "port": 0}
    serving = asyncio.create_task(
        serve_lab(folder, **ports, calls_per_minute=1_000_000, on_ready=where.set_result)
    )
    addresses = await asyncio.wait_for(where, 30)
    turnstile.url = addresses.gateway.removesuffix("/mcp")
    try:
        yield
    finally:
        turnstile.open.set()
        await turnstile.close()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def living(folder, *options):
    """Start ``run`` as a process, in a session of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mana_lab", "run", "--dir", folder, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name not in VARIABLES},
        start_new_session=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize(
    "stop", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
async def test_a_signal_releases_what_had_begun_and_the_same_command_goes_on(
    stop, lab_folder, tmp_path
):
    [auth_port] = free_ports(1)
    turnstile = Turnstile("", passes=25)
    async with app_served(turnstile.app) as gateway:
        site = Site(auth_url=f"http://127.0.0.1:{auth_port}", mcp_url=f"{gateway}/mcp")
        async with await Lab.open(lab_folder) as lab:
            [part] = await lab.shards(1, site, days=3, personas=WHO, concurrency=2)
        path = tmp_path / "the shard.json"
        path.write_text(part.to_json())
        async with lab_behind(turnstile, lab_folder, auth_port):
            stopped = await living(lab_folder, "--shard", path)
            try:
                async with asyncio.timeout(60):
                    await turnstile.somebody.wait()
            finally:
                stopped.send_signal(stop)
            out, told = await asyncio.wait_for(stopped.communicate(), 60)
            said = " ".join(told.decode().split())
            assert (stopped.returncode, out) == (130, b""), said
            counted = re.search(
                r"shard 1 of 1 was stopped: (\d+) of its ticks have ended, (\d+) that had begun "
                r"are released and will be done again; go on with: python -m mana_lab run (.*)",
                said,
            )
            assert counted, said
            assert str(path) in counted[3]
            ended, released = map(int, counted.groups()[:2])
            assert min(ended, released) > 0
            assert open_and_ended(lab_folder, part.run_id) == (released, ended)
            turnstile.open.set()
            again = await living(lab_folder, "--shard", path)
            out, told = await asyncio.wait_for(again.communicate(), 120)
            assert (again.returncode, out) == (0, b"shard 1 of 1 is done\n"), told
    async with await Lab.open(lab_folder) as lab:
        run = await lab.reopen(-1)
        assert (run.status, run.open_ticks, run.failed_ticks) == ("done", 0, 0)
        actions = lab.actions_df(run)
        assert len(actions) == run.calls
        assert not actions.duplicated(["persona", "tick", "seq"]).any()


def ended_ticks(folder):
    """Return how many ticks of the last run have ended, by its id."""
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        query = """SELECT id, (SELECT count(ended_at) FROM ticks WHERE run_id = runs.id)
            FROM runs ORDER BY ordinal DESC LIMIT 1"""
        return ledger.execute(query).fetchone()


def in_session(leader):
    """Return the processes of the session that a process began."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess, PermissionError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no Ctrl-C to send")
@pytest.mark.parametrize("engine", ENGINES)
async def test_ctrl_c_in_a_terminal_stops_an_engine_and_releases_what_had_begun(engine, lab_folder):
    installed_or_skip(engine)
    before = ended_ticks(lab_folder)[0]
    running = await living(lab_folder, "--engine", engine, "--days", "10")
    try:
        async with asyncio.timeout(90):
            while (last := ended_ticks(lab_folder))[0] == before or last[1] < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        os.killpg(running.pid, signal.SIGINT)
        _, told = await asyncio.wait_for(running.communicate(), 60)
        _, alive = psutil.wait_procs(in_session(running.pid), timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    said = told.decode()
    assert running.returncode == 130, said
    assert "Traceback" not in said, said
    assert "the run was stopped (by hand): " in said
    _, ended = open_and_ended(lab_folder, last[0])
    assert ended >= last[1]
    assert not alive
    run, _ = await last_run(lab_folder)
    assert run.status == "stopped"


@pytest.fixture
def shard(said, lab_folder, tmp_path):
    status, text = said("shards", "--dir", lab_folder, "--count", 1, "--out", tmp_path / "shards")
    assert status == 0, text
    return tmp_path / "shards" / "shard-1.json"


def test_without_its_services_a_shard_says_who_is_missing_and_can_go_on_later(
    said, shard, lab_folder
):
    given = json.loads(shard.read_text())
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    given["site"] = {"auth_url": nobody, "mcp_url": f"{nobody}/mcp"}
    shard.write_text(json.dumps(given))
    status, text = said("run", "--dir", lab_folder, "--shard", shard)
    assert status == 1
    assert "cannot be reached" in text
    assert asyncio.run(last_run(lab_folder))[0].status == "failed"


def test_the_environment_names_the_secrets_where_there_is_no_lab(said, shard, lab_folder, tmp_path):
    nowhere = tmp_path / "nowhere"
    status, text = said("run", "--dir", nowhere, "--shard", shard)
    assert status == 2
    assert "set DATABASE_URL, MANA_SERVICE_KEY and PERSONA_SEED_SECRET" in text
    secrets = LabSecrets.load(lab_folder)
    status, text = said(
        *("run", "--dir", nowhere, "--shard", shard),
        DATABASE_URL=f"sqlite:///{lab_folder}/ledger.db",
        MANA_SERVICE_KEY=secrets.service_key.get_secret_value(),
        PERSONA_SEED_SECRET=secrets.persona_seed_secret.get_secret_value(),
    )
    assert status == 1
    assert "cannot be reached" in text


@pytest.mark.parametrize(
    ("words", "words_said"),
    [
        (("--count", 0), "count"),
        (("--days", 0), "must be above 0"),
        (("--budget", "much"), "a number of US dollars"),
        (("--brain", "clever"), "there is no brain 'clever'"),
        (("--auth-url", "file:///etc/passwd"), "--auth-url"),
        (("--mcp-url", "http://user:secret@host/mcp"), "--mcp-url"),
    ],
    ids=lambda words: str(words[0]) if isinstance(words, tuple) else "",
)
def test_a_bad_value_is_refused_and_no_run_begins(said, lab_folder, tmp_path, words, words_said):
    before = asyncio.run(last_run(lab_folder))[0].id
    status, text = said("shards", "--dir", lab_folder, "--out", tmp_path / "out", *words)
    assert status == 2, text
    assert words_said in text
    assert not (tmp_path / "out").exists()
    assert asyncio.run(last_run(lab_folder))[0].id == before
