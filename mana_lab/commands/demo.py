"""``demo``: from nothing to a report in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mana_lab.commands.console import fail_if, finish, progress, say, show
from mana_lab.commands.options import Days, Seed, open_lab, typed
from mana_lab.commands.tables import summary_table


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", file_okay=False, help="The lab's folder.", metavar="DIR")
    ] = Path("mana-demo"),
    days: Days = 14,
    seed: Seed = 7,
) -> None:
    """Let the ten personas live some days in the app, and report what happened.

    Run it again, and they live on where they stopped.

    For example: python -m mana_lab demo --dir mana-demo --days 14
    """
    finish(_demo(folder, days, seed))


async def _demo(folder: Path, days: float, seed: int) -> None:
    with progress() as tell:
        async with await open_lab(folder, tell) as lab:
            seeded = await lab.seed()
            fail_if({each.persona.email: each.error or "" for each in seeded.failed}, "seeded")
            run = await lab.run(days=days, seed=seed)
            table = summary_table(run, lab.summary(run))
            page = lab.report(folder / "report.html")
    show(table)
    say(f"The report of everything so far: {page}")
    say(f"Live on:  {typed('demo', '--dir', folder)}")
    say(f"Connect:  {typed('serve', '--dir', folder)}")
