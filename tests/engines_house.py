"""The engines that carry shards, and the processes that they have."""

import os
import sqlite3
from contextlib import closing, suppress
from importlib.util import find_spec

import psutil
import pytest

ENGINES = ["dask", "ray"]
PROCESSES = {"dask": "spawn_main", "ray": "ray::Hand"}
"""What stands in the command lines of the processes that live shards."""
REQUIRED_RAY = "MANA_LAB_TEST_RAY_REQUIRED"


def installed_or_skip(engine):
    """Go on with an engine that is installed; Ray alone need not be."""
    if engine == "ray" and find_spec("ray") is None:
        if os.environ.get(REQUIRED_RAY):
            pytest.fail(f"{REQUIRED_RAY} is set, but Ray is not installed")
        pytest.skip("needs mana-lab[ray]")


def workers(engine):
    """Return the processes of an engine that live shards, among all that this one started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if PROCESSES[engine] in " ".join(child.cmdline()):
                found.append(child)
    return found


def open_and_ended(folder, run):
    """Return how many ticks of a run wait, and how many have ended; nobody holds one."""
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        held = "SELECT count(*) FROM ticks WHERE holder IS NOT NULL OR held_until IS NOT NULL"
        assert ledger.execute(held).fetchone() == (0,)
        query = """SELECT count(*) FILTER (WHERE status = 'waiting'), count(ended_at)
            FROM ticks WHERE run_id = ?"""
        return ledger.execute(query, (run,)).fetchone()
