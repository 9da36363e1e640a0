"""A run in shards: other processes live it, some die, and it comes to the same."""

import os
import signal
from decimal import Decimal

import pandas as pd
import psutil
import pytest

from mana_lab import Lab
from mana_lab.errors import InvalidInputError, NothingToResumeError
from mana_lab.personas import sample
from mana_lab.runner import Budget, ScriptedBrain
from mana_lab.runner.shards import Site

REQUIRED_RAY = "MANA_LAB_TEST_RAY_REQUIRED"
WHAT = ["persona", "tick", "seq", "tool_name", "result", "occurred_at", "input_hash"]
SITE = Site(auth_url="http://127.0.0.1:1", mcp_url="http://127.0.0.1:2/mcp")


def ray_or_skip():
    try:
        import ray  # noqa: F401
    except ImportError:
        if os.environ.get(REQUIRED_RAY):
            pytest.fail(f"{REQUIRED_RAY} is set, but Ray is not installed")
        pytest.skip("needs mana-lab[ray]")


class Executioner:
    """Kills a worker process once so many ticks have ended."""

    def __init__(self, after):
        self.after = after
        self.killed = None

    def __call__(self, label, done, _total):
        if label == "ticks in shards" and done >= self.after and self.killed is None:
            self.killed = min(workers(), key=lambda each: each.pid).pid
            os.kill(self.killed, signal.SIGKILL)


def workers():
    """Return the processes of the engine: what this process started that is not the gateway's."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "spawn_main" in " ".join(each.cmdline())]


async def lived(folder, catalog, *, days=2, where=None, progress=None, **how):
    """Return what a lab did, as frames, and the attempts that its ticks took."""
    where = where or {}
    async with await Lab.open(folder, catalog=catalog, progress=progress, **where) as lab:
        assert not (await lab.seed()).failed
        run = await lab.run(days=days, seed=11, **how)
        assert (run.status, run.open_ticks, run.failed_ticks) == ("done", 0, 0), run
        assert lab.clock.now() == run.ends_at
        ratings = lab.feedback_df(run)[["persona", "tick", "module", "rating", "notes"]]
        ticks = lab.sql("SELECT persona, tick, attempt FROM ticks ORDER BY ALL")
        return lab.actions_df(run)[WHAT], ratings, ticks


def assert_same(here, there):
    """Assert that two runs made the same calls and ratings, each tick once.

    A tick that was lived again may find in a list what it had added before, and say so.
    """
    for frames in (here, there):
        assert all(len(frame) > 0 for frame in frames)
    pd.testing.assert_frame_equal(here[0], there[0])
    once = ["persona", "tick"]
    pd.testing.assert_frame_equal(here[2][once], there[2][once])
    assert not there[2].duplicated(once).any()
    pd.testing.assert_frame_equal(here[1][[*once, "module"]], there[1][[*once, "module"]])
    calm = there[1].merge(there[2])["attempt"] == 1
    pd.testing.assert_frame_equal(here[1][calm], there[1][calm])


@pytest.mark.slow
@pytest.mark.parametrize("gateway_workers", [0, 2])
async def test_a_run_on_dask_makes_the_same_calls(tmp_path, few, gateway_workers):
    here = await lived(tmp_path / "here", few)
    how = {"engine": "dask", "workers": 2, "gateway_workers": gateway_workers}
    assert_same(here, await lived(tmp_path / "there", few, **how))


@pytest.mark.slow
async def test_two_hundred_live_on_dask_and_a_worker_that_is_killed_costs_nothing(
    tmp_path, postgres_home
):
    """Two worker processes, two gateway processes and PostgreSQL."""
    many = sample(200, seed=3, cadences={"daily": 1})
    assert len(many) == 200
    here = await lived(tmp_path / "here", many, days=1, concurrency=16)
    executioner = Executioner(after=40)
    there = await lived(
        tmp_path / "there",
        many,
        days=1,
        where={"database_url": postgres_home.url("")},
        progress=executioner,
        concurrency=16,
        engine="dask",
        workers=2,
        gateway_workers=2,
    )
    assert executioner.killed is not None
    assert (there[2]["attempt"] > 1).any()
    assert_same(here, there)


@pytest.mark.slow
async def test_a_run_on_ray_makes_the_same_calls(tmp_path, few, postgres_home):
    ray_or_skip()
    here = await lived(tmp_path / "here", few)
    where = {"database_url": postgres_home.url("")}
    there = await lived(tmp_path / "there", few, where=where, engine="ray", workers=2)
    assert_same(here, there)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"engine": "slurm"}, "there is no engine 'slurm'; there are asyncio, dask, ray"),
        ({"engine": "dask", "workers": 0}, "1 worker or more, got 0"),
        ({"engine": "dask", "brain": ScriptedBrain()}, "give its name, such as 'scripted'"),
        ({"engine": "dask", "brain": "clever"}, "there is no brain 'clever'"),
        ({"engine": "dask", "concurrency": 0}, "concurrency must be at least 1, got 0"),
        ({"engine": "dask", "budget": -1}, "must be above 0, got -1"),
    ],
    ids=["engine", "workers", "brain", "name", "concurrency", "budget"],
)
async def test_what_no_engine_can_carry_is_refused_before_a_run_begins(lab, how, said):
    with pytest.raises(InvalidInputError, match=said):
        await lab.run(days=1, **how)
    assert lab.sql("SELECT * FROM runs").empty


async def test_there_is_nothing_to_go_on_with_before_a_run(lab):
    with pytest.raises(NothingToResumeError):
        await lab.resume(engine="dask")


async def test_the_shards_of_a_run_have_everybody_once_and_end_it_together(lab):
    parts = await lab.shards(2, SITE, days=1, budget=Decimal("1.50"))
    people = [email for part in parts for email in part.personas]
    assert sorted(people) == sorted(each.email for each in lab.catalog)
    assert {part.budget for part in parts} == {Budget.of("1.50")}
    assert [part.number for part in parts] == [1, 2]
    run = parts[0].run_id
    assert (await lab.reopen(-1)).status == "running"
    await lab._ledger.end_shard(run, 1, "done")
    assert (await lab.reopen(run)).status == "running"
    await lab._ledger.end_shard(run, 2, "done")
    assert (await lab.reopen(run)).status == "done"


@pytest.mark.parametrize(
    ("ends", "status"),
    [(("done", "stopped"), "stopped"), (("stopped", "failed"), "failed"), (("done",) * 2, "done")],
)
async def test_a_run_is_as_the_worst_of_its_shards(lab, ends, status):
    parts = await lab.shards(2, SITE, days=1)
    for part, end in zip(parts, ends, strict=True):
        await lab._ledger.end_shard(part.run_id, part.number, end, f"it was {end}")
    assert (await lab.reopen(-1)).status == status


async def test_a_run_has_no_more_shards_than_people(lab):
    parts = await lab.shards(100, SITE, days=1)
    assert len(parts) == len(lab.catalog)
    with pytest.raises(InvalidInputError, match="1 shard or more, got 0"):
        await lab.shards(0, SITE, days=1)
