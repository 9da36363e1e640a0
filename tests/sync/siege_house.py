"""Clients that push to the sync service while it is killed, and what is left of their pushes."""

import asyncio
import json
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
from sync_house import FLAT, House, Members

from mana_lab.clock import SystemClock, iso_millis
from mana_lab.crypto import SigningKey
from mana_lab.errors import ServiceUnavailableError
from mana_lab.sync import Change, SyncClient
from mana_lab.sync.server.cursor import encode_cursor
from mana_lab.sync.server.tables import sync_changes

CHILD = Path(__file__).with_name("sync_child.py")
CLIENTS = 8
IN_A_BATCH = 3
END = encode_cursor(2**63 - 1)


@dataclass
class Found:
    """What the database says about the pushes.

    Attributes:
        health: What the database says of itself.
        lost: Batches that were acknowledged and are not there.
        torn: Batches of which a part is there.
        unanswered: Batches that are there although nobody was told so; this is allowed.
        doubled: Records that are there more than once.
    """

    health: str
    lost: set[str] = field(default_factory=set)
    torn: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)


class Siege:
    """Clients that push without end, and a service that is killed after so many answers."""

    def __init__(self, home, *, mutant=None):
        self.home = home
        self.mutant = mutant
        self.key = SigningKey.generate()
        self.clock = SystemClock()
        self.house = House(None, None, None, self.clock, Members(), self.key)
        self.acknowledged = set()
        self.refused = 0
        self.kill_at = None
        self.up = asyncio.Event()
        self.fallen = asyncio.Event()
        self.over = False
        self.process = None
        self.url = ""

    async def start(self):
        """Start the service on the file that the one before left."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CHILD),
            self.home.url("sync"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(CHILD.parents[1])},
        )
        orders = {"kid": self.key.kid, "seed": self.key.export().hex(), "mutant": self.mutant}
        self.process.stdin.write(json.dumps(orders).encode() + b"\n")
        port = int(await self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{port}"
        self.fallen.clear()
        self.up.set()

    def kill(self):
        self.up.clear()
        self.process.kill()
        self.fallen.set()

    async def buried(self):
        await self.fallen.wait()
        await self.process.communicate()

    async def end(self):
        if self.up.is_set():
            self.kill()
        await self.buried()

    async def push(self, http, name, batch):
        """Push one batch until it is acknowledged, however often the service dies meanwhile."""
        stamp = iso_millis(self.clock.now())
        changes = [
            Change.to_insert(
                "tasks",
                f"{batch}/{place}",
                {"title": batch, "updatedAt": stamp},
                event_id=str(uuid4()),
            ).model_copy(update={"space_id": FLAT})
            for place in range(IN_A_BATCH)
        ]
        while True:
            await self.up.wait()
            client = SyncClient(self.url, http, name)
            try:
                await client.push(self.house.token(), "todo", changes, since=END)
            except ServiceUnavailableError:
                self.refused += 1
                continue
            self.acknowledged.add(batch)
            if self.up.is_set() and len(self.acknowledged) == self.kill_at:
                self.kill()
            return

    async def client(self, name):
        number = 0
        async with httpx.AsyncClient(timeout=30) as http:
            while not self.over:
                await self.push(http, name, f"{name}-{number}")
                number += 1

    def look(self):
        """Read the database."""
        acknowledged = set(self.acknowledged)  # what comes while it is read may not be in it yet
        found = Found(health=self.home.health("sync"))
        copies = Counter(row.record_id for row in self.home.rows("sync", sync_changes))
        found.doubled = {name for name, count in copies.items() if count > 1}
        parts = Counter(name.partition("/")[0] for name in copies)
        found.torn = {batch for batch, count in parts.items() if count != IN_A_BATCH}
        found.lost = acknowledged - parts.keys()
        found.unanswered = parts.keys() - self.acknowledged
        return found

    async def endure(self, seed, kills, most=60):
        """Kill the service after a random number of answers, *kills* times; what was found."""
        chance = random.Random(seed)
        found = []
        clients = [asyncio.create_task(self.client(f"c{number}")) for number in range(CLIENTS)]
        try:
            for life in range(kills):
                self.kill_at = len(self.acknowledged) + chance.randint(1, most)
                await self.start()
                await self.buried()
                found.append(self.look())
                self.over = life + 1 == kills
            await self.start()
            await asyncio.gather(*clients)
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
            await self.end()
        return [*found, self.look()]


async def hold(siege, seed, kills, most):
    """Kill so many times, and see that nothing is lost, torn or doubled."""
    async with asyncio.timeout(60 * kills):
        found = await siege.endure(seed, kills, most)
    assert len(found) == kills + 1
    for each in found:
        assert each.health == "ok", f"seed {seed}"
        assert each.lost == set(), f"acknowledged and lost, seed {seed}"
        assert each.torn == set(), f"half a batch, seed {seed}"
        assert each.doubled == set(), f"stored twice, seed {seed}"
        assert len(each.unanswered) <= CLIENTS
    assert found[-1].unanswered == set(), f"a retry was not acknowledged, seed {seed}"
    assert len(siege.acknowledged) >= kills


class ServerSiege(Siege):
    """The same with a service that lives on, while the PostgreSQL server below it does not.

    Args:
        server: What the home is a database of.
        accident: What befalls it: ``kill`` or ``stop``, a method of it.
    """

    def __init__(self, home, server, *, accident="kill", mutant=None):
        super().__init__(home, mutant=mutant)
        self.server = server
        self.accident = accident

    async def start(self):
        if self.process is None:
            await super().start()
        self.fallen.clear()

    def kill(self):
        getattr(self.server, self.accident)()
        self.fallen.set()

    async def buried(self):
        await self.fallen.wait()
        await asyncio.to_thread(self.server.start)

    async def end(self):
        self.process.kill()
        await self.process.communicate()
