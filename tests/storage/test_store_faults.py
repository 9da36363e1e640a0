"""A store in PostgreSQL goes on after its server was away, and loses nothing it acknowledged."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.pool import NullPool
from store_house import PostgresHome

from mana_lab.errors import StoreUnavailableError
from mana_lab.storage import Store, insert_or_ignore, postgres, writer
from mana_lab.storage import store as store_module

METADATA = MetaData()
ROWS = Table("rows", METADATA, Column("id", Integer, primary_key=True), Column("name", String))
HERE = Path(__file__).parent


def put(number, name="a"):
    return lambda connection: connection.execute(insert(ROWS).values(id=number, name=name))


def numbers(connection):
    return list(connection.execute(select(ROWS.c.id).order_by(ROWS.c.id)).scalars())


@pytest.fixture
async def store(mortal_postgres):
    home = PostgresHome(mortal_postgres)
    async with await Store.open(home.url("rows"), METADATA) as opened:
        yield opened
    home.close()


class Held:
    """Work that waits in the middle of its transaction, the first time that it is done."""

    def __init__(self, work):
        self.times = 0
        self.inside = threading.Event()
        self.release = threading.Event()
        self._work = work

    def __call__(self, connection):
        self.times += 1
        self._work(connection)
        self.inside.set()
        self.release.wait()
        return numbers(connection)


async def test_an_idle_store_goes_on_after_the_server_was_restarted(store, mortal_postgres):
    for number, accident in enumerate(ACCIDENTS.values()):
        await asyncio.gather(*(store.read(numbers) for _ in range(8)))
        await store.write(put(number))
        await asyncio.to_thread(accident, mortal_postgres)
        assert (
            await asyncio.gather(*(store.read(numbers) for _ in range(8)))
            == [list(range(number + 1))] * 8
        )


def restart(server):
    server.stop()
    server.start()


def kill(server):
    server.kill()
    server.start()


def disconnect(server):
    server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE starts_with(application_name, 'mana-lab')"
    )


ACCIDENTS = {"restarted": restart, "killed": kill, "without its connections": disconnect}


@pytest.mark.parametrize("how", ACCIDENTS)
@pytest.mark.parametrize("kind", ["read", "write"])
async def test_work_under_way_is_done_again(store, mortal_postgres, kind, how):
    await store.write(put(1))
    held = Held(numbers if kind == "read" else put(2))
    others = [put(number) for number in (3, 4, 5)]
    task = asyncio.ensure_future(getattr(store, kind)(held))
    await asyncio.to_thread(held.inside.wait)
    waiting = [asyncio.ensure_future(store.write(work)) for work in others]
    try:
        await asyncio.to_thread(ACCIDENTS[how], mortal_postgres)
    finally:
        held.release.set()
    seen = await task
    await asyncio.gather(*waiting)
    assert held.times == 2
    assert (1 in seen, 2 in seen) == (True, kind == "write")
    assert await store.read(numbers) == [1, *([2] if kind == "write" else []), 3, 4, 5]


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_work_waits_for_a_server_that_is_away(store, mortal_postgres, kind):
    await store.write(put(1))
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()
    event.listen(
        store._writing, "do_connect", lambda *_: loop.call_soon_threadsafe(refused.set) and None
    )
    await asyncio.to_thread(mortal_postgres.stop)
    task = asyncio.ensure_future(store.read(numbers) if kind == "read" else store.write(put(2)))
    await refused.wait()
    await asyncio.to_thread(mortal_postgres.start)
    await task
    assert await store.read(numbers) == ([1] if kind == "read" else [1, 2])


async def test_a_server_that_stays_away_is_an_error_until_it_is_back(
    store, mortal_postgres, monkeypatch
):
    for module in (writer, store_module):
        monkeypatch.setattr(module, "PATIENCE_S", (0.01, 0.01))
    await store.write(put(1))
    await asyncio.to_thread(mortal_postgres.stop)
    try:
        for work in (store.read(numbers), store.write(put(2)), store.write(put(3))):
            with pytest.raises(StoreUnavailableError, match="try again later"):
                await work
    finally:
        await asyncio.to_thread(mortal_postgres.start)
    await store.write(put(4))
    assert await store.read(numbers) == [1, 4]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_commit_that_is_not_answered_is_asked_after_and_done_again_if_it_did_not_happen(
    store, mortal_postgres, moment
):
    """What happened is acknowledged, and nothing is done twice."""
    times = []

    def lose(connection):
        raw = connection.connection.driver_connection
        if moment == "after":
            raw.commit()
            raw.execute("SELECT 1")  # begins the transaction whose commit then fails
        mortal_postgres.run(f"SELECT pg_terminate_backend({raw.info.backend_pid}, 10000)")

    def once(connection):
        times.append(moment)
        return insert_or_ignore(connection, ROWS, [{"id": 1, "name": "a"}])

    event.listen(store._writing, "commit", lose, once=True)
    assert await store.write(once) == 1
    assert len(times) == (1 if moment == "after" else 2)
    assert await store.read(numbers) == [1]


async def test_a_commit_that_the_server_is_still_busy_with_is_waited_for(store, mortal_postgres):
    """Its connection is gone, but not what it does: to do it again at once would do it twice."""
    lost, done = threading.Event(), threading.Event()
    url = mortal_postgres.url.set(database=store._writing.url.database)
    times = []

    def lose(connection):
        raw = connection.connection.driver_connection
        raw.commit()
        raw.execute("SELECT 1")
        mortal_postgres.run(f"SELECT pg_terminate_backend({raw.info.backend_pid}, 10000)")
        other = create_engine(url, poolclass=NullPool).connect()
        other.begin()
        other.execute(text("SELECT mark FROM store_writers FOR UPDATE"))
        threading.Thread(target=lambda: (done.wait(), other.close())).start()
        lost.set()

    def once(connection):
        times.append(1)
        return insert_or_ignore(connection, ROWS, [{"id": 1, "name": "a"}])

    event.listen(store._writing, "commit", lose, once=True)
    writing = asyncio.create_task(store.write(once))
    await asyncio.to_thread(lost.wait)
    done.set()
    assert await writing == 1
    assert times == [1]
    assert await store.read(numbers) == [1]


TROUBLE = {"a full disk": "53100", "no memory": "53200", "a deadlock": "40P01"}


@pytest.mark.parametrize("state", TROUBLE.values(), ids=TROUBLE)
async def test_trouble_of_the_server_fails_the_work_that_meets_it_and_no_other(store, state):
    trap = text(f"DO $$ BEGIN RAISE EXCEPTION 'canary' USING ERRCODE = '{state}'; END $$")
    results = await asyncio.gather(
        *(store.write(put(number)) for number in range(5)),
        store.write(lambda connection: connection.execute(trap)),
        *(store.write(put(number)) for number in range(5, 10)),
        return_exceptions=True,
    )
    (failure,) = [each for each in results if isinstance(each, Exception)]
    assert isinstance(failure, StoreUnavailableError)
    assert "canary" not in str(failure)
    assert await store.read(numbers) == list(range(10))


async def test_a_row_that_somebody_holds_too_long_is_an_error(store, monkeypatch):
    monkeypatch.setattr(postgres, "_LOCK_TIMEOUT", "20ms")
    await store.write(put(1))
    other = create_engine(store.engine.url, poolclass=NullPool)
    with other.begin() as connection:
        connection.execute(text("SELECT * FROM public.rows FOR UPDATE"))
        with pytest.raises(StoreUnavailableError):
            await store.write(lambda connection: connection.execute(ROWS.delete()))
    await store.write(lambda connection: connection.execute(ROWS.delete()))
