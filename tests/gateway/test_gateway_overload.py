"""Five times what a gateway can do: what it admits stays quick, and memory stays where it was."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from busy_gateway import MOST_CALLS, TAKES_S
from gateway_house import modern

PATIENCE_S = 180
USERS = 16
SECONDS = 8.0
MADE = modern(name="test.work", arguments={})


@asynccontextmanager
async def busy_gateway(folder):
    """Start it; yield its port, its tokens and its pid."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("busy_gateway.py")),
        *(str(folder), str(USERS)),
        stdout=PIPE,
    )
    try:
        told = json.loads(await process.stdout.readline())
        yield told["port"], told["tokens"], process.pid
    finally:
        process.kill()
        await process.wait()


@dataclass
class Found:
    """What became of the requests of a load.

    Attributes:
        times: How many clients there were for each call that the gateway takes at once.
        took_ms: How long those took that were answered.
        resident_mb: What the gateway took before and after.
    """

    times: int
    sent: int = 0
    statuses: Counter = field(default_factory=Counter)
    took_ms: list = field(default_factory=list)
    resident_mb: tuple = ()

    @property
    def p99_ms(self):
        return sorted(self.took_ms)[len(self.took_ms) * 99 // 100]

    def __str__(self):
        before, after = self.resident_mb
        return (
            f"{self.times} x: {self.sent / SECONDS:6.0f}/s sent, "
            f"{self.statuses[200] / SECONDS:5.0f}/s answered, p99 {self.p99_ms:6.1f} ms, "
            f"RSS {before:.1f} -> {after:.1f} MB"
        )


def resident_mb(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def client(port, token, found, until):
    """Call again and again; after a refusal, as soon as a call would have been done."""
    body = json.dumps(MADE["json"] | {"pad": "x" * 4000}).encode()
    headers = {
        **MADE["headers"],
        "Host": f"127.0.0.1:{port}",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Content-Length": len(body),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while loop.time() < until:
        started = loop.time()
        writer.write(request)
        found.sent += 1
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
        status = int(answer[9:12])
        found.statuses[status] += 1
        if status == 200:
            found.took_ms.append((loop.time() - started) * 1000)
        else:
            assert b"\r\nretry-after: 1\r\n" in answer
            await asyncio.sleep(TAKES_S)
    writer.close()
    await writer.wait_closed()


async def load(port, tokens, times):
    found, until = Found(times), asyncio.get_running_loop().time() + SECONDS
    async with asyncio.TaskGroup() as tasks:
        for number in range(times * MOST_CALLS):
            tasks.create_task(client(port, tokens[number % len(tokens)], found, until))
    return found


async def loads(folder):
    """Return what came of as many clients as the gateway takes, and of five times as many."""
    async with asyncio.timeout(PATIENCE_S), busy_gateway(folder) as (port, tokens, pid):
        await load(port, tokens, 1)
        rows = []
        for times in (1, 5):
            before = resident_mb(pid)
            rows.append(await load(port, tokens, times))
            rows[-1].resident_mb = (before, resident_mb(pid))
    return rows


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells memory there")
async def test_five_times_too_many_calls_are_refused_or_answered_and_take_no_memory(tmp_path):
    """How quickly those are answered that are admitted, the benchmark of the gateway tells."""
    usual, over = await loads(tmp_path)
    for found in (usual, over):
        assert set(found.statuses) <= {200, 429, 503}
        assert found.statuses.total() == found.sent
        assert found.resident_mb[1] - found.resident_mb[0] < 32
    assert usual.statuses.total() == usual.statuses[200]
    assert over.statuses[429] + over.statuses[503] > over.statuses[200]
