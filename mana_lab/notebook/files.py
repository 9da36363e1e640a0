"""The notebooks that ship with the package, and copies of them to work on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from mana_lab.errors import ConflictError, NotFoundError


def notebook_files(folder: Path) -> list[Path]:
    """Return the notebooks of *folder* in reading order.

    Raises:
        NotFoundError: There is none.
    """
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        raise NotFoundError(f"no notebooks in {folder.name}/")
    return found


def copy(files: Iterable[Path], target: Path) -> list[Path]:
    """Copy notebooks into the folder *target*, which is made if it is missing.

    Raises:
        ConflictError: A file of that name is there already; nothing was copied.
    """
    pairs = [(file, target / file.name) for file in files]
    taken = [place.name for _, place in pairs if place.exists()]
    if taken:
        raise ConflictError(f"{target} has {', '.join(taken)} already; choose an empty folder")
    target.mkdir(parents=True, exist_ok=True)
    for file, place in pairs:
        shutil.copyfile(file, place)
    return [place for _, place in pairs]
