"""``python -m mana_lab.gateway --workers N`` as its users have it: real processes, real sockets."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import httpx2
import pytest
from gateway_house import ISSUER, connected, legacy, modern, open_house
from serving_house import served
from sqlalchemy import select
from test_gateway_with_tools import open_sync

from mana_lab.clock import SystemClock
from mana_lab.errors import SettingsError
from mana_lab.gateway import IDEMPOTENCY_META, METADATA
from mana_lab.gateway.process import Order
from mana_lab.gateway.tables import ATTEMPTS
from mana_lab.settings import Settings
from mana_lab.storage import Store
from mana_lab.sync import server as sync_server

PATIENCE_S = 120
CHANGES = sync_server.METADATA.tables["sync_changes"]
LIST = modern("tools/list")


def test_an_order_reaches_another_process_whole_and_shows_no_secret(tmp_path):
    settings = Settings.from_environment(
        {
            "MANA_AUTH_URL": "https://auth.example",
            "JWT_ISSUER": "https://issuer.example",
            "MANA_TOOLS_KEY": "canary-1",
            "MANA_GATEWAY_KEY": "canary-2",
            "DATABASE_URL": "postgresql://canary-3",
            "MANA_METRICS_TOKEN": "canary-4",
            "MANA_APPROVED_TOOLS": str(tmp_path / "tools.jws"),
            "MANA_FORWARD_TOKENS": "1",
            "MANA_LAB_ENV": "production",
        }
    )
    origins = ("https://page.example",)
    order = Order(settings, "https://gateway.example", tmp_path, origins, workers=3, grace_s=1.5)
    assert Order.from_json(order.to_json()) == order
    assert all(f"canary-{number}" in order.to_json() for number in range(1, 5))
    assert "canary" not in repr(order)


@pytest.mark.parametrize(("workers", "sessions"), [(1, True), (2, False)])
def test_only_a_single_process_keeps_sessions(tmp_path, workers, sessions):
    order = Order(Settings(), "http://127.0.0.1:1", tmp_path, workers=workers)
    assert order.config().sessions is sessions


def test_an_order_that_makes_no_gateway_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="public URL"):
        Order(Settings(), "ftp://lab.example", tmp_path)


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path, SystemClock()) as house:
        yield house


async def until(holds):
    """Wait for something that happens to processes, which nobody announces."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def children(pid):
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def holder_of(port, pids):
    """Return which process holds the connection that begins at a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    [inode] = [row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[9] != "0"]
    [pid] = [
        pid
        for pid in pids
        if any(
            str(each.readlink()) == f"socket:[{inode}]"
            for each in Path(f"/proc/{pid}/fd").iterdir()
        )
    ]
    return pid


@asynccontextmanager
async def command(house, folder, *options, sync=None):
    """Run the command in front of the house's identity; yield the process and its URL."""
    identity = house.identity_service.app
    async with served(identity) as auth_url, served(sync or identity) as sync_url:
        urls = ("--auth-url", auth_url, "--sync-url", sync_url, "--jwt-issuer", ISSUER)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mana_lab.gateway", "--port", "0"),
            *("--data", str(folder), *urls, *options),
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            said = (await process.stdout.readline()).decode()
            yield process, said.split()[4]
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux lists a process's children")
async def test_workers_that_are_killed_renewed_and_stopped_under_load_lose_nothing_else(
    house, tmp_path
):
    anna = await house.user("anna")
    told = Counter()
    done = asyncio.Event()

    async def client(url):
        async with httpx2.AsyncClient(headers=anna.headers, timeout=60) as http:
            while not done.is_set():
                try:
                    answer = await http.post(url, **LIST)
                    told[answer.status_code] += 1
                except httpx2.TransportError:
                    told["broken off"] += 1

    async with (
        asyncio.timeout(PATIENCE_S),
        command(house, tmp_path, "--workers", "2") as (process, url),
        asyncio.TaskGroup() as clients,
    ):
        for _ in range(8):
            clients.create_task(client(url))
        await until(lambda: told[200] > 20)
        first = children(process.pid)
        assert len(first) == 2
        for killed in first:
            os.kill(killed, signal.SIGKILL)
            await until(lambda gone=killed: len(children(process.pid) - {gone}) == 2)
        answered = told[200]
        await until(lambda: told[200] > answered + 50)
        broken_off = told["broken off"]
        assert broken_off <= 2 * 8

        second = children(process.pid)
        process.send_signal(signal.SIGHUP)
        await until(lambda: len(children(process.pid) - second) == len(children(process.pid)) == 2)
        assert told["broken off"] == broken_off
        done.set()
    print(f"\nanswered {told[200]}, broken off by SIGKILL {broken_off}")  # noqa: T201
    assert set(told) <= {200, "broken off"}
    assert told[200] > 100


