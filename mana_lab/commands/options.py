"""The options that several commands have."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mana_lab.errors import SettingsError
from mana_lab.lab import DEFAULT_FOLDER, holds_lab

_MOST_DAYS = 3660


def _days(value: float) -> float:
    if not (math.isfinite(value) and 0 < value <= _MOST_DAYS):
        raise typer.BadParameter(f"{value:g} is not more than 0 and at most {_MOST_DAYS}")
    return value


def _seed(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise typer.BadParameter("a seed is a whole number of 64 bits")
    return value


Folder: TypeAlias = Annotated[
    Path, typer.Option("--dir", file_okay=False, help="The lab's folder.", metavar="DIR")
]
Days: TypeAlias = Annotated[
    float, typer.Option(callback=_days, help="How many simulated days.", metavar="DAYS")
]
Seed: TypeAlias = Annotated[
    int,
    typer.Option(callback=_seed, help="The same seed gives the same calls.", metavar="SEED"),
]

HERE = Path(DEFAULT_FOLDER)


def existing_lab(folder: Path) -> Path:
    """Return *folder* if there is a lab in it.

    Raises:
        SettingsError: There is none; nothing was made.
    """
    if not holds_lab(folder):
        raise SettingsError(
            f"there is no lab in {folder}; make one with: python -m mana_lab seed --dir {folder}"
        )
    return folder
