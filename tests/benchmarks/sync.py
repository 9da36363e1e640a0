"""How fast the sync service is, beside SQLite used by hand.

Not part of the tests: run ``python tests/benchmarks/services.py``, or this file for one part.
Everything is measured side by side in one run, in turns, and what counts are the ratios:

- durable pushes of one change, against a bare ``sqlite3`` connection that commits the same row with
  the same durability (WAL, ``synchronous=FULL``), for one client and for sixteen: first what the
  service does to store them, then with all that is around it (its HTTP application, real tokens,
  the answer that says what is new, and the clients, in the same process);
- a pull of the whole log, against reading the same rows and writing the same JSON by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from uuid import uuid4

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(1, str(Path(__file__).parents[1]))
sys.path.insert(2, str(Path(__file__).parents[1] / "sync"))

from sync_house import BASE, FLAT, House, Members, make_app

from mana_lab.clock import SystemClock, iso_millis
from mana_lab.crypto import SigningKey
from mana_lab.storage import Store
from mana_lab.sync import Change, SyncClient
from mana_lab.sync.server import METADATA, ChangeLog
from mana_lab.sync.server.cursor import encode_cursor

ROUNDS = 5
CROWD = 16
PUSHES = 400
PULLED = 100_000
PAGE = 1000
PRAGMAS = ("busy_timeout=60000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
INSERT = (
    "INSERT INTO sync_changes (id, app_id, table_name, record_id, user_id, op, data,"
    " field_timestamps, client_id, created_at, schema_version, space_id)"
    " VALUES (?, 'todo', 'tasks', ?, 'anna', 'insert', ?, '{}', 'hand', ?, 1, ?)"
)
SELECT = (
    "SELECT table_name, record_id, op, space_id, schema_version, id, client_id, seq, data"
    " FROM sync_changes WHERE app_id = 'todo' AND space_id IN (?) AND table_name = 'tasks'"
    " AND seq > ? ORDER BY seq LIMIT ?"
)
clock = SystemClock()


def change(number):
    stamp = iso_millis(clock.now())
    data = {
        "id": f"task-{number}",
        "title": "Water the plants on the balcony",
        "notes": "enc:1:AAECAwQFBgcICQoL.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "done": False,
        "order": number,
        "createdAt": stamp,
        "updatedAt": stamp,
    }
    made = Change.to_insert("tasks", data["id"], data, event_id=str(uuid4()))
    return made.model_copy(update={"space_id": FLAT})


def by_hand(path):
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def row(made):
    data = json.dumps(made.data)
    return made.event_id, made.id, data, f"{iso_millis(clock.now())[:-1]}000Z", FLAT


def push_by_hand(path, clients):
    """Return the pushes a second of *clients* threads with a connection each."""

    def run(rows):
        connection = by_hand(path)
        for values in rows:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(INSERT, values)
            connection.execute("COMMIT")
        connection.close()

    shares = [[row(change(n)) for n in range(PUSHES // clients)] for _ in range(clients)]
    threads = [threading.Thread(target=run, args=(share,)) for share in shares]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return PUSHES / (time.perf_counter() - started)


async def push_through(house, clients):
    """Return the pushes a second of *clients* clients with a token each."""
    end = encode_cursor(2**63 - 1)

    async def run(name, changes):
        client = SyncClient(BASE, house.http, name)
        token = house.token()
        for made in changes:
            await client.push(token, "todo", [made], since=end)

    shares = [[change(n) for n in range(PUSHES // clients)] for _ in range(clients)]
    started = time.perf_counter()
    await asyncio.gather(*(run(f"client-{n}", share) for n, share in enumerate(shares)))
    return PUSHES / (time.perf_counter() - started)


async def append(house, clients):
    """Return the pushes a second of *clients* clients, without what is around the log."""
    log = ChangeLog(house.store, clock)

    async def run(name, changes):
        for made in changes:
            await log.append("anna", "todo", name, [made], [FLAT])

    shares = [
        [change(n).model_copy(update={"schema_version": 1}) for n in range(PUSHES // clients)]
        for _ in range(clients)
    ]
    started = time.perf_counter()
    await asyncio.gather(*(run(f"client-{n}", share) for n, share in enumerate(shares)))
    return PUSHES / (time.perf_counter() - started)


def pull_by_hand(path):
    """Return the changes a second of one connection that writes the pages' JSON."""
    connection = by_hand(path)
    names = ["table", "id", "op", "spaceId", "schemaVersion", "eventId", "clientId", "seq"]
    started = time.perf_counter()
    seq = count = 0
    while rows := connection.execute(SELECT, (FLAT, seq, PAGE)).fetchall():
        changes = [
            dict(zip(names, found, strict=False)) | {"data": json.loads(found[-1])}
            for found in rows
        ]
        json.dumps({"serverChanges": changes, "conflicts": []}, separators=(",", ":")).encode()
        seq, count = rows[-1][7], count + len(rows)
    rate = count / (time.perf_counter() - started)
    connection.close()
    return rate


