"""A run in shards: other processes live it, some die, and it comes to the same."""

import os
import signal
from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pytest
from engines_house import ENGINES, installed_or_skip, workers

from mana_lab import Lab
from mana_lab.errors import (
    InvalidInputError,
    LabBusyError,
    ManaLabError,
    NothingToResumeError,
    ServiceUnavailableError,
)
from mana_lab.personas import sample
from mana_lab.runner import Budget, ScriptedBrain, Terms
from mana_lab.runner.shards import Site

WHAT = ["persona", "tick", "seq", "tool_name", "result", "occurred_at", "input_hash"]
SITE = Site(auth_url="http://127.0.0.1:1", mcp_url="http://127.0.0.1:2/mcp")


class Executioner:
    """Kills a worker process of an engine once so many ticks have ended."""

    def __init__(self, engine, after):
        self.engine = engine
        self.after = after
        self.killed = None

    def __call__(self, label, done, _total):
        if label == "ticks in shards" and done >= self.after and self.killed is None:
            self.killed = min(workers(self.engine), key=lambda each: each.pid).pid
            os.kill(self.killed, signal.SIGKILL)


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


@pytest.fixture(scope="module")
async def two_hundred(tmp_path_factory):
    """Return 200 personas, and what they did for a day in this process."""
    many = sample(200, seed=3, cadences={"daily": 1})
    assert len(many) == 200
    folder = tmp_path_factory.mktemp("here") / "lab"
    return many, await lived(folder, many, days=1, concurrency=16)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
async def test_two_hundred_live_on_an_engine_and_a_worker_that_is_killed_costs_nothing(
    engine, two_hundred, tmp_path, postgres_home
):
    """Two worker processes, two gateway processes and PostgreSQL."""
    installed_or_skip(engine)
    many, here = two_hundred
    executioner = Executioner(engine, after=40)
    there = await lived(
        tmp_path / "there",
        many,
        days=1,
        where={"database_url": postgres_home.url("")},
        progress=executioner,
        concurrency=16,
        engine=engine,
        workers=2,
        gateway_workers=2,
    )
    assert executioner.killed is not None
    assert (there[2]["attempt"] > 1).any()
    assert_same(here, there)


@pytest.mark.slow
async def test_a_run_on_ray_makes_the_same_calls(tmp_path, few, postgres_home):
    installed_or_skip("ray")
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


async def test_until_all_parts_are_lived_the_lab_has_no_other_run_and_can_finish_them_itself(lab):
    parts = await lab.shards(2, SITE, days=1)
    with pytest.raises(LabBusyError, match="a run in shards is not over"):
        await lab.run(days=1)
    with pytest.raises(LabBusyError, match="a run in shards is not over"):
        await lab.shards(2, SITE, days=1)
    run = await lab.resume()
    assert (run.id, run.status, run.open_ticks) == (parts[0].run_id, "done", 0)
    assert run.ticks > 0
    assert (await lab.run(days=1)).status == "done"


class Nowhere:
    """An engine that is asked while another run is wanted, and lives nothing."""

    workers = 1

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile

    async def carry(self, _shards, _access):
        with pytest.raises(LabBusyError, match="wait until it has ended"):
            await self.meanwhile()
        raise ServiceUnavailableError("there are no workers")


async def test_while_shards_are_lived_there_is_no_other_run_and_a_failure_is_written_down(lab):
    with pytest.raises(ServiceUnavailableError, match="there are no workers"):
        await lab.run(days=1, engine=Nowhere(lambda: lab.run(days=1)))
    run = await lab.reopen(-1)
    assert (run.status, run.reason) == ("failed", "there are no workers")
    assert (await lab.resume()).status == "done"


async def carried(lab, shard, **changes):
    """Live a shard in this process."""
    changed = shard.model_copy(update=changes)
    brain = ScriptedBrain()
    return await lab._fleet.carry(
        changed.run_id, changed.number, changed.of, changed.plan(brain.name, None), Terms(brain)
    )


async def test_a_file_of_another_cut_or_run_is_refused_and_ends_nothing(lab):
    parts = await lab.shards(2, SITE, days=1)
    for changes, said in (
        ({"of": 3}, "shard 1 of 3 is none of this run, which was cut into 2"),
        ({"number": 9, "of": 2}, "shard 9 of 2 is none of this run"),
        ({"seed": 8}, "of another run: its seed is 8, and the run's is 7"),
        ({"ends_at": parts[0].ends_at + timedelta(days=1)}, "of another run: its ends_at"),
        ({"run_id": "0" * 36}, "no run of that id"),
    ):
        with pytest.raises(ManaLabError, match=said):
            await carried(lab, parts[0], **changes)
    assert (await lab.reopen(-1)).status == "running"


async def test_a_part_that_was_lived_stays_so_whoever_else_is_at_it(lab):
    parts = await lab.shards(2, SITE, days=1)
    assert [await carried(lab, part) for part in (*parts, parts[0])] == ["done"] * 3
    await lab._ledger.end_shard(parts[0].run_id, 1, "failed", "too late")
    run = await lab.reopen(-1)
    assert (run.status, run.open_ticks) == ("done", 0)
    assert run.ticks > 0
