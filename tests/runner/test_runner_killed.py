"""A run that is killed anywhere, again and again, comes to what a calm one comes to."""

import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from runner_house import cast, open_mana, story
from sqlalchemy import select

from mana_lab.sync.server.tables import sync_changes

CHILD = Path(__file__).with_name("killed_child.py")
CAST = cast("anna", "ben", "maya", "marcus", "kai", "lena", "julia", "sofia")
NEVER = 0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


def crowd(size):
    """Return so many personas, all due at the same moments."""
    found = []
    for number in range(size):
        model = CAST[number % len(CAST)]
        name = f"{model.name} {number}"
        given = {"name": name, "email": f"persona.{model.slug}{number}@mana.test"}
        found.append(model.model_copy(update=given | {"tick_cadence": "daily"}))
    return found


async def seeded(folder, size):
    folder.mkdir()
    async with open_mana(folder, crowd(size)):
        pass


def live(folder, concurrency, kill_at=NEVER, *how):
    """Return how many events there were until the end; None if it was killed before."""
    done = subprocess.run(
        [sys.executable, CHILD, folder, str(concurrency), str(kill_at), *how],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    status, events = done.stdout.split()
    assert status == "done"
    return int(events)


async def came_to(folder):
    """Return all that a run left, without what may differ from one life of it to another."""
    async with open_mana(folder) as mana:
        ticks = await mana.rows("ticks")
        kept = ("id", "number", "scheduled_at", "status", "calls", "errors", "kept")
        left = [{name: tick[name] for name in kept} for tick in ticks]
        columns = sync_changes.c
        query = select(columns.user_id, columns.table_name, columns.record_id, columns.op)
        changes = await mana.sync_store.read(
            lambda connection: Counter(map(tuple, connection.execute(query)))
        )
        return (await story(mana), left, changes), [tick["attempt"] for tick in ticks]


async def killed_and_calm(tmp_path, concurrency, kills, *how):
    """Live the same run calmly, and killed so many times; return the folders of both."""
    template, calm, killed = (tmp_path / name for name in ("template", "calm", "killed"))
    await seeded(template, max(4, concurrency))
    for folder in (calm, killed):
        shutil.copytree(template, folder)
    events = live(calm, concurrency, NEVER, *how)
    dice = random.Random(concurrency)
    for kill in range(kills):
        at = dice.randint(1, int(1.6 * events / kills))  # what is done again takes events too
        assert live(killed, concurrency, at, *how) is None, f"it was over before kill {kill + 1}"
    live(killed, concurrency, NEVER, *how)
    return calm, killed


@pytest.mark.slow
@pytest.mark.parametrize(("concurrency", "kills"), [(1, 17), (8, 17), (32, 16)])
async def test_a_run_that_is_killed_anywhere_loses_nothing_and_doubles_nothing(
    tmp_path, concurrency, kills
):
    folders = await killed_and_calm(tmp_path, concurrency, kills)
    (calm, _), (killed, attempts) = [await came_to(folder) for folder in folders]
    assert killed == calm
    assert max(attempts) > 1
    assert {tick["status"] for tick in calm[1]} <= {"done", "abandoned"}


async def tape_in(folder):
    async with open_mana(folder) as mana:
        [run] = await mana.ledger.runs()
        return await mana.ledger.tape_of(run.id)


@pytest.mark.slow
async def test_a_run_that_is_killed_while_it_is_recorded_has_the_same_tape(tmp_path):
    calm, killed = await killed_and_calm(tmp_path, 8, 6, "record")
    tape = await tape_in(killed)
    assert tape == await tape_in(calm)
    assert all(tick.app for tick in tape.ticks)
