"""How fast a large lab answers: how long it takes to open, and each question with a view.

Run it with ``python tests/benchmarks/analysis.py``; with ``--dir`` the lab that it makes is kept
and used again. It prints how long a lab of 1,000,000 calls takes from being opened to its first
answer, as a runner left it and with the mirror that this makes; and then, in turns in one run, the
time of each question in DuckDB and of the same question in pandas over frames that are in memory
already, after a check that both give the same numbers. Last come the findings of one of its runs,
which ask all of it and test the answers, and its report with all charts. What counts are the
ratios of the medians: the machine is shared, and single times are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

import analysis_pandas
import duckdb
import pandas as pd
from analysis_rows import fill

from mana_lab import Lab
from mana_lab.analysis.friction.definition import Scope
from mana_lab.analysis.views import DERIVED
from mana_lab.clock import SystemClock
from mana_lab.personas import sample

WINDOWS = {
    "calls",
    "tools",
    "personas",
    "errors",
    "error_recovery",
    "first_success",
    "repeats",
    "detours",
    "transitions",
    "variants",
    "confusion",
}
"""The questions that look at what comes before or after a call."""

SUMMED = {
    "calls": "friction_calls",
    "ratings_in_context": "ratings_in_context",
    "journeys": "journeys",
}
"""The questions with a row for each call, rating or tick, whose columns are added up."""


async def make(folder, options):
    """Make a lab of many calls; one that is there is used as it is."""
    if folder.exists():
        return
    async with await Lab.open(folder, catalog=sample(options.personas, seed=1)) as lab:
        await lab.seed()
    fill(folder, options.calls, options.runs)


async def opening(folder, rounds):
    """Print how long a lab takes from being opened to its first answer."""
    shutil.rmtree(folder / "mirror", ignore_errors=True)
    found = [await first_answer(folder)]
    mirrored = [await first_answer(folder) for _ in range(rounds)]
    print(f"first answer, as found    {found[0]:7.2f} s")
    print(f"first answer, mirrored    {median(mirrored):7.2f} s, aim below 2\n")


async def first_answer(folder):
    """Return how many seconds a lab takes from being opened to its first answer."""
    gc.collect()
    started = time.perf_counter()
    async with await Lab.open(folder) as lab:
        lab.sql("SELECT count(*) AS n FROM persona_actions")
        return time.perf_counter() - started


async def questions(folder, options):
    """Print the time of each question in DuckDB and in pandas."""
    async with await Lab.open(folder) as lab:
        calls, people, ratings = lab.actions_df(), lab.personas_df(), lab.feedback_df()
        others = {
            "undiscovered": (people,),
            "ratings_in_context": (ratings,),
            "journeys": (lab.ticks_df(),),
        }
        duck = lab.warehouse._current().duck
        failed = (calls["result"] == "error").mean()
        print(f"{len(calls):,} calls, {failed:.0%} failed, {len(people)} personas\n")
        print(f"{'':20}{'rows':>8}{'DuckDB':>10}{'pandas':>10}{'pandas / DuckDB':>18}  (seconds)")
        for name in analysis_pandas.COMPARED:
            if options.only and name not in options.only:
                continue
            given = (calls, *others.get(name, ()))
            one, other, rows = in_turns(name, duck, given, options.rounds)
            aims = [one < 0.5, name not in WINDOWS or other / one >= 5]
            missed = "" if all(aims) else "  misses its aim"
            print(f"{name:20}{rows:>8}{one:>10.3f}{other:>10.3f}{other / one:>18.1f}{missed}")


def in_turns(name, duck, given, rounds):
    """Return the median seconds of a question in DuckDB and in pandas, and the number of rows."""
    if name in SUMMED:
        columns = ", ".join(
            f"sum({each})::BIGINT AS {each}" for each in analysis_pandas.COMPARED[name]
        )
        query = f"SELECT {columns} FROM {SUMMED[name]}"
    else:
        query = DERIVED[f"friction_{name}"].sql(Scope())
    theirs = getattr(analysis_pandas, name)

    def ask():
        return duck.execute(query).df()

    analysis_pandas.assert_same(name, ask(), theirs(*given))
    times = [(timed(ask), timed(lambda: theirs(*given))) for _ in range(rounds)]
    one, other = zip(*times, strict=True)
    return median(one), median(other), len(ask())


async def findings(folder):
    """Print how long a run's findings take, what they rest on, and the report with the charts."""
    async with await Lab.open(folder) as lab:
        run = lab.runs_df()["run"].max()
        calls = len(lab.actions_df(run))
        print(f"\nrun {run}, {calls:,} calls")
        print(f"trust                {timed(lambda: lab.trust(run)):7.2f} s")
        print(f"findings             {timed(lambda: lab.findings(run)):7.2f} s")
        page = folder / "report.html"
        print(f"report               {timed(lambda: lab.report(page, run)):7.2f} s")


def timed(work):
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def run(options):
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.dir or Path(scratch)) / "lab"
        await make(folder, options)
        await opening(folder, options.rounds)
        await questions(folder, options)
        await findings(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("only", nargs="*", help="questions; all without")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--personas", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each question")
    parser.add_argument("--dir", type=Path, help="where to keep the lab")
    options = parser.parse_args()
    print(
        f"{SystemClock().now():%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, "
        f"pandas {pd.__version__}, load {os.getloadavg()[0]:.1f}\n"
    )
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
