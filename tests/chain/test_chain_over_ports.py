"""The whole chain over real ports: ``serve`` in a process, the official MCP client outside."""

import asyncio
import sys
from contextlib import suppress

import pytest
from chain_house import connected, plain_http, served, use

from mana_lab import Lab
from mana_lab.crypto import is_encrypted

ERAS = {"anna": "auto", "ben": "legacy"}
ACKNOWLEDGED = 40


async def a_day(client, who):
    """Use the app as a persona does; return what was written, by what it should read."""
    tasks = [
        (await use(client, "todo.create", title=f"{who}'s task {n}", priority="high"))["task"]
        for n in range(5)
    ]
    for task in tasks[:2]:
        await use(client, "todo.complete", id=task["id"])
    await use(client, "notes.create", title=f"{who}'s secret", content="enc:1: is how it begins")
    await use(client, "journal.add", content=f"{who} was here", mood="zufrieden")
    await use(client, "habits.create", title=f"{who} runs")
    return [task["title"] for task in tasks]


@pytest.mark.parametrize("eras", [ERAS, {"anna": "legacy", "ben": "auto"}], ids=str)
async def test_two_personas_use_the_app_at_once_and_see_nothing_of_each_other(folder, eras):
    async with served(folder) as mana, plain_http() as http:
        logins = {who: await mana.login(http, who) for who in eras}
        async with (
            connected(mana.gateway_url, logins["anna"].access_token, eras["anna"]) as anna,
            connected(mana.gateway_url, logins["ben"].access_token, eras["ben"]) as ben,
        ):
            written = await asyncio.gather(a_day(anna, "Anna"), a_day(ben, "Ben"))
            for client, who, titles in ((anna, "Anna", written[0]), (ben, "Ben", written[1])):
                still_open = (await use(client, "todo.list"))["tasks"]
                assert [task["title"] for task in still_open] == titles[2:]
                every = (await use(client, "todo.list", includeCompleted=True))["tasks"]
                assert [task["title"] for task in every] == titles
                assert [task["isCompleted"] for task in every] == [True] * 2 + [False] * 3
                notes = (await use(client, "notes.search", query=""))["notes"]
                assert [(note["title"], note["content"]) for note in notes] == [
                    (f"{who}'s secret", "enc:1: is how it begins")
                ]
                habits = (await use(client, "habits.list"))["habits"]
                assert [habit["title"] for habit in habits] == [f"{who} runs"]
        await check_what_sync_keeps(mana, http, logins)


async def check_what_sync_keeps(mana, http, logins):
    raw = b"".join(path.read_bytes() for path in mana.folder.glob("sync.db*"))
    for text in (b"'s task", b"secret", b"was here", b"how it begins"):
        assert text not in raw
    for login in logins.values():
        (space,) = await mana.identity(http).spaces(login.access_token)
        (note,) = await mana.pulled(http, login.access_token, "notes", "notes")
        assert all(is_encrypted(note.data[name]) for name in ("title", "content"))
        tasks = await mana.pulled(http, login.access_token, "todo", "tasks")
        assert len(tasks) == 7
        assert {change.space_id for change in [note, *tasks]} == {space.id}


async def test_a_space_of_somebody_else_is_refused(folder):
    async with served(folder) as mana, plain_http() as http:
        anna, ben = await mana.login(http, "anna"), await mana.login(http, "ben")
        async with connected(mana.gateway_url, ben.access_token, "auto") as client:
            spaces = (await use(client, "spaces.list"))["spaces"]
        headers = {
            "Authorization": f"Bearer {anna.access_token}",
            "X-Mana-Space": spaces[0]["id"],
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/list",
        }
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
        answer = await http.post(mana.gateway_url, json=hello, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"] == "not-a-member"


@pytest.mark.slow
async def test_what_was_acknowledged_survives_a_kill(folder, pair):
    acknowledged = {"anna": [], "ben": []}
    completed = {"anna": [], "ben": []}
    enough = asyncio.Event()

    async def keep_writing(client, who):
        for n in range(10_000):
            title = f"{who} {n}"
            task = (await use(client, "todo.create", title=title))["task"]
            acknowledged[who].append(title)
            if n % 2:
                await use(client, "todo.complete", id=task["id"])
                completed[who].append(title)
            if sum(map(len, acknowledged.values())) >= ACKNOWLEDGED:
                enough.set()

    async def until_the_end(mana, token, who):
        with suppress(Exception):
            async with connected(mana.gateway_url, token, ERAS[who]) as client:
                await keep_writing(client, who)

    async with served(folder) as mana, plain_http() as http:
        tokens = {who: (await mana.login(http, who)).access_token for who in ERAS}
        writers = [asyncio.create_task(until_the_end(mana, tokens[who], who)) for who in ERAS]
        async with asyncio.timeout(60):
            await enough.wait()
        await mana.kill()
        await asyncio.wait(writers)

    async with await Lab.open(folder, catalog=pair) as lab:
        for who in ERAS:
            session = await lab.persona(who)
            listed = await session.call("todo.list", includeCompleted=True, limit=500)
            tasks = {task["title"]: task["isCompleted"] for task in listed.data["tasks"]}
            assert set(acknowledged[who]) <= set(tasks)
            assert len(tasks) <= len(acknowledged[who]) + 1
            assert all(tasks[title] for title in completed[who])
            assert (await session.call("todo.create", title="Life goes on")).ok


@pytest.mark.slow
async def test_a_run_that_was_killed_is_stopped_and_life_goes_on(folder, pair):
    code = (
        "import asyncio, sys\n"
        "from mana_lab import Lab\n"
        "async def main():\n"
        "    tell = lambda label, done, total: print(label, done, total, flush=True)\n"
        "    lab = await Lab.open(sys.argv[1], progress=tell)\n"
        "    await lab.run(days=300)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(folder)), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        while not (line := await process.stdout.readline()).startswith(b"simulated days 2 "):
            assert line, "it ended by itself"
    process.kill()
    await process.communicate()
    async with await Lab.open(folder, catalog=pair) as lab:
        stopped_at = lab.clock.now()
        before = len(lab.actions_df())
        assert before
        run = await lab.run(days=1)
        assert (run.status, run.failed_ticks) == ("done", 0)
        assert run.starts_at == stopped_at
        statuses = lab.sql("SELECT status FROM runs ORDER BY run")["status"]
        assert list(statuses) == ["stopped", "done"]
        assert len(lab.actions_df()) >= before + run.calls
