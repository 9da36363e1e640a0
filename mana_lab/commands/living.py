"""``run`` and ``report``: personas live on, and what came of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mana_lab.commands.console import finish, progress, say, show, warn
from mana_lab.commands.options import (
    HERE,
    Days,
    Folder,
    Seed,
    existing_lab,
    open_lab,
    typed,
)
from mana_lab.commands.tables import summary_table
from mana_lab.errors import SettingsError, UnknownPersonaError
from mana_lab.lab import Lab
from mana_lab.runner import Run
from mana_lab.runner.brains import CHOICE, SCRIPTED, brain_of, foreseen
from mana_lab.runner.fleet import DEFAULT_CONCURRENCY

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
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, help="How many use the app at the same time.")
    ] = DEFAULT_CONCURRENCY,
    budget: Annotated[
        str | None,
        typer.Option(help="US dollars that models may take; then the run stops.", metavar="USD"),
    ] = None,
    brain: Annotated[str, typer.Option(help=CHOICE, metavar="BRAIN")] = SCRIPTED,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last run, which was stopped.")
    ] = False,
) -> None:
    """Let the seeded personas of a lab live on for some days.

    For example: python -m mana_lab run --dir my-lab --days 7 --persona anna --persona maya

    With a model: python -m mana_lab run --brain anthropic:NAME --days 2 --budget 1.00
    """
    finish(_run(folder, _Wish(days, seed, persona, concurrency, budget, brain, resume)))


@dataclass(frozen=True)
class _Wish:
    days: float
    seed: int
    personas: list[str] | None
    concurrency: int
    budget: str | None
    brain: str
    resume: bool

    async def come_true(self, lab: Lab) -> Run:
        async with brain_of(self.brain) as brain:
            how: dict[str, Any] = {
                "brain": brain,
                "concurrency": self.concurrency,
                "budget": self.budget,
            }
            if self.resume:
                return await lab.resume(**how)
            what: dict[str, Any] = {"days": self.days, "personas": self.personas or None}
            if cost := foreseen(self.brain, await lab.expected_ticks(**what)):
                warn(cost)
            return await lab.run(seed=self.seed, **what, **how)


async def _run(folder: Path, wish: _Wish) -> None:
    with progress() as tell:
        async with await open_lab(existing_lab(folder), tell) as lab:
            _check_seeded(lab, folder)
            try:
                done = await wish.come_true(lab)
            except asyncio.CancelledError:
                warn(_where_it_stands(await lab.reopen(-1), folder))
                raise
            table = summary_table(done, _summary(lab, done, wish.personas or []))
    show(table)
    if done.status != "done":
        warn(_where_it_stands(done, folder))
        raise typer.Exit(1)


def _where_it_stands(run: Run, folder: Path) -> str:
    ended = run.ticks - run.open_ticks
    begun = f", {run.open_ticks} that had begun will be done again" if run.open_ticks else ""
    why = f" ({run.reason})" if run.reason else ""
    return (
        f"the run was stopped{why}: {ended} ticks have ended{begun}; "
        f"go on with: {typed('run', '--dir', folder, '--resume')}"
    )


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
