import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    event,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from store_house import PostgresHome

from mana_lab.errors import (
    SettingsError,
    StoreClosedError,
    StoreDamagedError,
    StoreForeignError,
)
from mana_lab.identity import server as identity
from mana_lab.storage import Store, UtcDateTime, insert_or_ignore

METADATA = MetaData()
ROWS = Table(
    "rows",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("happened_at", UtcDateTime),
)


@pytest.fixture
async def store(home):
    async with await Store.open(home.url("rows"), METADATA) as opened:
        yield opened


def put(number, name="a", moment=None):
    def work(connection: Connection):
        connection.execute(insert(ROWS).values(id=number, name=name, happened_at=moment))
        return number

    return work


def numbers(connection: Connection):
    return list(connection.execute(select(ROWS.c.id).order_by(ROWS.c.id)).scalars())


async def test_a_read_sees_every_acknowledged_write(store):
    for number in range(20):
        assert await store.write(put(number)) == number
        assert number in await store.read(numbers)


async def test_work_that_raises_leaves_nothing_and_disturbs_nobody(store):
    def half_written(connection: Connection):
        put(100)(connection)
        raise ValueError("changed my mind")

    results = await asyncio.gather(
        *(store.write(put(number)) for number in range(10)),
        store.write(half_written),
        store.write(put(3, "again")),
        *(store.write(put(number)) for number in range(10, 20)),
        return_exceptions=True,
    )
    failures = [result for result in results if isinstance(result, Exception)]
    assert {type(failure) for failure in failures} == {ValueError, IntegrityError}
    assert await store.read(numbers) == list(range(20))


async def test_a_failure_is_told_only_after_the_batch_is_committed(store):
    inside = threading.Event()
    release = threading.Event()
    told = threading.Event()
    told_before_the_commit = []

    def block(_connection: Connection):
        inside.set()
        release.wait()

    def fail(_connection: Connection):
        raise ValueError("refused")

    def note(_connection: Connection):
        told_before_the_commit.append(told.is_set())

    writer = store._writer
    first = writer.submit(block)
    await asyncio.to_thread(inside.wait)
    failing = writer.submit(fail)
    failing.add_done_callback(lambda _: told.set())
    last = writer.submit(note)
    release.set()
    await asyncio.gather(first, failing, last, return_exceptions=True)
    assert told_before_the_commit == [False]
    assert isinstance(failing.exception(), ValueError)


async def test_an_error_does_not_show_the_values_of_the_statement(store):
    await store.write(put(1))
    with pytest.raises(IntegrityError) as caught:
        await store.write(put(1, "a secret name"))
    assert "a secret name" not in str(caught.value)


async def test_waiting_writes_share_a_commit(store):
    inside = threading.Event()
    release = threading.Event()
    commits = []

    def block(connection: Connection):
        inside.set()
        release.wait()
        event.listen(connection, "commit", commits.append)

    first = asyncio.ensure_future(store.write(block))
    await asyncio.to_thread(inside.wait)
    rest = [asyncio.ensure_future(store.write(put(number))) for number in range(50)]
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(first, *rest)
    assert len(commits) <= 2
    assert len(await store.read(numbers)) == 50


async def test_a_write_that_was_cancelled_while_it_waited_does_not_happen(store):
    inside = threading.Event()
    release = threading.Event()

    def block(_connection: Connection):
        inside.set()
        release.wait()

    first = asyncio.ensure_future(store.write(block))
    await asyncio.to_thread(inside.wait)
    waiting = asyncio.ensure_future(store.write(put(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await first
    assert await store.read(numbers) == []


async def test_a_reader_cannot_write(store):
    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        await store.read(put(1))


async def test_commits_are_flushed_to_disk_and_foreign_keys_hold_in_a_file(tmp_path):
    def pragmas(connection: Connection):
        return {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }

    async with await Store.open(f"sqlite:///{tmp_path}/rows.db", METADATA) as store:
        assert await store.write(pragmas) == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
        }


async def test_commits_are_flushed_to_disk_where_the_server_would_not(postgres_home):
    name = postgres_home.database
    postgres_home.server.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    setting = text("SELECT current_setting('synchronous_commit')")
    async with await Store.open(postgres_home.url("rows"), METADATA) as store:
        assert await store.write(lambda connection: connection.scalar(setting)) == "on"


async def test_a_closed_store_says_so(home):
    store = await Store.open(home.url("rows"), METADATA)
    await store.close()
    await store.close()
    with pytest.raises(StoreClosedError):
        await store.write(put(1))
    with pytest.raises(StoreClosedError):
        await store.read(numbers)


async def test_what_was_acknowledged_is_there_after_reopening(home):
    url = home.url("rows")
    async with await Store.open(url, METADATA) as store:
        await asyncio.gather(*(store.write(put(number)) for number in range(100)))
    async with await Store.open(url, METADATA) as store:
        assert await store.read(numbers) == list(range(100))


async def test_a_store_serves_several_event_loops(store):
    def elsewhere():
        return asyncio.run(store.write(put(7)))

    assert await asyncio.to_thread(elsewhere) == 7
    assert await store.read(numbers) == [7]


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://localhost/x", "postgresql+asyncpg://localhost/x", "sqlite://"]
)
async def test_a_url_that_is_no_file_is_refused(url):
    with pytest.raises(SettingsError, match=r"sqlite:////path/to/file\.db"):
        await Store.open(url, METADATA)


async def test_instants_read_back_in_utc_and_sort_as_time(store):
    berlin = datetime(2026, 1, 5, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    await store.write(put(1, moment=berlin))
    await store.write(put(2, moment=datetime(2026, 1, 5, 8, 0, tzinfo=UTC)))
    await store.write(put(3))
    await store.write(put(4, moment=datetime(999, 1, 1, tzinfo=UTC)))
    query = select(ROWS.c.id, ROWS.c.happened_at).order_by(ROWS.c.happened_at.desc().nulls_last())
    rows = await store.read(lambda connection: connection.execute(query).all())
    assert [row.id for row in rows] == [1, 2, 4, 3]
    assert rows[0].happened_at == berlin
    assert rows[0].happened_at.tzinfo is UTC
    assert rows[3].happened_at is None


async def test_a_time_without_a_zone_is_refused(store):
    with pytest.raises(StatementError, match="needs a zone"):
        await store.write(put(1, moment=datetime(2026, 1, 5, 8, 0)))  # noqa: DTZ001


async def test_insert_or_ignore_counts_what_it_wrote(store):
    rows = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert await store.write(lambda connection: insert_or_ignore(connection, ROWS, rows)) == 2
    rows.append({"id": 3, "name": "c"})
    assert await store.write(lambda connection: insert_or_ignore(connection, ROWS, rows)) == 1


async def test_a_damaged_file_is_an_error_and_leaves_no_thread(tmp_path):
    (tmp_path / "rows.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreDamagedError, match=r"rows\.db cannot be used: file is not a database"):
        await Store.open(f"sqlite:///{tmp_path}/rows.db", METADATA)
    assert not [thread for thread in threading.enumerate() if thread.name == "mana-lab-writer"]


async def test_tables_of_somebody_else_are_left_alone(postgres):
    home = PostgresHome(postgres)
    with home.connected("") as connection:
        connection.execute(text("CREATE SCHEMA auth"))
        connection.execute(text("CREATE TABLE auth.users (id int PRIMARY KEY)"))
    with pytest.raises(StoreForeignError, match="users"):
        await Store.open(home.url(""), identity.METADATA)
    with home.connected("") as connection:
        assert inspect(connection).get_table_names("auth") == ["users"]
    home.close()
