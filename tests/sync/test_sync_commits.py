"""Property P16 when several processes share a log: a late commit is behind no reader.

Every writer is stopped when it has its number and has not committed. Who goes on first is drawn by
lot, and some crash there. If two can hold numbers at one time, the greater one may be committed
first, and a reader goes past the smaller one for ever.
"""

import asyncio
import random
import threading
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest
from sync_house import BASE, FLAT, make_app, task

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import ServiceUnavailableError, StoreUnavailableError
from mana_lab.storage import Store
from mana_lab.sync import SyncClient
from mana_lab.sync.server import METADATA, log, numbering
from mana_lab.sync.server.cursor import encode_cursor

PROCESSES = 3
CRASHES = 0.25
END = encode_cursor(2**63 - 1)


class Turn:
    """A writer that has a number."""

    def __init__(self):
        self._going = threading.Event()
        self._crashes = False

    def wait(self):
        self._going.wait()
        if self._crashes:
            raise StoreUnavailableError("the writer crashed before its commit")

    def go(self, *, crashes):
        self._crashes = crashes
        self._going.set()


class Turnstile:
    """Where writers are stopped."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Queue()

    def stop(self):
        """Keep a writer's thread here until it is let go."""
        turn = Turn()
        self._loop.call_soon_threadsafe(self._stopped.put_nowait, turn)
        turn.wait()

    async def join(self, turns, count, patience):
        """Add to *turns* one writer at least, and those up to *count* that come in time."""
        if not turns:
            turns.append(await self._stopped.get())
        try:
            async with asyncio.timeout(patience):
                while len(turns) < count:
                    turns.append(await self._stopped.get())
        except TimeoutError:
            pass


class Reader:
    """Follows the cursor, two changes at a time."""

    def __init__(self, house):
        self._house = house
        self._since = ""
        self.seen = []

    async def follow(self):
        has_more = True
        while has_more:
            answer = (await self._house.pull(since=self._since, limit=2, spaceId=FLAT)).json()
            self.seen += [change["id"] for change in answer["serverChanges"]]
            self._since, has_more = answer["syncedUntil"], answer["hasMore"]


class Processes:
    """Several services on one database, and what they were asked to store.

    Attributes:
        acknowledged: What they promised to keep.
        crashes: How many pushes they dropped.
    """

    def __init__(self, house, turnstile, seed):
        self._house = house
        self._turnstile = turnstile
        self._chance = random.Random(seed)
        self._clients = []
        self._left_over = []
        self.acknowledged = []
        self.crashes = 0

    async def start(self, stack, kind_of_store):
        for number in range(PROCESSES):
            store = await kind_of_store.open(self._house.home.url("sync"), METADATA)
            await stack.enter_async_context(store)
            app = make_app(store, self._house.clock, self._house.key, self._house.members)
            http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)
            await stack.enter_async_context(http)
            self._clients.append(SyncClient(BASE, http, f"process-{number}"))

    def _work(self, number):
        """Return a change for each process: what crashed before, then new ones."""
        fresh = [
            task(f"{number}/{place}", self._house.now(), event_id=str(uuid4())).model_copy(
                update={"space_id": FLAT}
            )
            for place in range(PROCESSES - len(self._left_over))
        ]
        work, self._left_over = [*self._left_over, *fresh], []
        return work

    async def _push(self, client, change):
        try:
            await client.push(self._house.token(), "todo", [change], since=END)
        except ServiceUnavailableError:
            self.crashes += 1
            self._left_over.append(change)
        else:
            self.acknowledged.append(change.id)

    async def push_at_once(self, number, reader, patience):
        """Have all push, let them commit one by one, and read before and after each commit."""
        pairs = zip(self._clients, self._work(number), strict=True)
        pushing = {asyncio.create_task(self._push(*pair)) for pair in pairs}
        turns = []
        while pushing:
            await self._turnstile.join(turns, len(pushing), patience)
            await reader.follow()
            turn = turns.pop(self._chance.randrange(len(turns)))
            turn.go(crashes=self._chance.random() < CRASHES)
            done, pushing = await asyncio.wait(pushing, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*done)
            await reader.follow()


def stop_when_numbered(turnstile, monkeypatch):
    """Stop the service's writers in their transactions."""

    def draw(*place):
        places = numbering.draw(*place)
        turnstile.stop()
        return places

    monkeypatch.setattr(log, "draw", draw)
    return Store


def number_outside_of_the_transaction(turnstile, monkeypatch):
    """Return a store whose writes have committed a number before they begin, as of a sequence."""
    drawn = threading.local()

    class DrawsFirst(Store):
        async def write(self, work, *, scope=None):
            places = await super().write(lambda it: numbering.draw(it, 1, SIMULATION_EPOCH))
            await asyncio.to_thread(turnstile.stop)

            def late(connection):
                drawn.places = places
                return work(connection)

            return await super().write(late, scope=scope)

    monkeypatch.setattr(log, "draw", lambda *_: drawn.places)
    return DrawsFirst


async def hold(house, monkeypatch, arrange, *, seed=16, rounds=6, patience=0.05):
    turnstile, reader = Turnstile(), Reader(house)
    processes = Processes(house, turnstile, seed)
    async with asyncio.timeout(30 + rounds), AsyncExitStack() as stack:
        await processes.start(stack, arrange(turnstile, monkeypatch))
        for number in range(rounds):
            await processes.push_at_once(number, reader, patience)
    assert processes.crashes
    assert len(processes.acknowledged) == len(set(processes.acknowledged)) > rounds
    return processes.acknowledged, reader.seen


async def test_p5_p16_writers_that_race_and_crash_are_behind_no_reader(house, monkeypatch):
    acknowledged, seen = await hold(house, monkeypatch, stop_when_numbered)
    assert seen == acknowledged


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_p5_p16_writers_that_race_for_long_are_behind_no_reader(house, monkeypatch, seed):
    acknowledged, seen = await hold(house, monkeypatch, stop_when_numbered, seed=seed, rounds=200)
    assert seen == acknowledged


async def test_a_number_given_outside_of_the_transaction_is_found(house, monkeypatch):
    """The test of the test above: a reader misses what commits late."""
    wrong = number_outside_of_the_transaction
    acknowledged, seen = await hold(house, monkeypatch, wrong, patience=10)
    assert set(seen) < set(acknowledged)
