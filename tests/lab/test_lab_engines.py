"""What carries shards stops with its run, says who does not answer, and leaves others alone."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

import psutil
import pytest
from engines_house import ENGINES, installed_or_skip, open_and_ended
from pydantic import SecretStr

from mana_lab import Lab
from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import InvalidInputError, ServiceUnavailableError, SettingsError
from mana_lab.runner.run import RunPlan
from mana_lab.runner.schedule import end_of, run_id
from mana_lab.runner.shards import Access, Site, cut, engine_of
from mana_lab.runner.shards.clusters import ClusterEngine
from mana_lab.runner.shards.crew import NoWorkerError, WorkerLostError
from mana_lab.runner.shards.hand import Hand
from mana_lab.web.serving import listen

SITE = Site(auth_url="http://127.0.0.1:1", mcp_url="http://127.0.0.1:2/mcp")
ACCESS = Access(
    ledger_url=SecretStr("sqlite:////nowhere/ledger.db"),
    service_key=SecretStr("the key"),
    seed_secret=SecretStr("the seed"),
)
LONG = {"days": 10, "seed": 11, "concurrency": 8}


def two_shards():
    plan = RunPlan(7, "scripted", None, SIMULATION_EPOCH, end_of(SIMULATION_EPOCH, 1))
    people = ["persona.anna@mana.test", "persona.ben@mana.test"]
    return cut(run_id(1, 7, SIMULATION_EPOCH), plan, people, 2, brain="scripted", site=SITE)


def closed_port():
    with listen("127.0.0.1", 0) as sock:
        return sock.getsockname()[1]


class Watch:
    """Tells when some ticks have ended in shards."""

    def __init__(self, after=2):
        self.after = after
        self.reached = asyncio.Event()

    def __call__(self, label, done, _total):
        if label == "ticks in shards" and done >= self.after:
            self.reached.set()

    async def wait(self):
        async with asyncio.timeout(90):
            await self.reached.wait()


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
async def lab(folder, few, watch):
    """Return a seeded lab of four personas that is watched."""
    async with await Lab.open(folder, catalog=few, progress=watch) as lab:
        yield lab


class Local(ClusterEngine):
    """An engine whose workers are hands in this process, which nothing stops but :meth:`stop`.

    Attributes:
        hands: Those who were hired.
        come: How many workers come; None for as many as are wanted.
        lost: How many times a worker is lost in the middle of a shard.
    """

    def __init__(self, *, workers=2, come=None, lost=0):
        super().__init__(workers=workers)
        self.hands = []
        self.come = come
        self.lost = lost

    @asynccontextmanager
    async def _hiring(self):
        yield self._hire

    @asynccontextmanager
    async def _hire(self):
        if self.come is not None and len(self.hands) >= self.come:
            message = "nobody came"
            raise NoWorkerError(message)
        self.hands.append(Hand())
        yield partial(self._ask, self.hands[-1])

    async def _ask(self, hand, method, *given):
        asked = asyncio.ensure_future(getattr(hand, method)(*given))
        if method == "live" and self.lost:
            self.lost -= 1
            await hand.stop()
            message = "it was lost"
            raise WorkerLostError(message)
        await asyncio.shield(asked)

    @property
    def living(self):
        return [hand for hand in self.hands if hand._living and not hand._living.done()]


class Spoiled:
    """An engine that carries one shard as if it were of another run."""

    workers = 2

    def __init__(self, engine, number):
        self.engine = engine
        self.number = number

    async def carry(self, shards, access):
        changes = {self.number: {"seed": 8}}
        carried = [each.model_copy(update=changes.get(each.number, {})) for each in shards]
        await self.engine.carry(carried, access)


def assert_released(folder, run):
    """Assert that some ticks of a run have ended, and that nobody holds one."""
    waiting, ended = open_and_ended(folder, run.id)
    assert ended > 0
    assert run.open_ticks == waiting


async def cancelled(lab, folder, watch, engine, meanwhile=None):
    """Cancel a run in the middle; assert that it was stopped and released what had begun."""
    running = asyncio.create_task(lab.run(engine=engine, **LONG))
    await watch.wait()
    if meanwhile is not None:
        await meanwhile()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    run = await lab.reopen(-1)
    assert (run.status, run.reason) == ("stopped", "by hand")
    assert_released(folder, run)


async def failed(lab, folder, engine):
    """Have the third of four shards fail; assert that the others were stopped and released."""
    with pytest.raises(InvalidInputError, match="of another run: its seed is 8"):
        await lab.run(engine=Spoiled(engine, 3), **LONG)
    run = await lab.reopen(-1)
    assert run.status == "failed"
    assert "its seed is 8" in run.reason
    assert_released(folder, run)


@pytest.mark.slow
async def test_a_run_that_is_cancelled_stops_its_workers_and_goes_on_later(lab, folder, watch):
    engine = Local()
    await cancelled(lab, folder, watch, engine)
    assert len(engine.hands) == 2
    assert not engine.living
    run = await lab.resume(engine=Local())
    assert (run.status, run.open_ticks, run.failed_ticks) == ("done", 0, 0)
    ticks = lab.sql("SELECT persona, tick FROM ticks")
    assert not ticks.duplicated().any()


@pytest.mark.slow
async def test_one_shard_that_fails_stops_the_workers_of_the_others(lab, folder):
    engine = Local()
    await failed(lab, folder, engine)
    assert not engine.living


async def test_a_hand_that_was_stopped_before_it_heard_of_a_shard_lives_none():
    hand = Hand()
    await hand.stop()
    await hand.live(two_shards()[0].to_json(), ACCESS.reveal())
    assert hand._living is None


async def test_a_shard_whose_worker_is_lost_is_lived_by_another_one(lab):
    engine = Local(lost=4)
    run = await lab.run(engine=engine, days=1)
    assert (run.status, run.open_ticks) == ("done", 0)
    assert len(engine.hands) == 2 + 4


async def test_a_shard_that_loses_its_worker_again_and_again_ends_the_run(lab):
    with pytest.raises(ServiceUnavailableError, match=r"shard \d lost its worker 5 times"):
        await lab.run(engine=Local(lost=100), days=1)
    assert (await lab.reopen(-1)).status == "failed"


async def test_fewer_workers_than_were_wanted_do_it_all_and_without_any_it_is_said(lab):
    engine = Local(workers=3, come=1)
    assert (await lab.run(engine=engine, days=1)).status == "done"
    assert len(engine.hands) == 1
    with pytest.raises(ServiceUnavailableError, match="nobody came"):
        await lab.run(engine=Local(come=0), days=1)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
async def test_on_an_engine_a_run_that_is_cancelled_or_fails_releases_what_had_begun(
    engine, lab, folder, watch
):
    installed_or_skip(engine)
    await cancelled(lab, folder, watch, engine)
    assert (await lab.resume()).status == "done"
    await failed(lab, folder, engine_of(engine, 2))


def children():
    found = psutil.Process().children(recursive=True)
    return {each for each in found if "resource_tracker" not in " ".join(each.cmdline())}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
async def test_an_engine_that_is_cancelled_while_it_starts_leaves_no_process(engine):
    installed_or_skip(engine)
    before = children()
    carrying = asyncio.create_task(engine_of(engine, 2).carry(two_shards(), ACCESS))
    async with asyncio.timeout(60):
        while not (begun := children() - before):  # noqa: ASYNC110 - they begin elsewhere
            await asyncio.sleep(0.02)
    carrying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await carrying
    _, alive = psutil.wait_procs(begun | (children() - before), timeout=30)
    assert not alive


@pytest.mark.slow
async def test_each_actor_has_a_dask_worker_of_its_own_and_goes_with_its_run(lab, folder, watch):
    from distributed import Client, LocalCluster

    from mana_lab.runner.shards.on_dask import DaskEngine

    here = {"host": "127.0.0.1", "dashboard_address": None, "asynchronous": True}
    async with (
        LocalCluster(n_workers=3, threads_per_worker=1, **here) as cluster,
        Client(cluster, asynchronous=True) as client,
    ):

        async def actors():
            found = await client.run(lambda dask_worker: len(dask_worker.state.actors))
            return sorted(found.values())

        async def each_has_one():
            assert await actors() == [0, 1, 1]

        await cancelled(lab, folder, watch, DaskEngine(cluster.scheduler_address), each_has_one)
        async with asyncio.timeout(30):
            while await actors() != [0, 0, 0]:
                pass


@pytest.mark.parametrize("scheme", ["tcp", "tls", "pigeon"])
async def test_a_dask_that_does_not_answer_is_named_with_what_to_do(scheme):
    from mana_lab.runner.shards.on_dask import DaskEngine

    address = f"{scheme}://127.0.0.1:{closed_port()}"
    with pytest.raises(ServiceUnavailableError) as refused:
        await DaskEngine(address, start_s=0.2).carry(two_shards(), ACCESS)
    assert refused.value.code == "service-unavailable"
    assert f"Dask does not answer at {address}: " in refused.value.message
    assert "start one with dask scheduler" in refused.value.message


async def test_a_dask_without_workers_is_named_with_what_to_do():
    from distributed import Scheduler

    from mana_lab.runner.shards.on_dask import DaskEngine

    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        with pytest.raises(ServiceUnavailableError, match="has no free worker") as refused:
            await DaskEngine(scheduler.address, start_s=0.2).carry(two_shards(), ACCESS)
    assert scheduler.address in refused.value.message
    assert "start some with dask worker" in refused.value.message


@pytest.mark.parametrize("scheme", ["", "ray://", "pigeon://"])
async def test_a_ray_that_does_not_answer_is_named_with_what_to_do(scheme):
    installed_or_skip("ray")
    from mana_lab.runner.shards.on_ray import RayEngine

    address = f"{scheme}127.0.0.1:{closed_port()}"
    with pytest.raises(ServiceUnavailableError) as refused:
        await RayEngine(address, start_s=1).carry(two_shards(), ACCESS)
    assert refused.value.code == "service-unavailable"
    assert f"Ray does not answer at {address}: " in refused.value.message
    assert "start one with ray start --head" in refused.value.message


@pytest.mark.slow
async def test_a_ray_that_somebody_else_began_is_used_and_left_running(lab):
    installed_or_skip("ray")
    import ray

    from mana_lab.runner.shards.on_ray import RayEngine

    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with pytest.raises(SettingsError, match="has a Ray already"):
            await lab.run(days=1, engine=RayEngine("127.0.0.1:6379"))
        run = await lab.resume(engine=RayEngine(workers=2, start_s=15))  # there is room for one
        assert (run.status, run.open_ticks) == ("done", 0)
        assert ray.is_initialized()
        assert ray.available_resources()["CPU"] == 1
    finally:
        ray.shutdown()
