"""``baseline``: what runs of a good app came to, for ``pytest --mana-baseline``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mana_lab import __version__
from mana_lab.commands.console import finish, progress, refusals, say, show
from mana_lab.commands.options import HERE, Folder, database_url
from mana_lab.display import visible
from mana_lab.errors import SettingsError
from mana_lab.lab.places import open_place, place_and_run
from mana_lab.notebook import Progress
from mana_lab.settings import write_private_text

if TYPE_CHECKING:
    from mana_lab.analysis.gate import Baseline, Measured

_NOTHING = "\N{EN DASH}"


def baseline(
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="The file; one that is there is replaced.")
    ],
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Numbers of runs of the lab, or other places: the folder of a lab, a run folder "
            "or an archive, with :RUN where it is not the last run. Else all runs of the lab.",
            metavar="[RUN | DIR[:RUN]]...",
        ),
    ] = None,
    folder: Folder = HERE,
) -> None:
    """Store what runs of one app came to, to hold later runs against it.

    It takes two or more in which nothing was changed but the seed: they tell what is noise.

    For example: python -m mana_lab baseline lab-1 lab-2 --out baseline.json

    Then: pytest --mana-baseline=baseline.json --mana-run=ci-lab
    """
    with refusals():
        if not out.parent.is_dir():
            raise SettingsError(f"there is no folder {out.parent} to write {out.name} into")
        finish(_baseline(folder, runs or [], out))


async def _baseline(folder: Path, names: list[str], out: Path) -> None:
    from mana_lab.analysis.gate import baseline_of

    with progress() as tell:
        found = [run for name in names for run in await _measured(folder, name, tell)]
        if not names:
            found = await _measured(folder, None, tell)
        made = baseline_of(found, made_by=__version__)
    write_private_text(out, made.text())
    show(_table(made))
    played = f"{made.brain} ({made.model})" if made.model else made.brain
    seeds = ", ".join(str(run.seed) for run in made.runs)
    say(f"Stored:  {out}: {len(made.runs)} runs of {made.days:g} days, {played}, seeds {seeds}")
    for failures in [run.failures for run in found if run.failed_ticks]:
        say(f"Note:    {failures}")
    again = shlex.join(["pytest", f"--mana-baseline={out}", "--mana-run=DIR"])
    say(f"Compare: {again}")


async def _measured(folder: Path, name: str | None, tell: Progress) -> list[Measured]:
    """Return the run that *name* says, or all of the lab's."""
    from mana_lab.analysis.gate import measured

    place, number = folder, None
    if name is not None and re.fullmatch(r"-?[0-9]{1,9}", name):
        number = int(name)
    elif name is not None:
        place, number = place_and_run(name)
    async with await open_place(place, database_url=database_url(), progress=tell) as reading:
        known = [int(each) for each in reading.runs_df()["run"]]
        numbers = known if number is None else [number]
        return [measured(reading.warehouse, each) for each in numbers]


def _table(made: Baseline) -> Table:
    table = Table("module", title="What unchanged runs differ by")
    for head in ("personas", "rating", "its floor", "failed calls", "their floor"):
        table.add_column(head, justify="right")
    for name, module in made.modules.items():
        uses = module.personas.values()
        ratings = [value for use in uses if (value := use.value("rating")) is not None]
        failed = [value for use in uses if (value := use.value("failed")) is not None]
        table.add_row(
            visible(name),
            str(len(module.personas)),
            _number(sum(ratings) / len(ratings) if ratings else None),
            _number(module.floor.rating),
            _share(sum(failed) / len(failed) if failed else None),
            _share(module.floor.failed),
        )
    return table


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.0%}"
