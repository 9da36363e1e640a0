"""How long tools take by how many records there are.

Run it with ``python tests/benchmarks/tools.py``. It prints, measured side by side in one run, the
milliseconds of listing ten notes, of a search that looks at every note and of creating one, at 10,
1,000 and 10,000 notes; and the time of the search as a multiple of decrypting the same texts and
doing nothing else. The first call of a process, which reads the whole log, is not in it.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "registry"))

from registry_house import open_house

from mana_lab.clock import ManualClock, iso_millis
from mana_lab.crypto import encrypt_fields, import_master_key, unwrap_value
from mana_lab.sync.wire import Change
from mana_lab.tools import default_registry
from mana_lab.tools.notes import NOTES

SIZES = (10, 1_000, 10_000)
ROUNDS = 7
TEXT = "Budget agreed, the next call is on Friday. " * 5


async def measured(work):
    """Return the median milliseconds of *work*."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await work()
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


async def fill(caller, table, size, key, record):
    """Write *size* records as a browser does; *record* makes their fields by number."""
    space = caller.space.id
    for start in range(0, size, 500):
        changes = []
        for n in range(start, min(start + 500, size)):
            ids = {"id": str(uuid.UUID(int=n, version=4)), "spaceId": space}
            data = encrypt_fields(ids | record(n), table.encrypted, key)
            made = Change.to_insert(table.name, ids["id"], data)
            changes.append(made.model_copy(update={"space_id": space}))
        await caller.push(table.app_id, *changes)


def note_at(now):
    """Return what makes the fields of a note by its number."""
    stamp = iso_millis(now)
    about = {"color": None, "isPinned": False, "isArchived": False}
    about |= {"createdAt": stamp, "updatedAt": stamp}
    return lambda n: {"title": f"Note {n}", "content": TEXT} | about


async def at_size(folder, size):
    """Return the medians of list, search, decryption and create with *size* notes."""
    clock = ManualClock()
    async with open_house(folder, clock, default_registry()) as house:
        anna = await house.user("anna")
        vault = await house.identity.vault_key(anna.token)
        key = import_master_key(base64.b64decode(vault.master_key))
        await fill(anna, NOTES, size, key, note_at(clock.now()))
        await anna.call("notes.list", limit=1)
        sealed = [
            change.data[name] for change in await everything(anna) for name in NOTES.encrypted
        ]

        async def decrypt():
            for text in sealed:
                unwrap_value(text, key)

        listing = await measured(lambda: anna.call("notes.list", limit=10))
        searching = await measured(lambda: anna.call("notes.search", query="nowhere to be found"))
        decrypting = await measured(decrypt)
        creating = await measured(lambda: anna.call("notes.create", title="One more"))
        return listing, searching, decrypting, creating


async def everything(caller):
    """Return every change of the notes, page by page."""
    found, cursor, more = [], "", True
    while more:
        page = await caller.house.sync.pull(caller.token, "notes", "notes", cursor)
        found += page.changes
        cursor, more = page.cursor, page.has_more
    return found


async def main():
    print(
        f"{'notes':>7} {'list 10':>9} {'search':>9} {'decrypt':>9} {'ratio':>6} {'create':>9}  (ms)"
    )
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            listing, searching, decrypting, creating = await at_size(Path(folder), size)
        ratio = searching / decrypting
        print(
            f"{size:>7} {listing:>9.2f} {searching:>9.2f} {decrypting:>9.2f} {ratio:>6.2f} "
            f"{creating:>9.2f}"
        )


if __name__ == "__main__":
    asyncio.run(main())
