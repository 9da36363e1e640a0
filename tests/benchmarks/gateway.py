"""How fast the gateway is, and how much memory it takes, beside others that do the same.

Run it with ``python tests/benchmarks/gateway.py``, or with ``speed``, ``memory``, ``tasks`` or
``overload`` for one part; Linux only. Everything is measured in one run, and what counts are the
ratios:

- ``speed``: authenticated calls of a tool that says something again. All servers run at once, each
  in a process of its own on one processor; the load comes from another one, in short turns, so that
  whatever else the machine does hits all alike. The ceiling is a route of Starlette that looks at
  the same tokens and parses and writes JSON, and does nothing else; once with the signature checked
  in each request, as most servers do, and once with the tokens remembered, as the gateway does.
  FastMCP and the TypeScript SDKs are fetched first; what cannot be had is said in the table.
- ``memory``: what the gateway takes after many calls of many users, and how much of that came in
  the second half.
- ``tasks``: a tool that writes and one that reads, through the gateway, by how many records the
  user has; the first call, which reads the whole log, is not in it.
- ``overload``: how quickly the gateway answers the calls that it admits while five times as many
  are made as it takes at once.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import platform
import random
import sys
import tempfile
import time
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(1, str(Path(__file__).parents[1] / "gateway"))
sys.path.insert(2, str(Path(__file__).parents[1] / "registry"))
sys.path.insert(3, str(Path(__file__).parent))

import registry_house
import test_gateway_overload
from gateway_ground import (
    HERE,
    TEXT,
    Ground,
    NotHereError,
    Process,
    fastmcp,
    legacy_requests,
    modern_requests,
    typescript,
)
from gateway_house import connected, http_into
from gateway_servers import AUDIENCE, ISSUER, NO_LIMIT
from tools import SIZES, fill

from mana_lab import gateway
from mana_lab.clock import ManualClock, SystemClock, iso_millis
from mana_lab.crypto import TokenVerifier, import_master_key
from mana_lab.storage import Store
from mana_lab.tools import default_registry
from mana_lab.tools.todo import TASKS

CROWD = 16
CEILING, REMEMBERED = "Starlette route, checking each token", "Starlette route, remembering tokens"
OURS, OLDER = "mana_lab, stateless era", "mana_lab, older era, sessions"
BARE = "MCP SDK alone, nobody asked for a token"
FASTMCP = "FastMCP 4.1.2, JWTVerifier"
TYPESCRIPT = ("TypeScript SDK 2.4, stateless era", "TypeScript SDK 1.32, sessions, JSON")
AIMS = (
    (OURS, (CEILING,), 0.9),
    (OURS, (FASTMCP,), 4),
    (OURS, TYPESCRIPT, 1.5),
    (OLDER, (CEILING,), 0.3),
)


@dataclass
class Target:
    """One row of the table."""

    name: str
    server: Process | None = None
    port: int = 0
    requests: list[str] = field(default_factory=list)
    absent: str = ""
    crowds: list = field(default_factory=list)
    singles: list = field(default_factory=list)
    rss_mb: float = 0.0

    def turn(self, load, seconds):
        """Measure for a while with many connections, then with one."""
        self.crowds.append(self._measure(load, CROWD, seconds))
        self.singles.append(self._measure(load, 1, seconds / 4))
        self.rss_mb = self.server.rss_mb()

    def _measure(self, load, connections, seconds):
        order = {"port": self.port, "connections": connections, "seconds": seconds}
        before = self.server.cpu_seconds()
        found = load.ask(order | {"requests": self.requests, "expected": TEXT})
        found["cpu_us"] = (self.server.cpu_seconds() - before) / found["calls"] * 1e6
        found["rate"] = found["calls"] / found["seconds"]
        return found

    def median(self, what, *, single=False):
        return median(each[what] for each in (self.singles if single else self.crowds))

    @property
    def least_cpu(self):
        return min(each["cpu_us"] for each in self.crowds)


def all_targets(ground, others):
    """Start every server; return the rows of the table."""
    tokens = ground.tokens[:CROWD]
    known = (ISSUER, AUDIENCE)

    def python(kind, make=modern_requests):
        server, port = ground.of_python(kind)
        return server, port, make(port, tokens)

    def fast():
        script = HERE / "others" / "fastmcp_server.py"
        server = ground.start(fastmcp(others), script, ground.key, *known)
        port = server.tell()["port"]
        return server, port, modern_requests(port, tokens)

    def node(era, make):
        home = typescript(others)
        script = home / "typescript_server.mjs"
        server = ground.start("node", script, era, ground.key, *known, cwd=home)
        port = server.tell()["port"]
        return server, port, make(port, tokens)

    rows = {
        CEILING: lambda: python("ceiling_anew"),
        REMEMBERED: lambda: python("ceiling"),
        OURS: lambda: python("ours"),
        OLDER: lambda: python("ours", legacy_requests),
        BARE: lambda: python("bare"),
        FASTMCP: fast,
        TYPESCRIPT[0]: lambda: node("modern", modern_requests),
        TYPESCRIPT[1]: lambda: node("legacy", legacy_requests),
    }
    found = []
    for name, start in rows.items():
        try:
            found.append(Target(name, *start()))
        except NotHereError as reason:
            found.append(Target(name, absent=str(reason)))
    return found


def speed(options):
    """Print how fast all of them are."""
    ground = Ground(CROWD)
    try:
        targets = all_targets(ground, options.others)
        present = [target for target in targets if not target.absent]
        for target in present:  # for what is compiled or fetched on the way
            target.turn(ground.load, options.seconds)
            target.crowds.clear()
            target.singles.clear()
        order = random.Random(7)
        for _ in range(options.rounds):
            order.shuffle(present)
            for target in present:
                target.turn(ground.load, options.seconds)
    finally:
        ground.end()
    print_speed(targets, options)


def print_speed(targets, options):
    by_name = {target.name: target for target in targets}
    ceilings = by_name[CEILING], by_name[REMEMBERED]
    busiest = max(each["busy"] for target in targets for each in target.crowds)
    print(
        f"{options.rounds} turns of {options.seconds:g} s, a quarter of that with one connection,"
        f" medians; the load generator was at most {busiest:.0%} busy\n"
    )
    wide = f"{'calls/s':>8} {'p50 ms':>7} {'p99 ms':>7}"
    print(f"{'':40} {'1 connection':>24}   {f'{CROWD} connections':>24}")
    print(
        f"{'':40} {wide}   {wide} {'cpu us':>7} {'least':>6} {'RSS MB':>7} {'x ceiling':>10}"
        f" {'x remembering':>14}"
    )
    for target in targets:
        if target.absent:
            print(f"{target.name:40} {target.absent}")
            continue
        print(
            f"{target.name:40} {latencies(target, single=True)}   {latencies(target)}"
            f" {target.median('cpu_us'):7.0f} {target.least_cpu:6.0f} {target.rss_mb:7.0f}"
            f" {ratio(target, ceilings[0]):10.2f} {ratio(target, ceilings[1]):14.2f}"
        )
    print(
        "\nCalls a second, as the median of the ratios of each turn, and what holds where other"
        " programs are busy too: the processor's time for a call, by its median and by its least"
    )
    for name, others, aim in AIMS:
        one = by_name[name]
        rivals = [by_name[each] for each in others if not by_name[each].absent]
        if rivals:
            rate = min(ratio(one, rival) for rival in rivals)
            typical = min(rival.median("cpu_us") for rival in rivals) / one.median("cpu_us")
            least = min(rival.least_cpu for rival in rivals) / one.least_cpu
            print(
                f"  {name} / {' or '.join(others)}, aim {aim}:"
                f" {rate:.2f} ({typical:.2f}, {least:.2f})"
            )


def latencies(target, *, single=False):
    rate, p50, p99 = (target.median(what, single=single) for what in ("rate", "p50_ms", "p99_ms"))
    return f"{rate:8.0f} {p50:7.2f} {p99:7.2f}"


def ratio(one, other):
    pairs = zip(one.crowds, other.crowds, strict=True)
    return median(mine["rate"] / theirs["rate"] for mine, theirs in pairs)


def memory(options):
    """Print what the gateway takes by how many calls it has answered."""
    ground = Ground(options.users)
    try:
        server, port = ground.of_python("ours")
        order = {
            "port": port,
            "connections": CROWD,
            "requests": modern_requests(port, ground.tokens),
            "expected": TEXT,
            "calls": options.calls // 4,
        }
        sizes = [server.rss_mb()]
        for _ in range(4):
            ground.load.ask(order)
            sizes.append(server.rss_mb())
    finally:
        ground.end()
    print(f"RSS of the gateway, {options.users} users:")
    for quarter, size in enumerate(sizes):
        print(f"  after {options.calls * quarter // 4:>7} calls {size:6.1f} MB")
    print(f"  in the second half {sizes[-1] - sizes[2]:+.1f} MB")


@asynccontextmanager
async def with_tasks(folder, size):
    """Open a house whose one user has so many tasks; give what calls tools for her."""
    clock = ManualClock()
    async with registry_house.open_house(folder, clock, default_registry()) as house:
        anna = await house.user("anna")
        vault = await house.identity.vault_key(anna.token)
        key = import_master_key(base64.b64decode(vault.master_key))
        await fill(anna, TASKS, size, key, task_at(clock))
        app = await gateway_of(house, folder, clock)
        bearer = {"Authorization": f"Bearer {anna.token}"}
        async with (
            gateway.running(app),
            http_into(app, bearer) as http,
            connected(http, "2026-07-28") as client,
        ):

            async def call(tool, **arguments):
                started = time.perf_counter()
                answer = await client.call_tool(tool, arguments)
                assert not answer.is_error, answer.content
                return (time.perf_counter() - started) * 1000

            await call("todo.create", title="The first one")
            yield call


async def in_turns(options):
    """Return the milliseconds of creations and of lists by size, measured in turns."""
    found = {size: ([], []) for size in SIZES}
    async with AsyncExitStack() as stack:
        houses = {}
        for size in SIZES:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            houses[size] = await stack.enter_async_context(with_tasks(folder, size))
        for _ in range(2 * options.rounds):
            for size, call in houses.items():
                found[size][0].append(await call("todo.create", title="One more"))
                found[size][1].append(await call("todo.list"))
    return {size: [median(times) for times in both] for size, both in found.items()}


def task_at(clock):
    """Return what makes the fields of a task by its number."""
    stamp = iso_millis(clock.now())
    plain = {"priority": "medium", "isCompleted": False, "completedAt": None, "dueDate": None}

    def task(number):
        texts = {"title": f"Task {number}", "description": TEXT, "subtasks": None}
        return texts | plain | {"order": number, "createdAt": stamp, "updatedAt": stamp}

    return task


async def gateway_of(house, folder, clock):
    """Return a gateway in front of the services of a house."""
    store = await Store.open(f"sqlite:///{folder}/gateway.db", gateway.METADATA)
    house.stack.push_async_callback(store.close)
    base = registry_house.BASE
    http = await house.stack.enter_async_context(
        registry_house.httpx.AsyncClient(
            transport=registry_house.httpx.ASGITransport(house.identity_app)
        )
    )
    return gateway.create_app(
        house.registry,
        house.new_backend(random=uuid.uuid4),
        verifier=TokenVerifier(
            f"{base}/api/auth/jwks", http, issuer=base, audience=AUDIENCE, clock=clock
        ),
        identity=house.identity,
        sync=house.sync,
        config=gateway.GatewayConfig(
            resource_url="http://gateway.test/mcp", calls_per_minute=NO_LIMIT
        ),
        clock=clock,
        memory=gateway.Memory(store, gateway.GatewayKeys(bytes(32)), wall_clock=clock),
    )


def tasks(options):
    """Print how long tools take by how many tasks a user has."""
    found = asyncio.run(in_turns(options))
    print(f"{'tasks':>7} {'create':>9} {'list 50':>9}  (ms)")
    for size, (creating, listing) in found.items():
        print(f"{size:>7} {creating:>9.2f} {listing:>9.2f}")
    grown = found[SIZES[-1]][0] / found[SIZES[0]][0]
    print(f"a creation, last / first: {grown:.2f}, aim at most 1.5")


def overload(_):
    """Print what a gateway does that is asked for five times what it takes at once."""
    with tempfile.TemporaryDirectory() as folder:
        usual, over = asyncio.run(test_gateway_overload.loads(Path(folder)))
    print(usual, over, sep="\n")
    print(f"p99 of what it admits, 5 x / 1 x: {over.p99_ms / usual.p99_ms:.2f}, aim at most 2")


PARTS = {"speed": speed, "memory": memory, "tasks": tasks, "overload": overload}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all without")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each server")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a turn is")
    parser.add_argument("--calls", type=int, default=100_000, help="for the memory")
    parser.add_argument("--users", type=int, default=1000, help="for the memory")
    parser.add_argument(
        "--others",
        type=Path,
        default=Path(tempfile.gettempdir()) / "mana-lab-benchmarks",
        help="where other servers are installed",
    )
    options = parser.parse_args()
    print(
        f"{SystemClock().now():%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n"
    )
    for part in options.parts or PARTS:
        PARTS[part](options)


if __name__ == "__main__":
    main()
