"""Run notebooks and store their outputs so that running them again changes no byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from mana_lab.errors import NotebookFailedError

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_CELL_SECONDS = 60


def refresh(path: Path, *, cell_seconds: int = _CELL_SECONDS) -> None:
    """Run the notebook at *path* from top to bottom and write its outputs into it.

    Args:
        path: The notebook; it runs in its own folder.
        cell_seconds: How long a cell may take.

    Raises:
        NotebookFailedError: It is no notebook, or a cell raised or took too long; the file stays
            as it was.
    """
    book = _read(path)
    for cell in book.cells:
        _forget(cell)
    try:
        _run(book, path.parent, cell_seconds)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotebookFailedError(f"{path.name}: {_reason(error)}") from error
    book.metadata = nbformat.from_dict(_METADATA)
    text = nbformat.writes(book) + "\n"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _read(path: Path) -> Any:
    try:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - nbformat lets through whatever its upgrades stumble over
        raise NotebookFailedError(f"{path.name} is not a notebook") from None
    return book


def _run(book: Any, folder: Path, cell_seconds: int) -> None:
    NotebookClient(
        book,
        timeout=cell_seconds,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def _reason(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        return ": ".join(filter(None, [error.ename, _first_line(error.evalue)]))
    return _first_line(str(error))


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _forget(cell: Any) -> None:
    cell.metadata.pop("execution", None)
    if cell.cell_type == "code":
        cell.outputs = []
        cell.execution_count = None
