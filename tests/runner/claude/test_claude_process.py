"""Claude Code as a process: whatever becomes of it, nothing of it is left."""

import asyncio
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from claude_house import claude, leaves, sdk, use
from playing_house import scene_of
from provider_house import in_order, provider

from mana_lab.errors import ProtocolError, ProviderUnavailableError, SettingsError
from mana_lab.runner.meter import Tally

REAL = Path(sdk.__file__).parent / "_bundled" / "claude"


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Return where scratch folders are made, which none may outlive."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def program(folder, script):
    """Return a program that runs instead of Claude Code."""
    path = folder / "claude"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def with_child(folder):
    """Return Claude Code with a child that would outlive it, and the file with both ids."""
    ids = folder / "ids"
    return program(folder, f'/bin/sleep 1000 & echo $$ $! > {ids}; exec {REAL} "$@"'), ids


async def gone(ids):
    """Wait until both processes have ended; the first one, which is ours, leaves no zombie."""
    leader, child = map(int, ids.read_text().split())
    for pid in (leader, child):
        with suppress(ProcessLookupError):
            await ended(os.pidfd_open(pid))
    with pytest.raises(ProcessLookupError):
        os.kill(leader, 0)


async def ended(pidfd):
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, done.set)
    try:
        async with asyncio.timeout(20):
            await done.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


class Silent:
    """A mind that does not answer before it is told to.

    Attributes:
        asked: Set when it was asked.
        end: Set it to let it answer.
    """

    def __init__(self):
        self.asked = asyncio.Event()
        self.end = asyncio.Event()

    async def __call__(self, _asked):
        self.asked.set()
        await self.end.wait()
        return leaves()


@pytest.mark.slow
async def test_a_finished_session_leaves_no_process(shared, tmp_path):
    path, ids = with_child(tmp_path)
    async with provider(in_order(leaves())) as house:
        await use(shared, claude(house, program=path))
    await gone(ids)


@pytest.mark.slow
async def test_a_session_that_hangs_is_killed_with_its_children(shared, tmp_path):
    path, ids = with_child(tmp_path)
    tally = Tally()
    silent = Silent()
    async with provider(silent) as house:
        brain = claude(house, program=path, timeout_s=4)
        with pytest.raises(ProviderUnavailableError, match="more than 4 seconds"):
            await use(shared, brain, scene_of(meter=tally))
        silent.end.set()
    await gone(ids)
    assert tally.used.tokens == 400_000  # what is not known counts in full


@pytest.mark.slow
async def test_a_cancelled_tick_kills_its_session(shared, tmp_path):
    path, ids = with_child(tmp_path)
    silent = Silent()
    async with provider(silent) as house:
        tick = asyncio.create_task(use(shared, claude(house, program=path)))
        async with asyncio.timeout(60):
            await silent.asked.wait()
        tick.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tick
        await gone(ids)
        silent.end.set()


BROKEN = {
    "exit": ("echo 'out of luck' >&2; exit 3", ProviderUnavailableError, "status 3.*out of luck"),
    "silence": ("exit 0", ProviderUnavailableError, "status 0.*did not say why"),
    "garbage": ("echo '{broken'; exec /bin/sleep 1000", ProtocolError, "not JSON"),
    "flood": ("exec /usr/bin/yes {{{{ | /usr/bin/tr -d '\\n'", ProtocolError, "bytes at once"),
    "hang": ("exec /bin/sleep 1000", ProviderUnavailableError, "more than 0.5 seconds"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_program_is_a_typed_error(shared, tmp_path, name):
    script, kind, words = BROKEN[name]
    tally = Tally()
    async with provider(in_order()) as house:
        limit = {"timeout_s": 0.5} if name == "hang" else {}
        brain = claude(house, program=program(tmp_path, script), **limit)
        with pytest.raises(kind, match=words):
            await use(shared, brain, scene_of(meter=tally))
    assert tally.used.tokens == 0  # nobody was asked


async def test_a_program_that_may_not_be_run_says_what_to_do(shared, tmp_path):
    plain = tmp_path / "claude"
    plain.write_text("no program")
    async with provider(in_order()) as house:
        with pytest.raises(SettingsError, match="claude-agent"):
            await use(shared, claude(house, program=plain))


async def test_a_program_that_is_not_there_says_what_to_do(tmp_path):
    async with provider(in_order()) as house:
        with pytest.raises(SettingsError, match=r"there is no Claude Code at .*program="):
            claude(house, program=tmp_path / "nowhere")
