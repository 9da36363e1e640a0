"""Whether planted faults are found, and none where there is none, as a table of Markdown.

Run it with ``python tests/benchmarks/planted_faults.py``; it takes some fifteen minutes. Ten kinds
of faults, each in an experiment of its own with twenty scripted personas and fourteen days, and
ten experiments in which treatment and control are the same.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import faults_house as house


def row(fault, found):
    named = found.named
    first = named[0] if named else None
    right = first is not None and (first.module, first.tool) == (fault.module, fault.tool)
    others = ", ".join(sorted({each.module for each in named} - {fault.module})) or "none"
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
        for fault in house.FAULTS:
            print(row(fault, await house.with_fault(fault, folder)), flush=True)
        alarms = 0
        for seed, fault in enumerate(house.FAULTS, start=101):
            found = await house.with_nothing(fault.modules, folder, seed)
            alarms += bool(found.named)
        print(f"| nothing, in {len(house.FAULTS)} experiments | | {alarms} false alarms | | | |")


asyncio.run(main())