async def pull_bytes(house):
    """Return the changes a second that the service answers with, in pages."""
    bearer = {"authorization": f"Bearer {house.token()}"}
    query = {"collection": "tasks", "spaceId": FLAT, "limit": PAGE}
    started = time.perf_counter()
    count, since, took = 0, "", 0.0
    while True:
        response = await house.http.get(
            "/sync/todo/pull", params=query | {"since": since}, headers=bearer
        )
        took += time.perf_counter() - started
        answer = response.json()  # left out of the time: it is the reader's
        started = time.perf_counter()
        count, since = count + len(answer["serverChanges"]), answer["syncedUntil"]
        if not answer["hasMore"]:
            return count / took


async def pull_client(house):
    """Return the changes a second that arrive in the lab's own client as models."""
    client = SyncClient(BASE, house.http, "reader")
    token = house.token()
    started = time.perf_counter()
    count, since, has_more = 0, "", True
    while has_more:
        page = await client.pull(token, "todo", "tasks", since, FLAT)
        count, since, has_more = count + len(page.changes), page.cursor, page.has_more
    return count / (time.perf_counter() - started)


async def rounds(*measures):
    """Run each of *measures* in turns; the median of each."""
    found = [[] for _ in measures]
    for _ in range(ROUNDS):
        for place, measure in enumerate(measures):
            gc.collect()
            rate = measure()
            found[place].append(await rate if asyncio.iscoroutine(rate) else rate)
    return [median(rates) for rates in found]


async def pushing(house, path):
    other = path.with_name("by-hand.db")  # of the same tables, so that neither is in the way
    await (await Store.open(f"sqlite:///{other}", METADATA)).close()
    hand, many, *found = await rounds(
        lambda: push_by_hand(other, 1),
        lambda: push_by_hand(other, CROWD),
        lambda: append(house, 1),
        lambda: append(house, CROWD),
        lambda: push_through(house, 1),
        lambda: push_through(house, CROWD),
    )
    for what, one, crowd in (("store", *found[:2]), ("service", *found[2:])):
        print(f"{what:8} 1 client   {one:8.0f}/s of {hand:8.0f}/s by hand: {one / hand:.2f}")
        print(
            f"{what:7} {CROWD} clients  {crowd:8.0f}/s of {many:8.0f}/s by hand: "
            f"{crowd / many:.2f}; {crowd / one:.1f} times one client"
        )


async def pulling(house, path):
    connection = by_hand(path)
    connection.execute("BEGIN")
    connection.execute("DELETE FROM sync_changes")
    connection.executemany(INSERT, (row(change(n)) for n in range(PULLED)))
    connection.execute(
        "INSERT OR REPLACE INTO sync_head (id, seq) SELECT 1, max(seq) FROM sync_changes"
    )
    connection.execute("COMMIT")
    connection.close()
    hand, service, client = await rounds(
        lambda: pull_by_hand(path), lambda: pull_bytes(house), lambda: pull_client(house)
    )
    print(f"pull, service     {service:8.0f}/s of {hand:8.0f}/s by hand: {service / hand:.2f}")
    print(f"pull, client too  {client:8.0f}/s of {hand:8.0f}/s by hand: {client / hand:.2f}")


async def main(only=None):
    """Print the figures of the one part, or of both."""
    key, members = SigningKey.generate(), Members(anna=[FLAT])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sync.db"
        async with await Store.open(f"sqlite:///{path}", METADATA) as store:
            transport = httpx.ASGITransport(app=make_app(store, clock, key, members))
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
                house = House(None, http, store, clock, members, key)
                for name, part in {"push": pushing, "pull": pulling}.items():
                    if only in {None, name}:
                        await part(house, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=["push", "pull"])
    asyncio.run(main(parser.parse_args().part))
