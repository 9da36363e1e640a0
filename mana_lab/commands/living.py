"""``run`` and ``report``: personas live on, and what came of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mana_lab.commands.console import INTERRUPTED, finish, progress, refusals, say, show, warn
from mana_lab.commands.options import (
    HERE,
    Days,
    Folder,
    Seed,
    check_seeded,
    existing_lab,
    open_lab,
    refuse_typed,
    typed,
)
from mana_lab.commands.sharding import Lived, live_shard
from mana_lab.commands.tables import summary_table
from mana_lab.errors import SettingsError
from mana_lab.lab import Lab
from mana_lab.runner import Run
from mana_lab.runner.brains import CHOICE, SCRIPTED, foreseen
from mana_lab.runner.terms import DEFAULT_CONCURRENCY
from mana_lab.web.foreground import until_stopped

if TYPE_CHECKING:
    import pandas as pd


class Carrier(StrEnum):
    """What carries a run."""

    ASYNCIO = "asyncio"
    DASK = "dask"
    RAY = "ray"


_OF_A_RUN = ("days", "seed", "persona", "record")
_OF_A_SHARD = (
    *_OF_A_RUN,
    "concurrency",
    "budget",
    "brain",
    "resume",
    "engine",
    "workers",
    "gateway_workers",
)


def run(
    context: typer.Context,
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
    engine: Annotated[
        Carrier,
        typer.Option(help="What carries the run: this process, or processes of dask or ray."),
    ] = Carrier.ASYNCIO,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="How many processes dask or ray starts.")
    ] = 2,
    gateway_workers: Annotated[
        int, typer.Option(min=0, max=64, help="Processes of the gateway, with dask or ray.")
    ] = 0,
    shard: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Live only the part in this file.", metavar="FILE"),
    ] = None,
    record: Annotated[
        bool,
        typer.Option("--record", help="Keep what the app answers, in plain, for a replay."),
    ] = False,
) -> None:
    """Let the seeded personas of a lab live on for some days.

    For example: python -m mana_lab run --dir my-lab --days 7 --persona anna --persona maya

    With a model: python -m mana_lab run --brain anthropic:NAME --days 2 --budget 1.00

    A shard that Ctrl-C or SIGTERM stops releases what had begun, and ends with status 130.
    """
    with refusals():
        if shard is not None:
            refuse_typed(context, _OF_A_SHARD, "what a shard is lived with stands in its file")
        elif resume:
            refuse_typed(context, _OF_A_RUN, "--resume goes on with the run as it was begun")
    if shard is not None:
        finish(_live_shard(shard, folder))
        return
    carried = {"engine": engine.value, "workers": workers, "gateway_workers": gateway_workers}
    wish = _Wish(days, seed, persona, concurrency, budget, brain, resume, carried, record)
    finish(_run(folder, wish))


async def _live_shard(path: Path, folder: Path) -> None:
    with progress() as tell:
        lived = await until_stopped(live_shard(path, folder, tell))
    if lived is None or lived.status == "running":
        warn(_where_it_was_left(lived, path, folder))
        raise typer.Exit(INTERRUPTED)
    if lived.status != "done":
        warn(f"{lived} was stopped: the run's budget is used up; raise it in the file to go on")
        raise typer.Exit(1)
    say(f"{lived} is done")


def _where_it_was_left(lived: Lived | None, path: Path, folder: Path) -> str:
    which, ended, released = (lived, lived.ended, lived.released) if lived else ("it", 0, 0)
    return (
        f"{which} was stopped: {ended} of its ticks have ended, {released} that had begun are "
        f"released and will be done again; go on with: "
        f"{typed('run', '--dir', folder, '--shard', path)}"
    )


@dataclass(frozen=True)
class _Wish:
    days: float
    seed: int
    personas: list[str] | None
    concurrency: int
    budget: str | None
    brain: str
    resume: bool
    carried: dict[str, Any]
    record: bool

    @property
    def again(self) -> list[str]:
        """What has to be said again to go on; a budget can be another one then."""
        brain = [] if self.brain == SCRIPTED else ["--brain", self.brain]
        return brain if self.budget is None else [*brain, "--budget", "USD"]

    async def come_true(self, lab: Lab) -> Run:
        how: dict[str, Any] = {
            "brain": self.brain,
            "concurrency": self.concurrency,
            "budget": self.budget,
            **self.carried,
        }
        if self.resume:
            return await lab.resume(**how)
        what: dict[str, Any] = {"days": self.days, "personas": self.personas or None}
        if cost := foreseen(self.brain, await lab.expected_ticks(**what)):
            warn(cost)
        return await lab.run(seed=self.seed, record=self.record, **what, **how)


async def _run(folder: Path, wish: _Wish) -> None:
    with progress() as tell:
        async with await open_lab(existing_lab(folder), tell) as lab:
            check_seeded(lab, folder)
            try:
                done = await wish.come_true(lab)
            except asyncio.CancelledError:
                warn(_where_it_stands(await lab.reopen(-1), folder, wish))
                raise typer.Exit(INTERRUPTED) from None
            table = summary_table(done, _summary(lab, done, wish.personas or []))
    show(table)
    if done.status != "done":
        warn(_where_it_stands(done, folder, wish))
        raise typer.Exit(1)


def _where_it_stands(run: Run, folder: Path, wish: _Wish) -> str:
    ended = run.ticks - run.open_ticks
    begun = f", {run.open_ticks} that had begun will be done again" if run.open_ticks else ""
    why = f" ({run.reason})" if run.reason else ""
    return (
        f"the run was stopped{why}: {ended} ticks have ended{begun}; "
        f"go on with: {typed('run', '--dir', folder, '--resume', *wish.again)}"
    )


def _summary(lab: Lab, run: Run, personas: list[str]) -> pd.DataFrame:
    summary = lab.summary(run)
    chosen = {lab.catalog.get(name).name for name in personas}
    return summary[summary["persona"].isin(chosen)] if chosen else summary


def report(
    which: Annotated[
        str | None,
        typer.Argument(help="A run, by its number or its id; else all.", metavar="[RUN]"),
    ] = None,
    folder: Folder = HERE,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The file; else report.html in DIR.", metavar="FILE"),
    ] = None,
) -> None:
    """Write the HTML report of a run, or of all that a lab has.

    For example: python -m mana_lab report 2 --dir my-lab --out findings.html
    """
    finish(_report(folder, out or folder / "report.html", which))


async def _report(folder: Path, out: Path, which: str | None) -> None:
    known = existing_lab(folder)
    if not out.parent.is_dir():
        raise SettingsError(f"there is no folder {out.parent} to write {out.name} into")
    with progress() as tell:
        async with await open_lab(known, tell) as lab:
            page = lab.report(out, _run_named(which))
    say(f"The report: {page}")


def _run_named(which: str | None) -> str | int | None:
    return int(which) if which is not None and which.isdecimal() and len(which) < 10 else which
