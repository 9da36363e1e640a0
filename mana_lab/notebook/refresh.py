"""Run notebooks and store their outputs so that running them again changes no byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from mana_lab.errors import ConflictError, NotFoundError

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_CELL_SECONDS = 60


def notebook_files(folder: Path) -> list[Path]:
    """Return the notebooks of *folder* in reading order.

    Raises:
        NotFoundError: There is none.
    """
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        raise NotFoundError(f"no notebooks in {folder.name}/")
    return found


def refresh(path: Path) -> None:
    """Run the notebook at *path* from top to bottom and write its outputs into it.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell raised; the file stays as it was.
    """
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        _forget(cell)
    NotebookClient(
        book,
        timeout=_CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    book.metadata = nbformat.from_dict(_METADATA)
    text = nbformat.writes(book) + "\n"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _forget(cell: Any) -> None:
    cell.metadata.pop("execution", None)
    if cell.cell_type == "code":
        cell.outputs = []
        cell.execution_count = None


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
