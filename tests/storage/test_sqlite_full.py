"""A full disk under SQLite: nothing that was acknowledged is lost, and it may be freed."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text

from mana_lab.errors import StoreUnavailableError
from mana_lab.storage import Store

METADATA = MetaData()
ROWS = Table("rows", METADATA, Column("id", Integer, primary_key=True), Column("name", String))


def put(number, name="a"):
    return lambda connection: connection.execute(insert(ROWS).values(id=number, name=name))


def numbers(connection):
    return list(connection.execute(select(ROWS.c.id).order_by(ROWS.c.id)).scalars())


async def page_limit(store, pages):
    """Allow the file of a store to grow by so many pages, or without limit."""

    def work(connection):
        now = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        most = 2**30 if pages is None else now + pages
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")

    await store.write(work)


@pytest.mark.parametrize("at_once", [1, 8])
async def test_a_full_disk_loses_nothing_and_may_be_freed(tmp_path, at_once):
    url = f"sqlite:///{tmp_path}/rows.db"
    async with await Store.open(url, METADATA) as store:
        await store.write(put(0))
        await page_limit(store, 40)
        results = {}
        for start in range(1, 65, at_once):
            some = range(start, start + at_once)
            done = await asyncio.gather(
                *(store.write(put(number, "x" * 5_000)) for number in some), return_exceptions=True
            )
            results |= dict(zip(some, done, strict=True))
        failed = [number for number, each in results.items() if isinstance(each, Exception)]
        stored = [number for number in range(65) if number not in failed]
        assert {type(results[number]) for number in failed} == {StoreUnavailableError}
        assert "the disk is full" in str(results[failed[0]])
        assert 10 < len(stored) < 60
        assert await store.read(numbers) == stored
        await page_limit(store, None)
        await asyncio.gather(*(store.write(put(number)) for number in failed))
        assert await store.read(numbers) == list(range(65))
    async with await Store.open(url, METADATA) as store:
        assert await store.read(numbers) == list(range(65))
        check = text("PRAGMA integrity_check")
        assert await store.read(lambda connection: connection.scalar(check)) == "ok"


CHILD = """
import asyncio, json, resource, signal, sys
from mana_lab.errors import StoreUnavailableError
from mana_lab.storage import Store
from test_sqlite_full import METADATA, numbers, put

async def written(store, some):
    kept, told = [], set()
    for number in some:
        try:
            await store.write(put(number, "x" * 5_000))
            kept.append(number)
        except StoreUnavailableError as error:
            told.add(str(error))
    return kept, sorted(told)

async def main(url):
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with await Store.open(url, METADATA) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, most))
        kept, told = await written(store, range(60))
        found = await store.read(numbers)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        rest, _ = await written(store, sorted(set(range(60)) - set(kept)))
        print(json.dumps([kept, told, found, rest]))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process limits its files only on POSIX")
async def test_a_disk_that_takes_no_more_loses_nothing_either(tmp_path):
    """The write-ahead log itself cannot grow here, which shows only in the middle of a commit."""
    url = f"sqlite:///{tmp_path}/rows.db"
    command = (sys.executable, "-W", "error", "-c", CHILD, url)
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parent
    )
    output, _ = await child.communicate()
    assert child.returncode == 0
    kept, told, found, rest = json.loads(output)
    assert 5 < len(kept) < 55
    assert told == ["nothing was stored: the disk does not take it; try again later"]
    assert found == kept
    assert sorted(kept + rest) == list(range(60))
    async with await Store.open(url, METADATA) as store:
        assert await store.read(numbers) == list(range(60))
