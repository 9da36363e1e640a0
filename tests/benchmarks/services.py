"""How fast the services do what they are bound by something else to do.

Run it with ``python tests/benchmarks/services.py``. Everything is measured side by side in one
run, and what counts are the ratios:

- seeding 100 personas, against the processors' own rate of password hashes: each persona costs
  one hash for the sign-up and one for the sign-in that opens the vault;
- one login, against one hash;
- durable pushes and a long pull of the sync service, against SQLite used by hand: see ``sync.py``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(1, str(Path(__file__).parent))

import sync

from mana_lab import Lab
from mana_lab.identity.server.passwords import PasswordCost, hash_password
from mana_lab.personas import Catalog, load_catalog

PERSONAS = 100
HASHES_PER_PERSONA = 2
ROUNDS = 15
PASSWORD = "correct horse battery staple"


def one_hash():
    """Return the seconds of one password hash at the cost that Mana uses."""
    started = time.perf_counter()
    hash_password(PASSWORD, PasswordCost())
    return time.perf_counter() - started


def hashes_per_second(count):
    """Return how many hashes a second the processors do, all at once."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        started = time.perf_counter()
        list(threads.map(lambda _: one_hash(), range(count)))
        return count / (time.perf_counter() - started)


def many():
    """Return a catalog of many personas, made of the ten."""
    ten = list(load_catalog())
    return Catalog(
        ten[n % len(ten)].model_copy(update={"name": f"P{n}", "email": f"persona.p{n}@mana.test"})
        for n in range(PERSONAS)
    )


async def seeding(folder):
    """Return how many personas a second are seeded, and the hashes a second before and after."""
    before = hashes_per_second(PERSONAS // 2)
    async with await Lab.open(folder / "many", catalog=many()) as lab:
        started = time.perf_counter()
        report = await lab.seed()
        took = time.perf_counter() - started
    assert report.count("created") == PERSONAS
    after = hashes_per_second(PERSONAS // 2)
    return PERSONAS / took, (before + after) / 2


async def login(folder):
    """Return the median seconds of a login and of one hash, measured in turns."""
    async with await Lab.open(folder / "ten") as lab:
        await lab.seed()
        logins, hashes = [], []
        for _ in range(ROUNDS):
            hashes.append(one_hash())
            started = time.perf_counter()
            await lab.token("anna")
            logins.append(time.perf_counter() - started)
    return median(logins), median(hashes)


async def main():
    with tempfile.TemporaryDirectory() as folder:
        rate, hashes = await seeding(Path(folder))
        took, bare = await login(Path(folder))
    used = rate * HASHES_PER_PERSONA
    print(
        f"seeding   {rate:6.1f} personas/s = {used:5.1f} hashes/s"
        f" of {hashes:5.1f} that the processors do: {used / hashes:.2f}"
    )
    print(f"login     {took * 1000:6.1f} ms p50, one hash {bare * 1000:5.1f} ms: {took / bare:.2f}")
    await sync.main()


if __name__ == "__main__":
    asyncio.run(main())