def counted(text):
    """Return what ``/metrics`` tells, by name and labels."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux lists a process's children")
async def test_workers_count_together_also_what_one_counted_that_is_gone(house, tmp_path):
    anna = await house.user("anna")
    calls = 'mana_mcp_tool_invocations_total{outcome="input-invalid",tool="unknown"}'

    async def ask(url, **request):
        """Ask on a connection of its own, which any worker may take."""
        async with httpx2.AsyncClient(headers=anna.headers, timeout=60) as http:
            return await http.request("POST" if request else "GET", url, **request)

    async def look(url):
        return counted((await ask(url.replace("/mcp", "/metrics"))).text)

    async with (
        asyncio.timeout(PATIENCE_S),
        command(house, tmp_path, "--workers", "2") as (process, url),
    ):
        nothing = modern(name="no.such", arguments={})
        sent, seen = 0, {}
        while seen.get("mana_mcp_jwks_fetches") != 2:  # each fetches the keys when it is called
            await asyncio.gather(*(ask(url, **nothing) for _ in range(4)))
            sent, seen = sent + 4, await look(url)
        assert seen["mana_mcp_jwks_keys"] == 1
        assert seen[calls] == sent
        assert {(await look(url))[calls] for _ in range(8)} == {sent}
        for killed in children(process.pid):
            os.kill(killed, signal.SIGKILL)
            await until(lambda gone=killed: len(children(process.pid) - {gone}) == 2)
        seen = await look(url)
        assert (seen[calls], seen["mana_mcp_jwks_fetches"]) == (sent, 2)
        assert seen["mana_mcp_jwks_keys"] == 0  # of those that live


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux lists a process's children")
async def test_workers_serve_both_eras_and_end_with_their_parent(house, tmp_path, stop):
    anna = await house.user("anna")
    async with (
        asyncio.timeout(PATIENCE_S),
        command(house, tmp_path, "--workers", "2", "--grace", "5") as (process, url),
        httpx2.AsyncClient(headers=anna.headers) as http,
    ):
        for era in ("auto", "legacy"):
            async with connected(http, era, url) as mcp:
                assert len((await mcp.list_tools()).tools) > 50
        opened = await http.post(url, **legacy("tools/list"))
        assert "mcp-session-id" not in opened.headers
        assert (await http.get(url)).status_code == 405
        workers = children(process.pid)
        process.send_signal(stop)
        rest, errors = await process.communicate()
        assert process.returncode == (-9 if stop is signal.SIGKILL else 0)
        assert (rest, errors) == (b"", b"")
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux tells whose a socket is")
async def test_a_worker_that_is_killed_between_commit_and_answer_leaves_one_change_and_one_answer(
    house, tmp_path
):
    anna = await house.user("anna")
    await house.identity.vault_init(anna.token)
    request = modern(name="todo.create", arguments={"title": "Hand in the essay"})
    request["json"]["params"]["_meta"][IDEMPOTENCY_META] = "tick-1/0"
    workers, pushing = set(), []

    async def nobody_hears(_message):
        pass

    async def killing(scope, receive, send):
        """Store what is pushed; of the first push, kill whoever waits for the answer."""
        if scope.get("method") != "POST":
            await sync(scope, receive, send)
            return
        pushing.append(holder_of(scope["client"][1], workers))
        if len(pushing) > 1:
            await sync(scope, receive, send)
            return
        await sync(scope, receive, nobody_hears)
        os.kill(pushing[0], signal.SIGKILL)
        while (await receive())["type"] != "http.disconnect":
            pass

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(PATIENCE_S))
        transport = httpx.ASGITransport(house.identity_service)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport))
        store, sync = await open_sync(tmp_path, SystemClock(), http)
        stack.push_async_callback(store.close)
        process, url = await stack.enter_async_context(
            command(house, tmp_path, "--workers", "2", sync=killing)
        )
        workers |= children(process.pid)

        async def call():
            async with httpx2.AsyncClient(headers=anna.headers, timeout=60) as client:
                return (await client.post(url, **request)).json()["result"]

        with pytest.raises(httpx2.TransportError):
            await call()
        answer = await call()
        stored = await store.read(lambda c: list(c.execute(select(CHANGES.c.record_id))))
        assert await call() == answer
        attempts = await attempts_of(tmp_path)
    assert answer["isError"] is False
    assert stored == [(answer["structuredContent"]["task"]["id"],)]
    assert set(pushing[1:]) <= workers - {pushing[0]}
    assert (attempts[0], len(attempts)) == ("begun", 3)


async def attempts_of(folder):
    async with await Store.open(f"sqlite:///{folder}/gateway.db", METADATA) as store:
        query = select(ATTEMPTS.c.outcome).order_by(ATTEMPTS.c.occurred_at)
        return await store.read(lambda connection: list(connection.execute(query).scalars()))
