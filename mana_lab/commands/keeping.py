"""``keep``, ``export`` and ``replay``: runs as folders, and the same run once more."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from mana_lab.commands.console import finish, progress, say
from mana_lab.commands.options import HERE, Folder, existing_lab, open_lab, typed
from mana_lab.errors import InvalidInputError
from mana_lab.lab import Lab, Replay, RunFolder
from mana_lab.lab.recording import MANA
from mana_lab.lab.replays import Mode


def keep(
    out: Annotated[Path, typer.Argument(help="The folder to make.", metavar="FOLDER")],
    folder: Folder = HERE,
    run: Annotated[
        int, typer.Option(help="Which run, from 1; -1 is the last one.", metavar="N")
    ] = -1,
) -> None:
    """Keep a run as a folder that can be read without the lab, and replayed.

    It holds what the personas did, said and wrote, in plain, and no password, token or key.

    For example: python -m mana_lab keep run-1 --dir my-lab
    """
    finish(_keep(folder, out, run))


async def _keep(folder: Path, out: Path, run: int) -> None:
    with progress() as tell:
        async with await open_lab(existing_lab(folder), tell) as lab:
            kept = await lab.keep_run(run, out)
    say(f"Kept:    {kept.path}")
    mode = "all" if kept.manifest.run.app_on_tape else "brain"
    say(f"Replay:  {typed('replay', kept.path, '--mode', mode)}")


def export(
    out: Annotated[Path, typer.Argument(help="The folder to make.", metavar="FOLDER")],
    folder: Folder = HERE,
) -> None:
    """Write all runs as Parquet files, partitioned by run, for whatever reads those.

    They hold what the personas did and said, in plain, and no password, token or key.

    For example: python -m mana_lab export my-lab-parquet --dir my-lab
    """
    finish(_export(folder, out))


async def _export(folder: Path, out: Path) -> None:
    with progress() as tell:
        async with await open_lab(existing_lab(folder), tell) as lab:
            lab.export(out)
            found = lab.sql(
                "SELECT (SELECT count(*) FROM persona_actions) AS calls, "
                "(SELECT count(*) FROM runs) AS runs"
            ).iloc[0]
    say(f"Exported: {found['calls']} calls of {found['runs']} runs, to {out}")
    say(f"Read it:  from mana_lab import Archive; Archive.open({str(out)!r})")


def replay(
    folder: Annotated[Path, typer.Argument(help="What keep made.", metavar="FOLDER")],
    mode: Annotated[
        Mode,
        typer.Option(
            help="all: no app, its answers are on tape, too; brain: models' answers from the "
            "tape, and a live app.",
        ),
    ] = "all",
    lab: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            file_okay=False,
            help="For --mode brain: a lab that stands where the run began; else a fresh one is "
            "made, and gone afterwards.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Live a run again that was kept, and tell the first place at which it differs.

    No model is asked, and no network is needed. The status is 1 where there is a difference.

    For example: python -m mana_lab replay run-1 --mode brain
    """
    came = finish(_replay(folder, mode, lab))
    say(str(came))
    if not came.same:
        raise typer.Exit(1)


async def _replay(folder: Path, mode: Mode, lab: Path | None) -> Replay:
    kept = RunFolder.open(folder)
    if mode == "all":
        if lab is not None:
            raise InvalidInputError("--dir goes with --mode brain; without an app there is no lab")
        return await kept.replay()
    with progress() as tell:
        if lab is not None:
            async with await open_lab(existing_lab(lab), tell) as known:
                return await known.replay(kept)
        _check_app(kept)
        with tempfile.TemporaryDirectory(prefix="mana-replay-") as fresh:
            async with await Lab.open(fresh, catalog=kept.catalog, progress=tell) as made:
                await made.seed()
                return await made.replay(kept)


def _check_app(kept: RunFolder) -> None:
    recording = kept.manifest.recording
    if recording is not None and recording.app != MANA:
        raise InvalidInputError(
            f"the personas of this run used {recording.app}, which a fresh lab does not have; open "
            "one with Lab.target(…) and use its replay, or replay it without: --mode all"
        )
