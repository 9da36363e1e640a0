"""How fast personas live, what ledger and audit add to their calls, and how much memory they take.

Run it with ``python tests/benchmarks/runner.py``, or with ``ticks``, ``shards``, ``memory`` or
``models`` for one part; Linux only. A tick is five calls, from the sign-in to the ratings.

- ``ticks``: ticks a second of scripted personas in one process, identity, sync and the gateway
  among it; and beside it, measured in turns, the same personas who sign in and make the same calls
  without a ledger and an audit.
- ``shards``: the same over ports, with the gateway in processes of its own.
- ``memory``: what each persona takes that uses the app while others do.
- ``models``: what the process takes in which a hundred personas of a model live at the same time;
  the services and the provider stand on loopback, in other processes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from mana_lab import Lab
from mana_lab.personas import sample
from mana_lab.runner import Rating
from mana_lab.runner.recorder import Recorder
from mana_lab.runner.shards import Access, Shard, live

CALLS = (
    ("todo.create", {"title": "Hand in the essay"}),
    ("todo.list", {}),
    ("notes.create", {"title": "Ideas", "content": "A walk by the river, then the market."}),
    ("notes.list", {}),
    ("journal.add", {"content": "It was a quiet day."}),
)
PAGE_MB = resource.getpagesize() / 2**20
A_TICK = 1 / 24


class Five:
    """Makes the same five calls in each tick, and rates what it used."""

    name = "five"
    model = None

    async def use(self, app, _scene):
        for tool, arguments in CALLS:
            outcome = await app.call(tool, arguments)
            assert outcome.ok, outcome.error

    async def rate(self, _scene, _actions):
        return [Rating(module, 4, "It worked.") for module in ("todo", "notes", "journal")]


def rss_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MB


def children_mb():
    """Return what the processes take together that this one began, or those began."""
    parents, sizes = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
            sizes[int(stat.parent.name)] = int(fields[21]) * PAGE_MB
    family = {os.getpid()}
    while more := {each for each, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(sizes[each] for each in family - {os.getpid()})


@contextmanager
def peak(measure=rss_mb, every_s=0.02):
    """Hold the highest memory that there was meanwhile, in a list."""
    found, over = [measure()], threading.Event()

    def look():
        while not over.wait(every_s):
            found[0] = max(found[0], measure())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


@asynccontextmanager
async def lab_of(size):
    """Hold a lab of so many personas who are due once an hour."""
    people = sample(size, seed=1, cadences={"hourly": 1}, shared=0.0)
    with tempfile.TemporaryDirectory() as folder:
        async with await Lab.open(folder, catalog=people, calls_per_minute=10**6) as lab:
            assert not (await lab.seed()).failed
            yield lab


async def lived(lab, concurrency, **how):
    """Return how long a tick of everybody takes, in seconds."""
    started = time.perf_counter()
    run = await lab.run(days=A_TICK, brain=Five(), concurrency=concurrency, **how)
    took = time.perf_counter() - started
    assert (run.ticks, run.failed_ticks) == (len(lab.catalog), 0), run
    assert run.calls == len(CALLS) * run.ticks
    return took


async def bare(lab, concurrency):
    """Return how long the same calls take of the same people, without a ledger and an audit.

    It is an hour later, as for a tick: what is remembered for minutes is to be found out again.
    """
    lab.clock.move_to(lab.clock.now() + timedelta(hours=1))
    slots = asyncio.Semaphore(concurrency)

    async def one(persona):
        async with slots:
            recorder = Recorder(persona.slug, f"bare {uuid.uuid4()}", None, clock=lab.clock)
            async with lab._door.open(persona, recorder) as app:
                await Five().use(app, None)

    started = time.perf_counter()
    await asyncio.gather(*map(one, lab.catalog))
    return time.perf_counter() - started


async def ticks(options):
    for size in options.sizes:
        async with lab_of(size) as lab:
            await lived(lab, options.concurrency)  # for what is fetched and compiled on the way
            rounds = [
                (await lived(lab, options.concurrency), await bare(lab, options.concurrency))
                for _ in range(options.rounds)
            ]
            rates = median(size / each[0] for each in rounds)
            added = median(each[0] / each[1] - 1 for each in rounds)
            print(
                f"{size:5} personas, {options.concurrency} at a time, one process:"
                f" {rates:6.1f} ticks/s, {rates * len(CALLS):6.0f} calls/s;"
                f" ledger, audit and ratings add {added:5.1%} to the bare calls (at most 20 %);"
                f" RSS {rss_mb():.0f} MB"
            )


class Here:
    """An engine of this process: what is left of a cluster when one looks at its gateway only."""

    workers = 1

    async def carry(self, shards, access):
        for shard in shards:
            await live(shard, access)


class Elsewhere:
    """An engine of one other process, which says how much memory it took."""

    workers = 1
    memory = None

    async def carry(self, shards, access):
        child = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "living", stdin=PIPE, stdout=PIPE
        )
        told = "\n".join([access.reveal(), *(shard.model_dump_json() for shard in shards)])
        said, _ = await child.communicate(told.encode())
        assert child.returncode == 0
        self.memory = json.loads(said)


async def living(_options):
    """Live the shards of standard input at once; tell the memory before and at most, in MB."""
    access, *shards = sys.stdin.read().splitlines()
    before = rss_mb()
    with peak() as most:
        await asyncio.gather(
            *(live(Shard.from_json(each), Access.revealed(access)) for each in shards)
        )
    print(json.dumps([before, most[0]]))


async def shards(options):
    for size in options.sizes:
        async with lab_of(size) as lab:
            for workers in options.workers:
                await _over_ports(lab, workers, options.concurrency)


async def _over_ports(lab, workers, concurrency):
    size = len(lab.catalog)
    started = time.perf_counter()
    how = {"engine": Here(), "gateway_workers": workers, "days": A_TICK * max(1, 400 // size)}
    with peak(children_mb, 0.5) as theirs:
        run = await lab.run(concurrency=concurrency, **how)
    took = time.perf_counter() - started
    where = f"{workers} gateway processes" if workers else "the gateway in this process"
    print(
        f"{size:5} scripted personas over ports, {where}: {run.ticks / took:6.1f} ticks/s,"
        f" {run.calls / took:6.0f} calls/s; RSS {rss_mb():.0f} MB here,"
        f" {theirs[0]:.0f} MB in the gateway's processes",
        flush=True,
    )


async def memory(options):
    size = max(options.sizes)
    async with lab_of(size) as lab:
        await lived(lab, 1)
        gc.collect()
        before = rss_mb()
        with peak() as most:
            await lived(lab, options.crowd)
    each = (most[0] - before) / options.crowd
    print(
        f"{options.crowd} scripted personas at a time: {before:.0f} MB before, {most[0]:.0f} MB at"
        f" most, {each:.2f} MB each (at most 2)"
    )


async def models(_options):
    script = Path(__file__).with_name("runner_provider.py")
    provider = await asyncio.create_subprocess_exec(sys.executable, script, stdout=PIPE)
    engine = Elsewhere()
    try:
        os.environ |= {
            "ANTHROPIC_API_KEY": "a key of the benchmark",
            "ANTHROPIC_BASE_URL": (await provider.stdout.readline()).decode().strip(),
        }
        async with lab_of(100) as lab:
            how = {"brain": "anthropic:claude-sonnet-5-5", "engine": engine, "concurrency": 100}
            run = await lab.run(days=A_TICK, **how)
        assert (run.ticks, run.failed_ticks) == (100, 0), run
    finally:
        provider.terminate()
        await provider.wait()
    before, most = engine.memory
    print(
        f"100 personas of a model at a time, in a process of their own: {most:.0f} MB at most"
        f" (below 400), {before:.0f} MB before they come"
    )


PARTS = {"ticks": ticks, "shards": shards, "memory": memory, "models": models}
INSIDE = {"living": living}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--workers", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--crowd", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if len(options.parts) == 1:
        asyncio.run((PARTS | INSIDE)[options.parts[0]](options))
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors", flush=True)
    for part in options.parts:  # each in a process of its own, so that none has another's memory
        sizes = ["--sizes", *map(str, options.sizes), "--workers", *map(str, options.workers)]
        others = [
            f"--{name}={getattr(options, name)}" for name in ("concurrency", "crowd", "rounds")
        ]
        subprocess.run([sys.executable, __file__, part, *sizes, *others], check=True)


if __name__ == "__main__":
    main()
