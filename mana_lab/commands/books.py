"""``notebooks``: the curated notebooks, to copy, or to run anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mana_lab.commands.console import progress, refusals, say
from mana_lab.errors import SettingsError
from mana_lab.notebook.files import copy, notebook_files
from mana_lab.shipped import notebooks_dir


def notebooks(
    copy_to: Annotated[
        Path | None,
        typer.Option("--copy", file_okay=False, help="Copy them there.", metavar="DIR"),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Run them and store their outputs.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--dir", file_okay=False, help="Other notebooks than those that ship.", metavar="DIR"
        ),
    ] = None,
) -> None:
    """List the notebooks, copy them to work on, or run them and store their outputs.

    For example: python -m mana_lab notebooks --copy my-notebooks
    """
    with refusals():
        files = notebook_files(folder or notebooks_dir())
        if copy_to is not None and refresh:
            raise SettingsError("--copy and --refresh do not go together; do one after the other")
        if refresh:
            _refresh(files)
        elif copy_to is not None:
            copy(files, copy_to)
            say(f"{len(files)} notebooks are in {copy_to}; open them: jupyter lab {copy_to}")
        else:
            for file in files:
                say(str(file))


def _refresh(files: list[Path]) -> None:
    try:
        from mana_lab.notebook.refresh import refresh
    except ModuleNotFoundError:
        raise SettingsError(
            "running notebooks needs Jupyter; install it: pip install 'mana-lab[notebooks]'"
        ) from None
    with progress() as tell:
        for done, file in enumerate(files):
            tell("running notebooks", done, len(files))
            refresh(file)
        tell("running notebooks", len(files), len(files))
