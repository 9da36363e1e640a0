"""Several processes on one port: replaced when they die, and stopped together."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from mana_lab.clock import ManualClock
from mana_lab.errors import InfrastructureError
from mana_lab.gateway.workers import Workers
from mana_lab.web.serving import listen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows shares no sockets")
PATIENCE_S = 30
TINY = str(Path(__file__).with_name("tiny_worker.py"))
SECRET = "of nobody's business"


def workers(folder, how="serves", count=2, on_end=lambda _pid: None):
    sock = listen("127.0.0.1", 0)
    command = [sys.executable, "-S", TINY, how, str(folder)]
    clock = ManualClock()
    kept = Workers(
        command,
        SECRET,
        sock,
        count,
        clock=clock,
        ready=b"ready\n",
        grace_s=30.0,
        environment={"SHARED": "by all"},
        on_end=on_end,
    )
    return kept, sock


@asynccontextmanager
async def running(folder, how="serves", count=2, **options):
    """Run workers; yield them, their port, and the task to cancel."""
    kept, sock = workers(folder, how, count, **options)
    port, ready = sock.getsockname()[1], asyncio.Event()
    async with asyncio.timeout(PATIENCE_S):
        task = asyncio.create_task(kept.run(ready.set))
        await ready.wait()
        try:
            yield kept, port, task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def ask(port):
    """Return the pid of the worker that answers, or None where none does."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"who?\n")
        answer = (await reader.read()).decode()
    except ConnectionError:
        return None
    writer.close()
    pid, leads_group, order = answer.split(" ", 2)
    assert (leads_group, order) == ("True", f"{SECRET}\n")
    return int(pid)


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def shown_by(pid):
    """Return what anybody, or the same user, sees of how a process was started."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


async def replaced(kept, pids):
    """Wait until there are as many workers as before, and none of *pids*."""
    count = len(kept.pids)
    while len(kept.pids) < count or set(pids) & set(kept.pids):  # noqa: ASYNC110 - a process' end
        await asyncio.sleep(0.01)


async def test_workers_answer_on_one_port_and_all_end_when_told_to(tmp_path):
    async with running(tmp_path) as (kept, port, task):
        pids = kept.pids
        assert len(set(pids)) == 2
        assert await ask(port) in pids
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [is_there(pid) for pid in pids] == [False, False]
        assert await ask(port) is None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux shows command lines there")
async def test_what_workers_are_told_stands_neither_on_a_command_line_nor_in_the_environment(
    tmp_path,
):
    async with running(tmp_path) as (kept, _, _):
        for pid in kept.pids:
            told = shown_by(pid)
            assert TINY.encode() in told
            assert SECRET.encode() not in told
            assert b"SHARED=by all" in told


async def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(tmp_path):
    async with running(tmp_path) as (kept, port, _):
        for _ in range(3):
            killed, *others = kept.pids
            os.kill(killed, signal.SIGKILL)
            await replaced(kept, {killed})
            assert set(others) < set(kept.pids)
        assert await ask(port) in kept.pids


async def test_all_workers_that_are_killed_at_once_are_replaced(tmp_path):
    async with running(tmp_path) as (kept, port, _):
        killed = kept.pids
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        while await ask(port) in {None, *killed}:
            pass


async def test_workers_are_renewed_one_after_the_other_and_somebody_always_answers(tmp_path):
    async with running(tmp_path) as (kept, port, _):
        before = set(kept.pids)
        renewal = asyncio.create_task(kept.renew())
        again = asyncio.create_task(kept.renew())
        while not renewal.done():
            assert await ask(port) is not None
        assert len(set(kept.pids) - before) == 2
        await again
        assert not any(is_there(pid) for pid in before)
        assert all(is_there(pid) for pid in kept.pids)


async def test_the_old_workers_stay_when_no_new_one_starts(tmp_path, caplog):
    async with running(tmp_path) as (kept, port, _):
        before = kept.pids
        (tmp_path / "broken").touch()
        await kept.renew()
        assert kept.pids == before
        assert await ask(port) in before
    assert "the old ones stay" in caplog.text


async def test_it_is_told_which_workers_have_ended(tmp_path):
    ended = []
    async with running(tmp_path, on_end=ended.append) as (kept, _, _):
        killed, other = kept.pids
        os.kill(killed, signal.SIGKILL)
        await replaced(kept, {killed})
        assert ended == [killed]
        await kept.renew()
        assert other in ended
        last = kept.pids
    assert set(ended) >= {killed, other, *last}


async def test_a_worker_that_keeps_failing_is_tried_again(tmp_path):
    broken = tmp_path / "broken"
    async with running(tmp_path, count=1) as (kept, port, _):
        broken.touch()
        os.kill(kept.pids[0], signal.SIGKILL)
        while kept.pids:  # noqa: ASYNC110 - a process' end
            await asyncio.sleep(0.01)
        broken.unlink()
        while await ask(port) is None:
            pass


async def test_workers_that_do_not_start_at_the_beginning_end_it(tmp_path):
    (tmp_path / "broken").touch()
    kept, sock = workers(tmp_path)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(InfrastructureError, match="did not start"):
            await kept.run(lambda: None)
    assert sock.fileno() == -1
    assert not any(is_there(pid) for pid in kept.pids)


async def test_being_told_twice_workers_are_told_twice(tmp_path):
    async with running(tmp_path, "stubborn") as (kept, _, task):
        pids = kept.pids
        task.cancel()
        while {str(pid) for pid in pids} != set(os.listdir(tmp_path)):  # noqa: ASYNC110, PTH208
            await asyncio.sleep(0.01)
        assert [is_there(pid) for pid in pids] == [True, True]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [is_there(pid) for pid in pids] == [False, False]
