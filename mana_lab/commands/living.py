"""``run`` and ``report``: personas live on, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mana_lab.commands.console import finish, progress, say, show
from mana_lab.commands.options import HERE, Days, Folder, Seed, existing_lab, open_lab, typed
from mana_lab.commands.tables import summary_table
from mana_lab.errors import SettingsError, UnknownPersonaError
from mana_lab.lab import Lab
from mana_lab.runner import Run

if TYPE_CHECKING:
    import pandas as pd


def run(
    folder: Folder = HERE,
    days: Days = 14,
    seed: Seed = 7,
    persona: Annotated[
        list[str] | None,
        typer.Option(help="Only this persona; give it again for more.", metavar="NAME"),
    ] = None,
) -> None:
    """Let the seeded personas of a lab live on for some days.

    For example: python -m mana_lab run --dir my-lab --days 7 --persona anna --persona maya
    """
    finish(_run(folder, days, seed, persona))


async def _run(folder: Path, days: float, seed: int, personas: list[str] | None) -> None:
    with progress() as tell:
        async with await open_lab(existing_lab(folder), tell) as lab:
            _check_seeded(lab, folder)
            done = await lab.run(days=days, seed=seed, personas=personas or None)
            table = summary_table(done, _summary(lab, done, personas or []))
    show(table)


def _check_seeded(lab: Lab, folder: Path) -> None:
    if lab.personas_df().empty:
        raise UnknownPersonaError(
            f"nobody is seeded in {folder} yet; do it with: {typed('seed', '--dir', folder)}"
        )


def _summary(lab: Lab, run: Run, personas: list[str]) -> pd.DataFrame:
    summary = lab.summary(run)
    chosen = {lab.catalog.get(name).name for name in personas}
    return summary[summary["persona"].isin(chosen)] if chosen else summary


def report(
    folder: Folder = HERE,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The file; else report.html in DIR.", metavar="FILE"),
    ] = None,
) -> None:
    """Write the HTML report of a lab.

    For example: python -m mana_lab report --dir my-lab --out findings.html
    """
    finish(_report(folder, out or folder / "report.html"))


async def _report(folder: Path, out: Path) -> None:
    known = existing_lab(folder)
    if not out.parent.is_dir():
        raise SettingsError(f"there is no folder {out.parent} to write {out.name} into")
    with progress() as tell:
        async with await open_lab(known, tell) as lab:
            tell("writing the report", 0, 1)
            page = lab.report(out)
            tell("writing the report", 1, 1)
    say(f"The report: {page}")
