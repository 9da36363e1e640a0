"""Whether planted faults are found, and none where there is none, as a table of Markdown.

Run it with ``python tests/benchmarks/planted_faults.py``; it takes some fifteen minutes. Ten kinds
of faults, each in an experiment of its own with scripted personas, and ten experiments in which
treatment and control are the same. The last row has the totals.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import faults_house as house


def is_found(fault, found):
    return [(each.module, each.tool) for each in found.named[:1]] == [(fault.module, fault.tool)]


def others_of(fault, found):
    return sorted({each.module for each in found.named} - {fault.module})


def row(fault, found):
    first = found.named[0] if found.named else None
    right = is_found(fault, found)
    others = ", ".join(others_of(fault, found)) or "none"
    told = f"{first.measure} {first.difference:+.2f} | {first.p:.4f}" if first else " | "
    verdict = "found" if right else "missed"
    return f"| {fault.kind} | `{fault.tool}` | {verdict} | {told} | {others} |"


async def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(
            "| fault | planted in | | what of it, treated less control | p | other modules named |"
        )
        print("|---|---|---|---|---|---|")
        hits, beside, alarms = 0, 0, 0
        for fault in house.FAULTS:
            found = await house.with_fault(fault, folder)
            hits += is_found(fault, found)
            beside += len(others_of(fault, found))
            print(row(fault, found), flush=True)
        for seed, fault in enumerate(house.FAULTS, start=101):
            found = await house.with_nothing(fault.modules, folder, seed)
            alarms += bool(found.named)
        of = len(house.FAULTS)
        print(f"| nothing, in {of} experiments | | {alarms} false alarms | | | |")
        print(f"| **together** | | {hits} found, {of - hits} missed | | | {beside} false alarms |")


asyncio.run(main())
